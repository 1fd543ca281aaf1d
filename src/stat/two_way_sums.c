/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sum over a run is a difference of running sums: for rows of the columns' effects, and for
 * columns of the starts and ends of runs. */
#include "stat/two_way_sums.h"

#include <math.h>

enum { ITERATIONS_MAX = 1000 };
static const double TOLERANCE = 1e-10;
/* Of the whole: what is left of rounding where a running sum returns to nothing. */
static const double ROUNDING = 1e-11;

void two_way_runs_sum(const struct two_way_sums *s, const double *size, double *out)
{
    double sum = 0.0, all = 0.0;
    memset(out, 0, (s->columns + 1) * sizeof *out);
    for (size_t r = 0; r < s->run_count; r++) {
        double watched = size[s->runs[r].row] * (double)s->runs[r].exposure;
        out[s->runs[r].from] += watched;
        out[s->runs[r].to] -= watched;
    }
    for (size_t i = 0; i < s->rows; i++) {
        all += size[i];
    }
    for (size_t t = 0; t <= s->columns; t++) {
        sum += out[t];
        out[t] = sum > ROUNDING * all ? sum : 0.0;
    }
}

/* ---- what can be compared ---- */

static size_t root_of(size_t *parent, size_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* `seen` holds for each column the first row met in it. */
static void components_find(const struct two_way_sums *s, size_t *component, uint32_t *seen)
{
    for (size_t i = 0; i < s->rows; i++) {
        component[i] = i;
    }
    memset(seen, 0xff, s->columns * sizeof *seen);
    for (size_t r = 0; r < s->run_count; r++) {
        const struct two_way_run *run = &s->runs[r];
        if (!(s->row_sum[run->row] > 0.0)) {
            continue;
        }
        for (size_t t = run->from; t < run->to; t++) {
            if (!(s->column_sum[t] > 0.0)) {
                continue;
            }
            if (seen[t] == UINT32_MAX) {
                seen[t] = run->row;
                continue;
            }
            size_t a = root_of(component, seen[t]), b = root_of(component, run->row);
            component[a < b ? b : a] = a < b ? a : b;
        }
    }
    for (size_t i = 0; i < s->rows; i++) {
        component[i] = root_of(component, i);
    }
}

/* ---- fit ---- */

/* The effects of rows from those of columns, given as running sums. Returns the greatest relative
 * change. */
static double rows_set(const struct two_way_sums *s, const double *running, double *row)
{
    double change = 0.0;
    for (size_t r = 0, i = 0; i < s->rows; i++) {
        double base = 0.0;
        for (; r < s->run_count && s->runs[r].row == i; r++) {
            base +=
                (double)s->runs[r].exposure * (running[s->runs[r].to] - running[s->runs[r].from]);
        }
        double next = base > 0.0 ? s->row_sum[i] / base : 0.0;
        double scale = fmax(next, row[i]);
        change = scale > 0.0 ? fmax(change, fabs(next - row[i]) / scale) : change;
        row[i] = next;
    }
    return change;
}

enum err two_way_sums_fit(const struct two_way_sums *s, struct arena *arena,
                          struct two_way_sizes *out)
{
    uint32_t *seen = arena_alloc(arena, (s->columns + 1) * sizeof *seen);
    double *watched = arena_alloc(arena, 2 * (s->columns + 1) * sizeof *watched);
    if (!seen || !watched) {
        return ERR_NOMEM;
    }
    double *running = watched + s->columns + 1;
    components_find(s, out->component, seen);
    for (size_t i = 0; i < s->rows; i++) {
        out->row[i] = s->row_sum[i] > 0.0 ? 1.0 : 0.0;
    }
    out->iterations = 0;
    out->is_converged = false;
    while (!out->is_converged && out->iterations < ITERATIONS_MAX) {
        two_way_runs_sum(s, out->row, watched);
        running[0] = 0.0;
        for (size_t t = 0; t < s->columns; t++) {
            running[t + 1] = running[t] + (watched[t] > 0.0 ? s->column_sum[t] / watched[t] : 0.0);
        }
        out->is_converged = rows_set(s, running, out->row) < TOLERANCE;
        out->iterations++;
    }
    return OK;
}
