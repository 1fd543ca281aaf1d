/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the series of `series` and `chart index|level` are of: everything, a label of today or of an
 * older generation, or mailers or campaigns. */
#ifndef CMD_SUBJECT_H
#define CMD_SUBJECT_H

#include "cmd/context.h"
#include "observe/index.h"

struct subject {
    const char *option;       /* that the values are of: "botnet", "campaign"; NULL: everything */
    enum dimension dimension; /* of the label; TOTAL of everything and of a campaign */
    unsigned generation;      /* of labels; 0: today's */
};

/* --botnet, --program, --mailer, --country or --campaign, and --generation. False after saying what
 * is wrong, such as two of them. */
bool subject_read(const struct command *c, struct subject *out);

/* Mailers, campaigns and older labels are counted by the day. */
bool subject_has_hours(const struct subject *s);
/* False after saying that it has none, when the step is an hour. */
bool subject_step_check(const struct command *c, const struct subject *s, enum index_step step);

/* Is the value a mailer or campaign, and not a label? */
bool subject_value_is_cluster(const struct subject *s, const char *value);

/* Makes `q` ask for one value of the option (NULL: everything). What it points to is in `arena`.
 * ERR_NOTFOUND for a mailer or campaign that is not there, ERR_USAGE, ERR_NOMEM. */
enum err subject_query(const struct subject *s, const char *value, struct store *store,
                       struct arena *arena, struct index_query *q, struct errbuf *eb) MUST_USE;

#define SUBJECT_OPTIONS                                                                            \
    LABEL_OPTIONS,                                                                                 \
        {"campaign", OPTION_NO_SHORT, "ID|NAME",                                                   \
         "Of this campaign (see spamgauge campaigns); of a name that several have: all of them. "  \
         "--mailer takes an id, such as mailer-0123abcd, as well."},                               \
    {                                                                                              \
        "generation", OPTION_NO_SHORT, "N",                                                        \
            "By the labels of an older generation, before a relabel or reindex (relabel --compare" \
            " lists them); with --botnet, --program or --mailer, by the day or longer."            \
    }

#endif
