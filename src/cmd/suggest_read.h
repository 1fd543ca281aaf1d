/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `rules suggest` drafts from and what it holds the draft against: files, rows of the store,
 * the tests of the rules. All is read twice: once to see what there is, once to count it. */
#ifndef CMD_SUGGEST_READ_H
#define CMD_SUGGEST_READ_H

#include "cluster/template.h"
#include "cmd/context.h"
#include "core/strmap.h"
#include "sig/suggest.h"
#include "store/cluster.h"

enum {
    DRAWN_MESSAGES = 4000,    /* of each mailer or campaign, at most */
    DRAWN_BACKGROUND = 200000 /* rows of the store, at most */
};

struct suggesting {
    struct context x;
    const struct command *c;
    struct suggest *suggest;
    struct analyser *analyser;
    struct template *body, *subject;
    struct arena *arena; /* of one message */
    struct strmap *ids;  /* of the wanted messages, as each trap of the store would have them */
    struct slice traps[64];
    size_t trap_count;
    struct suggest_head head;
    struct rules *rules;
    uint64_t wanted, against, of_tests, of_store;

    /* What of the arguments is no file */
    const char **paths;
    size_t path_count;
    struct id128 *messages; /* of the store */
    size_t message_count;
    enum cluster_kind kind; /* of the clusters */
    uint32_t *clusters;
    size_t cluster_count;
    struct arena *kept;        /* all of these, and what was drawn */
    struct store_drawn *drawn; /* of each cluster, and of all mail; NULL before it was drawn */
};

enum suggest_pass { SUGGEST_LEARN, SUGGEST_COUNT };

/* Sorts the arguments into files, mailers or campaigns, and messages of the store; opens the store
 * if it is wanted, and draws samples from it. Exit status; s->arena is there already. */
int suggest_sources(struct suggesting *s);
void suggest_sources_free(struct suggesting *s);

/* The wanted messages, in the same order in both passes. */
int suggest_read_wanted(struct suggesting *s, enum suggest_pass pass);
/* Counts the background: --against or the store, and the tests of the rules in effect. */
int suggest_read_background(struct suggesting *s);

#endif
