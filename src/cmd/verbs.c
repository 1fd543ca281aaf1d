/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/verbs.h"

/* clang-format off */
const struct verb *const VERBS[] = { /* one a line */
    &VERB_SERVE,
    &VERB_IMPORT,
    &VERB_REPORT,
    &VERB_HOSTS,
    &VERB_EXPLAIN,
    &VERB_CHART,
    &VERB_SERIES,
    &VERB_MESSAGE,
    &VERB_SESSION,
    &VERB_SESSIONS,
    &VERB_RULES_CHECK,
    &VERB_RULES_TEST,
    &VERB_RULES_LIST,
    &VERB_RULES_EXPLAIN,
    &VERB_CHANGES_NOW,
    &VERB_CHANGES_WATCH,
    &VERB_TRAP_LIST,
    &VERB_TRAP_GAPS,
    &VERB_TRAP_EDIT,
    &VERB_TRAP_HOURS,
    &VERB_DB_INFO,
    &VERB_DB_VERIFY,
    &VERB_DB_MIGRATE,
    &VERB_DB_VACUUM,
    &VERB_DB_RETAIN,
    &VERB_CANARY,
    &VERB_SPOOL_LS,
    &VERB_SPOOL_VERIFY,
    &VERB_SPOOL_CAT,
    &VERB_SPOOL_ANALYSE,
    &VERB_CHECK,
    NULL,
};
/* clang-format on */
