/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/change_out.h"
#include "out/report_events.h"

#include <math.h>

enum { RATIO_DECIMALS = 6, LEVEL_DECIMALS = 3, P_DECIMALS = 12 };

static void number_of(struct printer *p, const char *key, double v, int decimals)
{
    print_key(p, key);
    print_number(p, v, decimals);
}

static void unsigned_of(struct printer *p, const char *key, uint64_t v)
{
    print_key(p, key);
    print_unsigned(p, v);
}

static void boolean_of(struct printer *p, const char *key, bool v)
{
    print_key(p, key);
    print_boolean(p, v);
}

static void text_of(struct printer *p, const char *key, const char *s)
{
    print_key(p, key);
    print_text_or_null(p, slice_cstr(s));
}

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
    number_of(p, "change", s->ratio - 1.0, RATIO_DECIMALS);
    number_of(p, "change_low", s->low - 1.0, RATIO_DECIMALS);
    number_of(p, "change_high", s->high - 1.0, RATIO_DECIMALS);
    number_of(p, "before", s->before, LEVEL_DECIMALS);
    number_of(p, "after", s->after, LEVEL_DECIMALS);
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
        unsigned_of(p, "buckets", w->buckets);
        unsigned_of(p, "covered", w->covered);
        print_map_end(p);
    }
    print_map_end(p);
}

static void places_of(struct printer *p, const struct change *c)
{
    unsigned_of(p, "sites", c->sites);
    unsigned_of(p, "sites_seen", c->sites_seen);
    unsigned_of(p, "traps", c->traps);
    unsigned_of(p, "traps_seen", c->traps_seen);
    print_key(p, "places");
    print_list_begin(p);
    for (size_t i = 0; i < c->place_count; i++) {
        const struct change_place *place = &c->places[i];
        print_map_begin(p);
        text_of(p, "dimension", dimension_name(place->dimension));
        print_key(p, "name");
        print_text(p, place->name);
        text_of(p, "seen", change_seen_name(place->seen));
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
    boolean_of(p, "is_gradual", c->is_gradual);
    text_of(p, "dimension", dimension_name(key->dimension));
    print_key(p, "value");
    print_text(p, key->value);
    text_of(p, "unit", unit_name(key->unit));
    text_of(p, "bucket", bucket == BUCKET_HOUR ? "hour" : "day");
    text_of(p, "direction", c->size.ratio < 1.0 ? "fall" : "rise");
    step_of(p, &c->size);
    print_key(p, "measured");
    print_map_begin(p);
    when_of(p, "before_since", bucket, c->before_from);
    when_of(p, "before_until", bucket, c->before_to);
    when_of(p, "after_since", bucket, c->after_from);
    when_of(p, "after_until", bucket, c->after_to);
    print_map_end(p);
    windows_of(p, c);
    text_of(p, "fate", change_fate_name(c->fate));
    when_of(p, "returned", bucket, c->returned);
    number_of(p, "returned_to", c->returned ? c->returned_to - 1.0 : (double)NAN, RATIO_DECIMALS);
    when_of(p, "undoes", bucket, c->undoes);
    number_of(p, "share_before", c->share_before, RATIO_DECIMALS);
    number_of(p, "share_after", c->share_after, RATIO_DECIMALS);
    places_of(p, c);
    number_of(p, "statistic", c->statistic, LEVEL_DECIMALS);
    number_of(p, "p", c->p, P_DECIMALS);
    number_of(p, "false_discovery_rate", c->q, P_DECIMALS);
    number_of(p, "prominence", c->prominence, LEVEL_DECIMALS);
    boolean_of(p, "is_main", c->is_main);
    boolean_of(p, "is_part", c->is_part);
    boolean_of(p, "is_confirmed", c->is_confirmed);
    text_of(p, "holiday", c->holiday);
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
        text_of(p, "dimension", dimension_name(n->series->key.dimension));
        print_key(p, "value");
        print_text(p, n->series->key.value);
        text_of(p, "model", n->is_count ? "negative binomial" : "log-normal");
        number_of(p, "rho", n->rho, LEVEL_DECIMALS);
        number_of(p, "variance", n->variance, RATIO_DECIMALS);
        number_of(p, "inflation", n->inflation, LEVEL_DECIMALS);
        unsigned_of(p, "observed", n->observed);
        unsigned_of(p, "candidates", n->candidates);
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
    unsigned_of(p, "format_version", CHANGE_FORMAT_VERSION);
    text_of(p, "kind", "changes");
    number_of(p, "least", q->least, RATIO_DECIMALS);
    print_key(p, "read_since");
    print_time(p, c->since);
    print_key(p, "read_until");
    print_time(p, c->until);
    unsigned_of(p, "tested", c->tested);
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
