/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/draft.h"

#include "analyse/draft.h"
#include "core/clock.h"

enum err drafts_add(struct store *s, struct cluster_line *lines, size_t count, struct arena *arena,
                    struct errbuf *eb)
{
    uint32_t mailers[DRAFT_MAILERS];
    struct rule_draft drafts[DRAFT_MAILERS];
    struct cluster_line *drafted[DRAFT_MAILERS];
    size_t n = 0;
    for (size_t i = 0; i < count && n < DRAFT_MAILERS; i++) {
        if (lines[i].namer != CLUSTER_NAMER_RULES) {
            mailers[n] = lines[i].number;
            drafted[n++] = &lines[i];
        }
    }
    enum err e = n ? drafts_make(s, mailers, n, time_now(), arena, drafts, eb) : OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        drafted[i]->draft = drafts[i];
    }
    return e;
}
