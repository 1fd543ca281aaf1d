/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs' entry points and tables, one file each; main.c's list is in verbs.c. */
#ifndef CMD_VERBS_H
#define CMD_VERBS_H

#include "cmd/verb.h"

extern const struct verb VERB_SERVE;
extern const struct verb VERB_ROLE; /* not in the list: a role of serve */
extern const struct verb VERB_CHANGES;

extern const struct verb VERB_IMPORT, VERB_REPORT, VERB_CHART, VERB_MESSAGE, VERB_CHECK;
extern const struct verb VERB_RULES_CHECK, VERB_RULES_TEST, VERB_RULES_EXPLAIN, VERB_RULES_LIST;
extern const struct verb VERB_RULES_SUGGEST;
extern const struct verb VERB_DB_INFO, VERB_DB_VERIFY, VERB_DB_VACUUM, VERB_DB_RETAIN;
extern const struct verb VERB_DB_MIGRATE;
extern const struct verb VERB_SESSION, VERB_SESSIONS, VERB_CANARY;
extern const struct verb VERB_SPOOL_LS, VERB_SPOOL_VERIFY, VERB_SPOOL_CAT, VERB_SPOOL_ANALYSE;
extern const struct verb VERB_TRAP_LIST, VERB_TRAP_GAPS, VERB_TRAP_EDIT, VERB_TRAP_HOURS;
extern const struct verb VERB_HOSTS, VERB_EXPLAIN;
extern const struct verb VERB_SERIES;
extern const struct verb VERB_SIMULATE_MAIL, VERB_SIMULATE_SPOOL;
extern const struct verb VERB_RELABEL, VERB_REINDEX;
extern const struct verb VERB_CHANGES_NOW, VERB_CHANGES_WATCH;

extern const struct verb VERB_MAILERS, VERB_MAILERS_NAME, VERB_MAILERS_JOIN, VERB_MAILERS_SPLIT;
extern const struct verb VERB_CAMPAIGNS, VERB_CAMPAIGNS_NAME, VERB_CAMPAIGNS_JOIN;
extern const struct verb VERB_CAMPAIGNS_SPLIT, VERB_MAILER, VERB_CAMPAIGN;

#endif
