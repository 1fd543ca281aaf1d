/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drafted rules for mailers that are shown. */
#ifndef CMD_DRAFT_H
#define CMD_DRAFT_H

#include "observe/clusters.h"

/* Drafts a rule for each of the mailers that no rule names, at most DRAFT_MAILERS of them. */
enum err drafts_add(struct store *s, struct cluster_line *lines, size_t count, struct arena *arena,
                    struct errbuf *eb) MUST_USE;

#endif
