/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/bulletin_out.h"
#include "out/change_out.h"
#include "out/clusters_out.h"
#include "out/explain_out.h"
#include "out/hosts_out.h"
#include "out/json_field.h"

static const char *gap_name(enum index_gap g)
{
    static const char *const NAMES[] = {"", "unwatched", "unlinked"};
    return NAMES[g];
}

static void point_print(struct printer *p, const struct index_point *point)
{
    print_map_begin(p);
    key_time(p, "from", point->from);
    key_time(p, "until", point->until);
    key_number(p, "index", point->index, 4);
    key_number(p, "low", point->low, 4);
    key_number(p, "high", point->high, 4);
    key_number(p, "level", point->level, 3);
    key_number(p, "exposure", point->exposure, 6);
    key_number(p, "completeness", point->completeness, 4);
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
    key_number(p, "dispersion", i->dispersion, 4);
    key_number(p, "trap_sd", i->trap_sd, 4);
    key_number(p, "site_sd", i->site_sd, 4);
    key_number(p, "site_persistence", i->site_persistence, 4);
    key_number(p, "drift_yearly", i->drift_yearly, 5);
    key_number(p, "geks_gap", i->geks_gap, 5);
    key_number(p, "weighting_gap", i->weighting_gap, 5);
    print_map_end(p);
}

static void line_print(struct printer *p, const struct bulletin_index *l)
{
    print_map_begin(p);
    print_key(p, "name");
    print_text(p, l->name);
    print_key(p, "newest");
    print_unsigned(p, l->newest);
    key_number(p, "change", l->change.index / 100 - 1, 6);
    key_number(p, "change_low", l->change.low / 100 - 1, 6);
    key_number(p, "change_high", l->change.high / 100 - 1, 6);
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
    key_time(p, "base_since", b->lines[0].index.base_since);
    key_time(p, "base_until", b->lines[0].index.base_until);
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
        key_number(p, "value", figures[i].value, figures[i].decimals);
        key_number(p, "low", figures[i].low, figures[i].decimals);
        key_number(p, "high", figures[i].high, figures[i].decimals);
        print_map_end(p);
    }
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
    key_time(p, "before_since", x->before_since);
    key_time(p, "before_until", x->before_until);
    key_time(p, "since", x->since);
    key_time(p, "until", x->until);
    key_number(p, "ratio", x->total.ratio.value, 6);
    key_number(p, "ratio_low", x->total.ratio.low, 6);
    key_number(p, "ratio_high", x->total.ratio.high, 6);
    print_key(p, "findings");
    print_list_begin(p);
    explain_findings(x, true, note_item, p);
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
    print_key(p, "new_mailers");
    clusters_lines_print(p, &b->new_mailers);
}
