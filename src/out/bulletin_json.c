/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/bulletin_out.h"
#include "out/change_out.h"
#include "out/explain_out.h"
#include "out/hosts_out.h"

static void number_of(struct printer *p, const char *key, double v, int decimals)
{
    print_key(p, key);
    print_number(p, v, decimals);
}

static void time_of(struct printer *p, const char *key, int64_t t)
{
    print_key(p, key);
    print_time(p, t);
}

static const char *gap_name(enum index_gap g)
{
    static const char *const NAMES[] = {"", "unwatched", "unlinked"};
    return NAMES[g];
}

static void point_print(struct printer *p, const struct index_point *point)
{
    print_map_begin(p);
    time_of(p, "from", point->from);
    time_of(p, "until", point->until);
    number_of(p, "index", point->index, 4);
    number_of(p, "low", point->low, 4);
    number_of(p, "high", point->high, 4);
    number_of(p, "level", point->level, 3);
    number_of(p, "exposure", point->exposure, 6);
    number_of(p, "completeness", point->completeness, 4);
    print_key(p, "gap");
    print_text_or_null(p, slice_cstr(gap_name(point->gap)));
    print_map_end(p);
}

static void checks_print(struct printer *p, const struct index *i)
{
    print_key(p, "checks");
    print_map_begin(p);
    print_key(p, "traps");
    print_unsigned(p, i->traps);
    print_key(p, "sites");
    print_unsigned(p, i->sites);
    number_of(p, "dispersion", i->dispersion, 4);
    number_of(p, "trap_sd", i->trap_sd, 4);
    number_of(p, "site_sd", i->site_sd, 4);
    number_of(p, "site_persistence", i->site_persistence, 4);
    number_of(p, "drift_yearly", i->drift_yearly, 5);
    number_of(p, "geks_gap", i->geks_gap, 5);
    number_of(p, "weighting_gap", i->weighting_gap, 5);
    print_map_end(p);
}

static void line_print(struct printer *p, const struct bulletin_index *l)
{
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, l->name);
    print_key(p, "newest");
    print_unsigned(p, l->newest);
    number_of(p, "change", l->change.index / 100 - 1, 6);
    number_of(p, "change_low", l->change.low / 100 - 1, 6);
    number_of(p, "change_high", l->change.high / 100 - 1, 6);
    checks_print(p, &l->index);
    print_key(p, "points");
    print_list_begin(p);
    for (size_t t = 0; t < l->index.count; t++) {
        point_print(p, &l->index.points[t]);
    }
    print_list_end(p);
    print_map_end(p);
}

static void index_print(struct printer *p, const struct bulletin *b)
{
    print_key(p, "index");
    if (!b->line_count) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    print_key(p, "step");
    print_text(p, slice_cstr(index_step_name(b->step)));
    time_of(p, "base_since", b->lines[0].index.base_since);
    time_of(p, "base_until", b->lines[0].index.base_until);
    print_key(p, "lines");
    print_list_begin(p);
    for (size_t k = 0; k < b->line_count; k++) {
        line_print(p, &b->lines[k]);
    }
    print_list_end(p);
    print_map_end(p);
}

static void hosts_print_line(struct printer *p, const struct bulletin_hosts *l)
{
    struct hosts_figure figures[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(&l->hosts, figures);
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, l->name);
    for (size_t i = 0; i < n; i++) {
        print_key(p, figures[i].name);
        print_map_begin(p);
        number_of(p, "value", figures[i].value, figures[i].decimals);
        number_of(p, "low", figures[i].low, figures[i].decimals);
        number_of(p, "high", figures[i].high, figures[i].decimals);
        print_map_end(p);
    }
    print_map_end(p);
}

static void finding_print(void *arg, const char *key, struct slice sentence)
{
    struct printer *p = arg;
    print_map_begin(p);
    print_key(p, "key");
    print_text(p, slice_cstr(key));
    print_key(p, "text");
    print_text(p, sentence);
    print_map_end(p);
}

static void explain_map(struct printer *p, const struct explain *x)
{
    print_key(p, "what_fell");
    if (!x) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    time_of(p, "before_since", x->before_since);
    time_of(p, "before_until", x->before_until);
    time_of(p, "since", x->since);
    time_of(p, "until", x->until);
    number_of(p, "ratio", x->total.ratio.value, 6);
    number_of(p, "ratio_low", x->total.ratio.low, 6);
    number_of(p, "ratio_high", x->total.ratio.high, 6);
    print_key(p, "findings");
    print_list_begin(p);
    explain_findings(x, true, finding_print, p);
    print_list_end(p);
    print_map_end(p);
}

void bulletin_print(struct printer *p, const struct bulletin *b)
{
    index_print(p, b);
    print_key(p, "changes");
    print_list_begin(p);
    for (size_t i = 0; i < b->change_count; i++) {
        change_print(p, b->changes[i]);
    }
    print_list_end(p);
    explain_map(p, b->explain);
    print_key(p, "hosts_estimated");
    print_list_begin(p);
    for (size_t i = 0; i < b->host_count; i++) {
        hosts_print_line(p, &b->hosts[i]);
    }
    print_list_end(p);
}
