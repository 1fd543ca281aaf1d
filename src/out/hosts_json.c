/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/hosts_out.h"
#include "out/json_field.h"

#include <math.h>

enum { DECIMALS = 6 };

static void time_or_null(struct printer *p, const char *key, int64_t t, bool is_known)
{
    print_key(p, key);
    if (is_known) {
        print_time(p, t);
    } else {
        print_null(p);
    }
}

static void head(struct printer *p, const char *kind)
{
    print_key(p, "format_version");
    print_integer(p, HOSTS_FORMAT_VERSION);
    print_key(p, "kind");
    print_text(p, slice_cstr(kind));
}

static void asked(struct printer *p, const struct hosts *h)
{
    print_key(p, "filter");
    print_map_begin(p);
    key_text(p, "botnet", h->botnet);
    key_text(p, "program", h->program);
    key_text(p, "trap", h->trap);
    key_text(p, "site", h->site);
    print_map_end(p);
}

static void period(struct printer *p, const char *key, const struct hosts *h)
{
    print_key(p, key);
    print_map_begin(p);
    time_or_null(p, "since", h->since, true);
    time_or_null(p, "until", h->until, true);
    print_key(p, "days");
    print_unsigned(p, h->day_count);
    print_key(p, "days_watched");
    print_unsigned(p, h->watched_count);
    print_map_end(p);
}

static const char *method_name(enum host_method m)
{
    return m == HOST_CHURN ? "churn_and_detection" : m == HOST_DETECTION ? "detection" : "none";
}

static const char *capture_name(enum hosts_capture k)
{
    return k == HOSTS_CAPTURE_AVERAGED ? "log_linear_average"
           : k == HOSTS_CAPTURE_TWO    ? "chapman"
                                       : "none";
}

static void methods(struct printer *p, const struct hosts *h)
{
    print_key(p, "machines_method");
    print_text(p, slice_cstr(method_name(h->fit.method)));
    print_key(p, "capture_method");
    print_text(p, slice_cstr(capture_name(h->capture_kind)));
    time_or_null(p, "busiest_hour", h->peak_hour_at, h->rows != 0);
    time_or_null(p, "rows_from", h->rows_from, h->rows_from != INT64_MIN);
}

static void days_and_sites(struct printer *p, const struct hosts *h)
{
    print_key(p, "days");
    print_list_begin(p);
    for (size_t i = 0; i < h->day_count; i++) {
        print_map_begin(p);
        print_key(p, "day");
        print_day(p, h->days[i].day);
        print_key(p, "hosts");
        print_unsigned(p, h->days[i].hosts);
        print_key(p, "messages");
        print_unsigned(p, h->days[i].messages);
        print_key(p, "is_watched");
        print_boolean(p, h->days[i].is_watched);
        print_map_end(p);
    }
    print_list_end(p);
    print_key(p, "sites");
    print_list_begin(p);
    for (size_t i = 0; i < h->site_count; i++) {
        print_map_begin(p);
        key_text(p, "site", h->sites[i].name);
        key_number(p, "hosts_daily", h->sites[i].daily, DECIMALS);
        print_key(p, "is_used");
        print_boolean(p, h->sites[i].is_used);
        print_map_end(p);
    }
    print_list_end(p);
}

bool hosts_print(FILE *f, enum out_format format, const struct hosts *h)
{
    struct printer *p = printer_new(format, f);
    struct hosts_figure figures[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(h, figures);
    print_map_begin(p);
    head(p, "hosts");
    asked(p, h);
    period(p, "period", h);
    methods(p, h);
    print_key(p, "figures");
    print_list_begin(p);
    for (size_t i = 0; i < n; i++) {
        print_map_begin(p);
        print_key(p, "name");
        print_text(p, slice_cstr(figures[i].name));
        key_number(p, "value", figures[i].value, DECIMALS);
        key_number(p, "low", figures[i].low, DECIMALS);
        key_number(p, "high", figures[i].high, DECIMALS);
        print_map_end(p);
    }
    print_list_end(p);
    days_and_sites(p, h);
    print_key(p, "notes");
    print_list_begin(p);
    hosts_notes(h, note_item, p);
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}

static void split(struct printer *p, const char *key, const struct hosts_split *s)
{
    print_key(p, key);
    if (!s->is_known) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    key_number(p, "hosts_ratio", s->hosts, DECIMALS);
    key_number(p, "hosts_ratio_low", s->hosts_low, DECIMALS);
    key_number(p, "hosts_ratio_high", s->hosts_high, DECIMALS);
    key_number(p, "rate_ratio", s->rate, DECIMALS);
    key_number(p, "acceptance_ratio", s->acceptance, DECIMALS);
    key_number(p, "by_hosts", s->by_hosts, DECIMALS);
    key_number(p, "by_rate", s->by_rate, DECIMALS);
    key_number(p, "by_acceptance", s->by_acceptance, DECIMALS);
    print_map_end(p);
}

bool hosts_change_print(FILE *f, enum out_format format, const struct hosts_change *c)
{
    struct printer *p = printer_new(format, f);
    struct hosts_figure before[HOSTS_FIGURES_MAX], after[HOSTS_FIGURES_MAX];
    size_t n = hosts_figures(&c->before, before);
    hosts_figures(&c->after, after);
    print_map_begin(p);
    head(p, "hosts_change");
    asked(p, &c->after);
    period(p, "before", &c->before);
    period(p, "after", &c->after);
    key_number(p, "messages_day_before", c->volume_before, DECIMALS);
    key_number(p, "messages_day_after", c->volume_after, DECIMALS);
    split(p, "seen", &c->seen);
    split(p, "estimated", &c->estimated);
    print_key(p, "figures");
    print_list_begin(p);
    for (size_t i = 0; i < n; i++) {
        print_map_begin(p);
        print_key(p, "name");
        print_text(p, slice_cstr(before[i].name));
        key_number(p, "before", before[i].value, DECIMALS);
        key_number(p, "before_low", before[i].low, DECIMALS);
        key_number(p, "before_high", before[i].high, DECIMALS);
        key_number(p, "after", after[i].value, DECIMALS);
        key_number(p, "after_low", after[i].low, DECIMALS);
        key_number(p, "after_high", after[i].high, DECIMALS);
        key_number(p, "ratio", after[i].value / before[i].value, DECIMALS);
        print_map_end(p);
    }
    print_list_end(p);
    print_key(p, "notes");
    print_list_begin(p);
    hosts_change_notes(c, false, note_item, p);
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}
