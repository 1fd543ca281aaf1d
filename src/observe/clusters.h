/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mailers and campaigns for people: the list of them, those that are new, and one in full. Volumes
 * are of the period and exact; hosts, countries, domains and relations are of the profiles, thus of
 * all time and of the parts in memory. docs/clusters.md, "Commands". Plain data, arena. */
#ifndef OBSERVE_CLUSTERS_H
#define OBSERVE_CLUSTERS_H

#include "core/arena.h"
#include "sig/suggest.h"
#include "store/cluster.h"

enum clusters_limits {
    CLUSTERS_LISTED = 20, /* lines when the query does not say */
    CLUSTERS_LISTED_MAX = 100000,
    CLUSTERS_PARTS = 10, /* of one in full */
    CLUSTERS_EVENTS = 50,
    CLUSTERS_DAYS_MAX = 4000, /* eleven years by the day; longer is by the month */

    /* What is new, fast-growing and of many hosts (docs/clusters.md) */
    CLUSTERS_NEW_DAYS = 28,  /* first seen within so many days of the period's end */
    CLUSTERS_NEW_HOSTS = 20, /* at least, by the lower end of the estimate */
    CLUSTERS_NEW_GROWTH = 2, /* times the messages of the seven days before */
};

struct clusters_query {
    struct store_filter filter; /* open ends: the store's first and last day */
    enum cluster_kind kind;
    size_t limit; /* 0: CLUSTERS_LISTED */
    bool is_new;  /* those alone that are unnamed, new, growing and of many hosts */
};

struct cluster_share {
    struct slice name; /* of a relation: an id or "-" for none */
    struct slice text; /* of a relation: the cluster's name, may be empty */
    uint64_t messages;
    double share; /* of those that the list is about */
};
struct cluster_shares {
    const struct cluster_share *items;
    size_t count;
};

struct cluster_line {
    struct slice id; /* "mailer-0123abcd" */
    struct slice name;
    uint32_t number;
    enum cluster_namer namer;
    enum cluster_label label; /* what the name is a name of */
    double probability;
    struct slice note;
    int64_t born;
    struct units units;         /* of the period; hosts are not filled */
    double share;               /* of all messages of the period; NAN when there are none */
    size_t parts;               /* seen in the period */
    int64_t first, last;        /* first and last receipt over all time; 0: unknown */
    double hosts;               /* distinct, of all time */
    double hosts_error;         /* its relative standard error; 0: exact */
    struct slice country;       /* the most frequent one */
    double country_share;       /* of the messages with a country */
    size_t countries;           /* different ones, as far as they are kept */
    uint64_t week, week_before; /* messages of the seven days up to the period's end and of the
                                   seven before, also where the period is shorter */

    /* Of one in full, and in a list of new ones */
    struct slice print; /* of its heaviest part */
    struct cluster_shares country_shares;
    struct cluster_shares relations; /* a mailer's campaigns, a campaign's mailers */
    struct rule_draft draft;         /* of a mailer; filled by who shows it (cmd/draft.h) */
};

struct clusters_list {
    enum cluster_kind kind;
    int64_t since, until; /* 0, 0: the store is empty */
    bool is_new;
    struct slice trap, site;
    struct cluster_line *lines; /* by messages; with is_new by hosts */
    size_t count;
    size_t more;          /* that there are besides */
    struct units total;   /* of all mail of the period */
    struct units outside; /* of what is in no cluster */
};

/* ERR_USAGE for an empty period; else what the store says. */
enum err clusters_list_build(struct store *s, struct clusters *c, const struct clusters_query *q,
                             struct arena *arena, struct clusters_list *out,
                             struct errbuf *eb) MUST_USE;

struct cluster_part_line {
    uint64_t key;
    uint64_t messages; /* of the period */
    struct slice text; /* the print; empty: it is no longer in memory */
};

struct cluster_sample {
    struct id128 id;
    bool is_kept; /* its row is still there */
    int64_t received;
    struct slice trap, country, subject;
};

struct cluster_page {
    enum cluster_kind kind;
    struct cluster_line line;
    struct slice asked; /* the id that was asked for, when it leads elsewhere by now; else empty */
    int64_t since, until;
    struct slice trap, site;
    enum bucket bucket;                      /* of the volume: BUCKET_DAY or BUCKET_MONTH */
    const struct cluster_series_row *volume; /* ascending; what is not there is none */
    size_t volume_count;
    struct cluster_shares traps; /* of the period, exact */
    struct cluster_shares labels[CLUSTER_LABEL_COUNT], domains;
    uint64_t labelled[CLUSTER_LABEL_COUNT]; /* messages with such a label */
    const struct cluster_part_line *parts;
    size_t part_count, parts_all; /* all: those in memory */
    const struct cluster_sample *samples;
    size_t sample_count;
    const struct cluster_event *events; /* newest first */
    size_t event_count;
    struct slice template; /* readable; empty: none */
    struct template_info learnt;
    struct slice rule; /* what a rule would search for; empty: nothing that tells enough */
};

/* ERR_NOTFOUND: no such cluster. */
enum err cluster_page_build(struct store *s, struct clusters *c, const struct store_filter *f,
                            enum cluster_kind kind, uint32_t id, struct arena *arena,
                            struct cluster_page *out, struct errbuf *eb) MUST_USE;

/* ---- inside: shared by clusters.c, cluster_page.c and cluster_shares.c ---- */

/* Resolves open ends against the store; whole days. ERR_USAGE, and what the store says. An empty
 * store gives 0, 0. */
enum err clusters_period(struct store *s, struct store_filter *f, struct errbuf *eb) MUST_USE;
/* The print of a part, by its place; empty when memory ran out, which *e then says. */
struct slice cluster_part_print(struct clusters *c, enum cluster_kind k, size_t place,
                                struct arena *arena, enum err *e);
/* What of a profile's members are, by messages; PROFILE_PARTNER: as clusters of the other kind. */
enum err cluster_shares_of(struct store *s, enum cluster_kind k, const struct profile *p,
                           enum profile_top top, struct arena *arena, struct cluster_shares *out,
                           struct errbuf *eb) MUST_USE;
/* Sorted, and each one's share of all. ERR_NOMEM. */
enum err cluster_shares_finish(struct arena *arena, const struct cluster_share *items, size_t count,
                               struct cluster_shares *out) MUST_USE;
/* Countries and relations of a line. */
enum err cluster_line_shares(struct store *s, enum cluster_kind k, const struct profile *p,
                             struct arena *arena, struct cluster_line *line,
                             struct errbuf *eb) MUST_USE;
/* All of a line but the figures of the period and what only some have. ERR_NOMEM. */
enum err cluster_line_fill(struct clusters *c, enum cluster_kind k, uint32_t id,
                           struct arena *arena, struct cluster_line *line) MUST_USE;

#endif
