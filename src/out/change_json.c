/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/change_out.h"
#include "out/json_field.h"
#include "out/report_events.h"

#include <math.h>

enum { RATIO_DECIMALS = 6, LEVEL_DECIMALS = 3, P_DECIMALS = 12 };

/* A bucket's start, as its length has it; 0 is none. */
static void when_of(struct printer *p, const char *key, enum bucket bucket, int64_t time)
{
    print_key(p, key);
    if (!time) {
        print_null(p);
    } else if (bucket == BUCKET_HOUR) {
        print_time(p, time);
    } else {
        print_day(p, day_of(time));
    }
}

/* Relative changes: -0.41 is 41 % less. Null: unknown or without a bound. */
static void step_of(struct printer *p, const struct step *s)
{
    key_number(p, "change", s->ratio - 1.0, RATIO_DECIMALS);
    key_number(p, "change_low", s->low - 1.0, RATIO_DECIMALS);
    key_number(p, "change_high", s->high - 1.0, RATIO_DECIMALS);
    key_number(p, "before", s->before, LEVEL_DECIMALS);
    key_number(p, "after", s->after, LEVEL_DECIMALS);
}

static void windows_of(struct printer *p, const struct change *c)
{
    print_key(p, "windows");
    print_map_begin(p);
    for (size_t i = 0; i < CHANGE_WINDOWS; i++) {
        const struct change_window *w = &c->windows[i];
        char key[32];
        snprintf(key, sizeof key, "%s", w->name);
        for (char *k = key; *k; k++) {
            *k = *k == ' ' ? '_' : *k;
        }
        print_key(p, key);
        print_map_begin(p);
        step_of(p, &w->step);
        key_unsigned(p, "buckets", w->buckets);
        key_unsigned(p, "covered", w->covered);
        print_map_end(p);
    }
    print_map_end(p);
}

static void places_of(struct printer *p, const struct change *c)
{
    key_unsigned(p, "sites", c->sites);
    key_unsigned(p, "sites_seen", c->sites_seen);
    key_unsigned(p, "traps", c->traps);
    key_unsigned(p, "traps_seen", c->traps_seen);
    print_key(p, "places");
    print_list_begin(p);
    for (size_t i = 0; i < c->place_count; i++) {
        const struct change_place *place = &c->places[i];
        print_map_begin(p);
        key_text(p, "dimension", slice_cstr(dimension_name(place->dimension)));
        print_key(p, "name");
        print_text(p, place->name);
        key_text(p, "seen", slice_cstr(change_seen_name(place->seen)));
        step_of(p, &place->step);
        print_map_end(p);
    }
    print_list_end(p);
}

void change_print(struct printer *p, const struct change *c)
{
    const struct series_key *key = &c->series->key;
    enum bucket bucket = c->series->bucket;
    print_map_begin(p);
    when_of(p, "date", bucket, c->time);
    when_of(p, "earliest", bucket, c->earliest);
    when_of(p, "latest", bucket, c->latest);
    key_boolean(p, "is_gradual", c->is_gradual);
    key_text(p, "dimension", slice_cstr(dimension_name(key->dimension)));
    print_key(p, "value");
    print_text(p, key->value);
    key_text(p, "unit", slice_cstr(unit_name(key->unit)));
    key_text(p, "bucket", slice_cstr(bucket == BUCKET_HOUR ? "hour" : "day"));
    key_text(p, "direction", slice_cstr(c->size.ratio < 1.0 ? "fall" : "rise"));
    step_of(p, &c->size);
    print_key(p, "measured");
    print_map_begin(p);
    when_of(p, "before_since", bucket, c->before_from);
    when_of(p, "before_until", bucket, c->before_to);
    when_of(p, "after_since", bucket, c->after_from);
    when_of(p, "after_until", bucket, c->after_to);
    print_map_end(p);
    windows_of(p, c);
    key_text(p, "fate", slice_cstr(change_fate_name(c->fate)));
    when_of(p, "returned", bucket, c->returned);
    key_number(p, "returned_to", c->returned ? c->returned_to - 1.0 : (double)NAN, RATIO_DECIMALS);
    when_of(p, "undoes", bucket, c->undoes);
    key_number(p, "share_before", c->share_before, RATIO_DECIMALS);
    key_number(p, "share_after", c->share_after, RATIO_DECIMALS);
    places_of(p, c);
    key_number(p, "statistic", c->statistic, LEVEL_DECIMALS);
    key_number(p, "p", c->p, P_DECIMALS);
    key_number(p, "false_discovery_rate", c->q, P_DECIMALS);
    key_number(p, "prominence", c->prominence, LEVEL_DECIMALS);
    key_boolean(p, "is_main", c->is_main);
    key_boolean(p, "is_part", c->is_part);
    key_boolean(p, "is_confirmed", c->is_confirmed);
    key_text(p, "holiday", slice_cstr(c->holiday));
    print_key(p, "events");
    print_list_begin(p);
    for (size_t i = 0; i < c->event_count; i++) {
        print_map_begin(p);
        report_event_print(p, c->events[i]);
        print_map_end(p);
    }
    print_list_end(p);
    print_map_end(p);
}

/* How each line was looked at. */
static void lines_of(struct printer *p, const struct changes *c)
{
    print_key(p, "lines");
    print_list_begin(p);
    for (size_t i = 0; i < c->series; i++) {
        const struct change_line_note *n = &c->lines[i];
        print_map_begin(p);
        key_text(p, "dimension", slice_cstr(dimension_name(n->series->key.dimension)));
        print_key(p, "value");
        print_text(p, n->series->key.value);
        key_text(p, "model", slice_cstr(n->is_count ? "negative binomial" : "log-normal"));
        key_number(p, "rho", n->rho, LEVEL_DECIMALS);
        key_number(p, "variance", n->variance, RATIO_DECIMALS);
        key_number(p, "inflation", n->inflation, LEVEL_DECIMALS);
        key_unsigned(p, "observed", n->observed);
        key_unsigned(p, "candidates", n->candidates);
        print_map_end(p);
    }
    print_list_end(p);
}

bool changes_print(FILE *f, enum out_format format, const struct changes *c,
                   const struct change_query *q)
{
    struct printer *p = printer_new(format, f);
    if (!p) {
        return false;
    }
    print_map_begin(p);
    key_unsigned(p, "format_version", CHANGE_FORMAT_VERSION);
    key_text(p, "kind", slice_cstr("changes"));
    key_number(p, "least", q->least, RATIO_DECIMALS);
    print_key(p, "read_since");
    print_time(p, c->since);
    print_key(p, "read_until");
    print_time(p, c->until);
    key_unsigned(p, "tested", c->tested);
    print_key(p, "changes");
    print_list_begin(p);
    for (size_t i = 0; i < c->count; i++) {
        change_print(p, &c->items[i]);
    }
    print_list_end(p);
    if (format == OUT_JSON) { /* rows of another kind have no place in a list of changes */
        lines_of(p, c);
    }
    print_map_end(p);
    return printer_end(p);
}
