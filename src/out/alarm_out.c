/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/alarm_out.h"

#include "core/clock.h"
#include "out/escape.h"
#include "out/human.h"

#include <math.h>

const char *alarm_kind_name(enum alarm_kind k)
{
    return k == ALARM_DAY ? "day" : "week";
}

const char *alarm_direction(const struct alarm *a)
{
    return a->is_drop ? "drop" : "rise";
}

enum { PERCENT_BYTES = HUMAN_BYTES + 2 };

static const char *percent(double ratio, bool use_utf8, char out[PERCENT_BYTES])
{
    char number[HUMAN_BYTES];
    if (!isfinite(ratio)) {
        return "unknown";
    }
    snprintf(out, PERCENT_BYTES, "%s %%", human_change(number, 100.0 * (ratio - 1.0), 0, use_utf8));
    return out;
}

void alarm_print_text(FILE *f, const struct alarm *a, bool use_utf8)
{
    char raised[11], date[11], from[11], to[11];
    char by[PERCENT_BYTES], low[PERCENT_BYTES], high[PERCENT_BYTES];
    struct strbuf name = STRBUF_INIT;
    const struct alarm_evidence *e = &a->evidence;
    escape_terminal(&name, a->series->key.value, use_utf8);
    day_text(day_of(a->raised), raised);
    day_text(day_of(a->date), date);
    day_text(day_of(a->date_from), from);
    day_text(day_of(a->date_to), to);
    fprintf(f, "%s  %s  %s %s: %s since %s (%s to %s), %s (%s to %s)\n", raised, alarm_direction(a),
            dimension_name(a->series->key.dimension), strbuf_cstr(&name),
            unit_name(a->series->key.unit), date, from, to, percent(a->ratio, use_utf8, by),
            percent(a->ratio_low, use_utf8, low), percent(a->ratio_high, use_utf8, high));
    if (a->kind == ALARM_DAY) {
        fprintf(f, "            CUSUM %.1f past %.1f, q %.2g; P(change in %u days) %.2f", e->cusum,
                e->cusum_threshold, e->q, e->window_days, e->change_p);
    } else {
        fprintf(f, "            q %.2g", e->q);
    }
    if (isfinite(e->week_observed)) {
        fprintf(f, "; week %.0f, expected %.0f (%.0f to %.0f)", e->week_observed, e->week_expected,
                e->week_lower, e->week_upper);
    }
    for (unsigned m = 0; m < 3; m++) {
        if (e->ears & 1u << m) {
            fprintf(f, "; EARS C%u", m + 1);
        }
    }
    fputc('\n', f);
    strbuf_free(&name);
}

static void number(struct printer *p, const char *key, double v, int decimals)
{
    print_key(p, key);
    print_number(p, v, decimals);
}

static void day(struct printer *p, const char *key, int64_t t)
{
    print_key(p, key);
    print_day(p, day_of(t));
}

static void text(struct printer *p, const char *key, struct slice s)
{
    print_key(p, key);
    print_text(p, s);
}

static void evidence_print(struct printer *p, const struct alarm_evidence *e)
{
    print_key(p, "evidence");
    print_map_begin(p);
    number(p, "cusum", e->cusum, 3);
    number(p, "cusum_threshold", e->cusum_threshold, 3);
    number(p, "p", e->p, 9);
    number(p, "q", e->q, 9);
    number(p, "e", e->e, 3);
    number(p, "change_probability", e->change_p, 4);
    print_key(p, "window_days");
    print_unsigned(p, e->window_days);
    number(p, "week_observed", e->week_observed, 0);
    number(p, "week_expected", e->week_expected, 1);
    number(p, "week_lower", e->week_lower, 0);
    number(p, "week_upper", e->week_upper, 0);
    for (unsigned m = 0; m < 3; m++) {
        static const char *const KEYS[] = {"ears_c1", "ears_c2", "ears_c3"};
        print_key(p, KEYS[m]);
        print_boolean(p, e->ears & 1u << m);
    }
    number(p, "log_sd", e->log_sd, 4);
    number(p, "rho", e->rho, 3);
    print_map_end(p);
}

void alarm_print(struct printer *p, const struct alarm *a)
{
    print_map_begin(p);
    text(p, "alarm", slice_cstr(alarm_direction(a)));
    text(p, "kind", slice_cstr(alarm_kind_name(a->kind)));
    text(p, "dimension", slice_cstr(dimension_name(a->series->key.dimension)));
    text(p, "value", a->series->key.value);
    text(p, "unit", slice_cstr(unit_name(a->series->key.unit)));
    day(p, "raised", a->raised);
    day(p, "date", a->date);
    day(p, "date_from", a->date_from);
    day(p, "date_to", a->date_to);
    number(p, "date_probability", a->date_p, 4);
    number(p, "ratio", a->ratio, 4);
    number(p, "ratio_low", a->ratio_low, 4);
    number(p, "ratio_high", a->ratio_high, 4);
    day(p, "before_from", a->before_from);
    day(p, "before_until", a->before_to);
    day(p, "since_from", a->since_from);
    day(p, "since_until", a->since_to);
    evidence_print(p, &a->evidence);
    print_map_end(p);
}

static void note(FILE *f, const struct alarms *alarms)
{
    char since[11], until[11];
    day_text(day_of(alarms->since), since);
    day_text(day_of(alarms->until), until);
    fprintf(f,
            "%s%zu alarm%s from %s up to %s, not with it; %zu series by day, %zu by week only, %zu "
            "too young or too small to tell.\n",
            alarms->count ? "\n" : "", alarms->count, alarms->count == 1 ? "" : "s", since, until,
            alarms->by_day, alarms->by_week, alarms->by_none);
}

bool alarms_print(FILE *f, enum out_format format, const struct alarms *alarms, bool use_utf8)
{
    if (format == OUT_TEXT) {
        for (size_t i = 0; i < alarms->count; i++) {
            alarm_print_text(f, &alarms->items[i], use_utf8);
        }
        note(f, alarms);
        return !ferror(f);
    }
    struct printer *p = printer_new(format, f);
    print_map_begin(p);
    day(p, "since", alarms->since);
    day(p, "until", alarms->until);
    print_key(p, "series_by_day");
    print_unsigned(p, alarms->by_day);
    print_key(p, "series_by_week");
    print_unsigned(p, alarms->by_week);
    print_key(p, "series_not_watched");
    print_unsigned(p, alarms->by_none);
    print_key(p, "alarms");
    print_list_begin(p);
    for (size_t i = 0; i < alarms->count; i++) {
        alarm_print(p, &alarms->items[i]);
    }
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}
