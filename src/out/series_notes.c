/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/strbuf.h"
#include "out/series_print.h"

#include <math.h>
#include <stdarg.h>

enum { IDS_NAMED = 8 };

struct notes {
    const struct series_document *d;
    series_note_fn fn;
    void *arg;
};

static void note(const struct notes *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(const struct notes *n, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    n->fn(n->arg, strbuf_slice(&text));
    strbuf_free(&text);
}

/* Which clusters they are, when that is not what was asked. */
static void clusters_note(const struct notes *n, const struct cluster_choice *c)
{
    struct strbuf ids = STRBUF_INIT;
    char id[CLUSTER_ID_BYTES];
    for (size_t i = 0; i < c->count && i < IDS_NAMED; i++) {
        strbuf_add_cstr(&ids, i ? ", " : "");
        strbuf_add(&ids, slice_of(id, cluster_id_print(c->kind, c->ids[i], id)));
    }
    if (c->count > IDS_NAMED) {
        strbuf_printf(&ids, " and %zu more", c->count - IDS_NAMED);
    }
    if (c->count > 1) {
        note(n, "%zu %ss have this name, and are added up: %s.", c->count,
             cluster_kind_name(c->kind), strbuf_cstr(&ids));
    } else if (!c->is_name && !slice_eq(c->asked, strbuf_slice(&ids))) {
        note(n, "%.*s is part of %s now; this is the series of the latter.", (int)c->asked.n,
             c->asked.p, strbuf_cstr(&ids));
    }
    strbuf_free(&ids);
}

static double percent_of_log(double x)
{
    return 100.0 * (exp(fabs(x)) - 1.0);
}

/* What the checks of the index say when they say something. */
static void checks_note(const struct notes *n, const struct index *i)
{
    if (fabs(i->drift_yearly) > 0.005) {
        note(n, "The chain of windows drifts by %.1f %% a year against one fit of all.",
             percent_of_log(i->drift_yearly));
    }
    if (i->geks_gap > INDEX_GAP_WARNS) {
        note(n, "The GEKS-Toernqvist index of four-week blocks differs by up to %.0f %%.",
             percent_of_log(i->geks_gap));
    }
    if (i->weighting_gap > INDEX_GAP_WARNS) {
        note(n,
             "Weighted by mail and by trap the index differs by up to %.0f %%: the traps do not "
             "tell one story. Look at them one by one (--trap, --site).",
             percent_of_log(i->weighting_gap));
    }
}

static void sites_note(const struct notes *n)
{
    const struct series_document *d = n->d;
    bool has_interval = d->kind != SERIES_HOSTS && d->kind != SERIES_EXPOSURE;
    if (has_interval && d->traps == 1) {
        note(n, "One trap: the intervals are those of counting alone.");
    } else if (has_interval && d->sites == 1) {
        note(n, "One site: what a site sees differently from others cannot be told, and the "
                "intervals say nothing of it.");
    } else if (has_interval && d->sites == 2) {
        note(n, "Two sites: what sites see differently is told from two alone; the intervals are "
                "wide for it.");
    }
}

static void readings_note(const struct notes *n)
{
    size_t others_fell = 0, others_rose = 0;
    for (size_t i = 0; i < n->d->count; i++) {
        others_fell += n->d->rows[i].reading == SHARE_OTHERS_FELL;
        others_rose += n->d->rows[i].reading == SHARE_OTHERS_ROSE;
    }
    if (others_fell) {
        note(n,
             "In %zu of %zu %ss the share was above the base's while the level was not: others "
             "fell.",
             others_fell, n->d->count, index_step_name(n->d->step));
    }
    if (others_rose) {
        note(n,
             "In %zu of %zu %ss the share was below the base's while the level was not: others "
             "rose.",
             others_rose, n->d->count, index_step_name(n->d->step));
    }
    if (n->d->kind == SERIES_SHARE && !n->d->base_since && !n->d->base_until) {
        note(n, "There was nothing of it, or of the rest, in the base period: shares are not "
                "compared with it (--base chooses another one).");
    }
}

static void late_note(const struct notes *n)
{
    size_t incomplete = 0;
    for (size_t i = 0; i < n->d->count; i++) {
        incomplete += n->d->rows[i].is_incomplete;
    }
    if (incomplete) {
        note(n,
             "%zu %s%s less than 90 %% complete: mail of late feeds is still to come, and of the "
             "last day; what is shown is a nowcast.",
             incomplete, index_step_name(n->d->step), incomplete == 1 ? " is" : "s are");
    }
}

void series_notes(const struct series_document *d, series_note_fn fn, void *arg)
{
    struct notes n = {d, fn, arg};
    sites_note(&n);
    if (d->index && d->kind == SERIES_INDEX) {
        checks_note(&n, d->index);
    }
    if (d->clusters) {
        clusters_note(&n, d->clusters);
    }
    if (d->generation) {
        note(&n, "Labels are those of generation %u, not today's.", d->generation);
    }
    readings_note(&n);
    late_note(&n);
    if (d->kind == SERIES_HOSTS) {
        note(&n, "Distinct addresses that were seen, not machines; how many machines that is, with "
                 "an interval, says spamgauge hosts.");
    }
}
