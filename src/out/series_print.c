/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/series_print.h"

#include "out/json_field.h"

#include <math.h>

enum { SERIES_FORMAT_VERSION = 1 };

/* Of the value and the ends of its interval. */
static const struct {
    const char *name;
    int decimals;
} KINDS[SERIES_KIND_COUNT] = {
    [SERIES_INDEX] = {"index", 3},       [SERIES_LEVEL] = {"level", 1},
    [SERIES_SHARE] = {"share", 6},       [SERIES_HOSTS] = {"hosts", 0},
    [SERIES_EXPOSURE] = {"exposure", 6},
};

const char *series_kind_name(enum series_kind k)
{
    return KINDS[k].name;
}

bool series_kind_parse(struct slice s, enum series_kind *out)
{
    for (enum series_kind k = 0; k < SERIES_KIND_COUNT; k++) {
        if (slice_eq(s, slice_cstr(KINDS[k].name))) {
            *out = k;
            return true;
        }
    }
    return false;
}

const char *series_dimension_name(const struct series_document *d)
{
    return d->clusters ? cluster_kind_name(d->clusters->kind) : dimension_name(d->dimension);
}

static void text_of(struct printer *p, const char *key, const char *text)
{
    print_key(p, key);
    print_text_or_null(p, slice_cstr(text));
}

static void subject_print(struct printer *p, const struct series_document *d)
{
    text_of(p, "dimension", series_dimension_name(d));
    print_key(p, "value");
    print_text(p, d->value);
}

/* `is_alone`: nothing around it says what it is of. */
static void row_print(struct printer *p, const struct series_document *d,
                      const struct series_row *r, bool is_alone)
{
    int decimals = KINDS[d->kind].decimals;
    print_map_begin(p);
    print_key(p, "from");
    print_time(p, r->from);
    print_key(p, "until");
    print_time(p, r->until);
    key_number(p, KINDS[d->kind].name, r->value, decimals);
    if (d->kind != SERIES_HOSTS && d->kind != SERIES_EXPOSURE) {
        key_number(p, "low", r->low, decimals);
        key_number(p, "high", r->high, decimals);
    }
    if (d->kind == SERIES_SHARE) {
        key_number(p, "level", r->level, 1);
        key_number(p, "level_low", r->level_low, 1);
        key_number(p, "level_high", r->level_high, 1);
        text_of(p, "reading", r->reading ? share_reading_name(r->reading) : "");
        key_number(p, "observed_all", r->observed_all, 0);
    }
    if (d->kind != SERIES_HOSTS) {
        key_number(p, "observed", r->observed, 0);
    }
    if (d->kind != SERIES_EXPOSURE) {
        key_number(p, "exposure", r->exposure, 6);
    }
    key_number(p, "completeness", r->completeness, 6);
    print_key(p, "is_incomplete");
    print_boolean(p, r->is_incomplete);
    text_of(p, "missing", missing_name(r->missing));
    if (is_alone) {
        subject_print(p, d);
    }
    print_map_end(p);
}

static void rows_print(struct printer *p, const struct series_document *d, bool are_alone)
{
    print_list_begin(p);
    for (size_t i = 0; i < d->count; i++) {
        row_print(p, d, &d->rows[i], are_alone);
    }
    print_list_end(p);
}

/* The ids that the value stands for; null for a label. */
static void clusters_print(struct printer *p, const struct cluster_choice *c)
{
    char id[CLUSTER_ID_BYTES];
    print_key(p, "clusters");
    if (!c) {
        print_null(p);
        return;
    }
    print_list_begin(p);
    for (size_t i = 0; i < c->count; i++) {
        print_text(p, slice_of(id, cluster_id_print(c->kind, c->ids[i], id)));
    }
    print_list_end(p);
}

static void base_print(struct printer *p, const struct series_document *d)
{
    print_key(p, "base");
    if (!d->base_since && !d->base_until) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    print_key(p, "since");
    print_time(p, d->base_since);
    print_key(p, "until");
    print_time(p, d->base_until);
    print_map_end(p);
}

static void checks_print(struct printer *p, const struct index *i)
{
    print_key(p, "checks");
    if (!i) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    print_key(p, "windows");
    print_unsigned(p, i->windows);
    key_number(p, "dispersion", i->dispersion, 4);
    key_number(p, "trap_sd", i->trap_sd, 4);
    key_number(p, "site_sd", i->site_sd, 4);
    key_number(p, "site_persistence", i->site_persistence, 4);
    key_number(p, "drift_yearly", i->drift_yearly, 6);
    key_number(p, "geks_gap", i->geks_gap, 6);
    key_number(p, "weighting_gap", i->weighting_gap, 6);
    print_map_end(p);
}

static void note_print(void *arg, struct slice sentence)
{
    print_text(arg, sentence);
}

/* Only JSON has what stands beside the rows: of the other forms a list is the rows alone. */
static void document_print(struct printer *p, const struct series_document *d)
{
    print_map_begin(p);
    print_key(p, "format_version");
    print_integer(p, SERIES_FORMAT_VERSION);
    text_of(p, "kind", "series");
    text_of(p, "series", series_kind_name(d->kind));
    subject_print(p, d);
    clusters_print(p, d->clusters);
    print_key(p, "filter");
    print_map_begin(p);
    print_key(p, "trap");
    print_text_or_null(p, d->trap);
    print_key(p, "site");
    print_text_or_null(p, d->site);
    print_map_end(p);
    print_key(p, "generation");
    if (d->generation) {
        print_unsigned(p, d->generation);
    } else {
        print_null(p);
    }
    text_of(p, "unit", unit_name(d->unit));
    text_of(p, "step", index_step_name(d->step));
    text_of(p, "weighting", d->options.weighting == INDEX_BY_TRAP ? "trap" : "mail");
    print_key(p, "is_robust");
    print_boolean(p, d->options.is_robust);
    base_print(p, d);
    print_key(p, "traps");
    print_unsigned(p, d->traps);
    print_key(p, "sites");
    print_unsigned(p, d->sites);
    checks_print(p, d->index);
    print_key(p, "notes");
    print_list_begin(p);
    series_notes(d, note_print, p);
    print_list_end(p);
    print_key(p, "points");
    rows_print(p, d, false);
    print_map_end(p);
}

bool series_print(FILE *f, enum out_format format, const struct series_document *d)
{
    struct printer *p = printer_new(format, f);
    if (!p) {
        return false;
    }
    if (format == OUT_JSON) {
        document_print(p, d);
    } else {
        rows_print(p, d, true);
    }
    return printer_end(p);
}
