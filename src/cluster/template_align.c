/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a template's anchors stand in a message. */
#include "cluster/template_part.h"

#include <stdlib.h>

/* ---- the usual case: all are there ---- */

static bool run_at(const struct anchor *run, size_t n, const struct token *at)
{
    for (size_t i = 0; i < n; i++) {
        if (run[i].hash != at[i].hash) {
            return false;
        }
    }
    return true;
}

/* The first place from `from` on at which the run stands; w->count when there is none. */
static size_t run_find(const struct anchor *run, size_t n, const struct tokens *w, size_t from)
{
    for (size_t at = from; at + n <= w->count; at++) {
        if (run_at(run, n, &w->items[at])) {
            return at;
        }
    }
    return w->count;
}

bool align_anchors(const struct template *t, const struct tokens *w, uint16_t *position)
{
    size_t at = 0;
    size_t hole = 0;
    for (size_t first = 0, end; first < t->anchor_count; first = end) {
        bool is_free = hole < t->hole_count && t->holes[hole].before == first;
        hole += is_free;
        end = hole < t->hole_count ? t->holes[hole].before : t->anchor_count;
        size_t n = end - first;
        bool is_last = end == t->anchor_count && hole == t->hole_count && !t->is_cut && !w->is_cut;
        if (w->count - at < n) {
            return false;
        }
        size_t found = is_last ? w->count - n : at;
        found = is_free && !is_last ? run_find(&t->anchors[first], n, w, at) : found;
        if (found + n > w->count || (!is_free && found != at) ||
            !run_at(&t->anchors[first], n, &w->items[found])) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            position[first + i] = (uint16_t)(found + i);
        }
        at = found + n;
    }
    return true;
}

/* ---- the rare case: some are missing ---- */

enum step { STEP_UP, STEP_LEFT, STEP_MATCH, STEP_MASK = 3, STEP_GOES_ON = 4 };
enum { RUN_BONUS = 1 }; /* for words side by side on both sides: a run tells more than its words */

struct grid {
    const struct anchor *a;
    const struct token *b;
    size_t n, m;
    uint8_t *steps;                       /* (n + 1) * (m + 1) */
    uint16_t best[2][TEMPLATE_WORDS + 1]; /* of all ways to here */
    uint16_t run[2][TEMPLATE_WORDS + 1];  /* of those that end with a match; 0: none */
};

/* Anchors that no learnt message lacked pull more than those that may be chance. */
static unsigned anchor_pull(const struct anchor *a)
{
    return (a->kind == WORD_PLAIN ? 2U : 1U) + (a->misses ? 0U : 2U);
}

static void grid_row(struct grid *g, size_t i)
{
    const uint16_t *best_above = g->best[(i - 1) & 1], *run_above = g->run[(i - 1) & 1];
    uint16_t *best = g->best[i & 1], *run = g->run[i & 1];
    uint8_t *steps = g->steps + i * (g->m + 1);
    unsigned pull = anchor_pull(&g->a[i - 1]);
    best[0] = run[0] = 0;
    for (size_t j = 1; j <= g->m; j++) {
        uint8_t step = best_above[j] >= best[j - 1] ? STEP_UP : STEP_LEFT;
        uint16_t most = step == STEP_UP ? best_above[j] : best[j - 1];
        run[j] = 0;
        if (g->a[i - 1].hash == g->b[j - 1].hash) {
            unsigned fresh = best_above[j - 1];
            unsigned on = run_above[j - 1] ? run_above[j - 1] + (unsigned)RUN_BONUS : 0U;
            run[j] = (uint16_t)(pull + (on > fresh ? on : fresh));
            step |= on > fresh ? STEP_GOES_ON : 0;
            if (run[j] >= most) {
                most = run[j];
                step = (uint8_t)((step & STEP_GOES_ON) | STEP_MATCH);
            }
        }
        best[j] = most;
        steps[j] = step;
    }
}

static void grid_trace(const struct grid *g, uint16_t *position, size_t offset)
{
    bool goes_on = false;
    for (size_t i = g->n, j = g->m; i && j;) {
        uint8_t step = g->steps[i * (g->m + 1) + j];
        if (goes_on || (step & STEP_MASK) == STEP_MATCH) {
            position[i - 1] = (uint16_t)(offset + j - 1);
            goes_on = step & STEP_GOES_ON;
            i--, j--;
        } else if ((step & STEP_MASK) == STEP_UP) {
            i--;
        } else {
            j--;
        }
    }
}

enum err align_common(const struct template *t, const struct tokens *w, uint16_t *position)
{
    size_t n = t->anchor_count, m = w->count, head = 0;
    for (size_t i = 0; i < n; i++) {
        position[i] = POSITION_NONE;
    }
    for (; head < n && head < m && t->anchors[head].hash == w->items[head].hash; head++) {
        position[head] = (uint16_t)head;
    }
    while (n > head && m > head && t->anchors[n - 1].hash == w->items[m - 1].hash) {
        position[--n] = (uint16_t)(--m);
    }
    struct grid *g = malloc(sizeof *g);
    uint8_t *steps = malloc((n - head + 1) * (m - head + 1));
    if (!g || !steps) {
        free(g);
        free(steps);
        return ERR_NOMEM;
    }
    g->a = t->anchors + head;
    g->b = w->items + head;
    g->n = n - head;
    g->m = m - head;
    g->steps = steps;
    memset(g->best[0], 0, sizeof g->best[0]);
    memset(g->run[0], 0, sizeof g->run[0]);
    for (size_t i = 1; i <= g->n; i++) {
        grid_row(g, i);
    }
    grid_trace(g, position + head, head);
    free(steps);
    free(g);
    return OK;
}
