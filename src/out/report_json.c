/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/report_json.h"

#include "out/bulletin_out.h"
#include "out/json_field.h"
#include "out/report_events.h"
#include "out/report_text.h"

#include <math.h>

enum { SHARE_DECIMALS = 6, EXPECTED_DECIMALS = 3 };

/* Hosts that were not counted are null, never 0. */
static void units_of(struct printer *p, const struct units *u, bool has_hosts)
{
    key_unsigned(p, "messages", u->messages);
    key_unsigned(p, "recipients", u->recipients);
    key_unsigned(p, "bytes", u->bytes);
    print_key(p, "hosts");
    if (has_hosts) {
        print_unsigned(p, u->hosts);
    } else {
        print_null(p);
    }
}

static bool dimension_is_label(enum dimension d)
{
    return d == DIMENSION_BOTNET || d == DIMENSION_MAILER || d == DIMENSION_PROGRAM;
}

/* ---- the JSON document ---- */

static void json_period(struct printer *p, const struct report *r)
{
    print_key(p, "period");
    print_map_begin(p);
    print_key(p, "since");
    if (r->day_count) {
        print_time(p, r->since);
    } else {
        print_null(p);
    }
    print_key(p, "until");
    if (r->day_count) {
        print_time(p, r->until);
    } else {
        print_null(p);
    }
    key_unsigned(p, "days", r->day_count);
    print_key(p, "is_whole_store");
    print_boolean(p, r->is_whole);
    print_map_end(p);
    print_key(p, "filter");
    print_map_begin(p);
    key_text(p, "trap", r->trap);
    key_text(p, "site", r->site);
    print_map_end(p);
}

static void json_days(struct printer *p, const struct report *r)
{
    print_key(p, "days");
    print_list_begin(p);
    for (size_t i = 0; i < r->day_count; i++) {
        print_map_begin(p);
        print_key(p, "day");
        print_day(p, r->days[i].day);
        units_of(p, &r->days[i].units, true);
        key_unsigned(p, "unknown_messages", r->days[i].unknown_messages);
        print_map_end(p);
    }
    print_list_end(p);
}

/* One list a unit, in step with `days`. */
static void json_bands(struct printer *p, const struct report *r)
{
    print_key(p, "botnet_days");
    print_list_begin(p);
    for (size_t k = 0; k < r->band_count; k++) {
        const struct report_band *b = &r->bands[k];
        bool is_other = slice_eq(b->name, S("other"));
        print_map_begin(p);
        key_text(p, "name", b->name);
        for (enum unit u = 0; u < UNIT_COUNT; u++) {
            print_key(p, unit_name(u));
            if (u == UNIT_HOSTS && is_other) {
                print_null(p);
                continue;
            }
            print_list_begin(p);
            for (size_t i = 0; i < r->day_count; i++) {
                print_unsigned(p, unit_of(&b->days[i], u));
            }
            print_list_end(p);
        }
        print_map_end(p);
    }
    print_list_end(p);
}

static void json_row(struct printer *p, const struct report_table *t, const struct report_share *s,
                     enum dimension d)
{
    print_map_begin(p);
    key_text(p, "name", s->name);
    key_text(p, "text", s->text);
    units_of(p, &s->units, t->has_hosts);
    if (dimension_is_label(d)) {
        key_number(p, "expected", s->units.expected, EXPECTED_DECIMALS);
    }
    key_number(p, "share", s->share_messages, SHARE_DECIMALS);
    key_number(p, "share_low", s->share_low, SHARE_DECIMALS);
    key_number(p, "share_high", s->share_high, SHARE_DECIMALS);
    print_map_end(p);
}

static void json_table(struct printer *p, const struct report_table *t,
                       const struct report_table_info *info)
{
    print_key(p, info->table);
    print_map_begin(p);
    key_unsigned(p, "least_daily", t->least_daily);
    print_key(p, "first_by");
    print_map_begin(p);
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        key_text(p, unit_name(u), t->first_by[u]);
    }
    print_map_end(p);
    print_key(p, "rest");
    if (t->has_rest) {
        print_map_begin(p);
        key_unsigned(p, "values", t->rest_count);
        units_of(p, &t->rest, false);
        print_map_end(p);
    } else {
        print_null(p);
    }
    print_key(p, "rows");
    print_list_begin(p);
    for (size_t i = 0; i < t->count; i++) {
        json_row(p, t, &t->rows[i], info->dimension);
    }
    print_list_end(p);
    print_map_end(p);
}

static void json_quality(struct printer *p, const struct report *r)
{
    print_key(p, "quality");
    print_map_begin(p);
    print_key(p, "clock");
    print_map_begin(p);
    key_unsigned(p, "received", r->clock_received);
    key_unsigned(p, "envelope", r->clock_envelope);
    key_unsigned(p, "trap", r->clock_trap);
    key_unsigned(p, "none", r->clock_none);
    print_map_end(p);
    print_key(p, "store");
    print_map_begin(p);
    print_key(p, "first");
    if (r->span.first) {
        print_time(p, r->span.first);
    } else {
        print_null(p);
    }
    print_key(p, "last");
    if (r->span.last) {
        print_time(p, r->span.last);
    } else {
        print_null(p);
    }
    key_unsigned(p, "messages", r->span.messages);
    key_unsigned(p, "no_clock", r->span.no_clock);
    key_unsigned(p, "no_client", r->span.no_client);
    key_unsigned(p, "date_off", r->span.clock_off);
    key_unsigned(p, "conflicts", r->span.conflicts);
    print_map_end(p);
    key_text(p, "trust", r->trust);
    key_text(p, "geo", r->geo_name);
    key_text(p, "pack_version", r->pack_version);
    print_key(p, "notes");
    print_list_begin(p);
    report_notes(r, note_item, p);
    print_list_end(p);
    print_map_end(p);
}

static void json_annotations(struct printer *p, const struct report *r)
{
    print_key(p, "annotations");
    print_list_begin(p);
    for (size_t i = 0; i < r->annotations.count; i++) {
        print_map_begin(p);
        report_event_print(p, &r->annotations.items[i]);
        print_map_end(p);
    }
    print_list_end(p);
}

static void json_document(struct printer *p, const struct report *r)
{
    print_map_begin(p);
    key_unsigned(p, "format_version", REPORT_FORMAT_VERSION);
    key_text(p, "kind", S("report"));
    json_period(p, r);
    print_key(p, "total");
    print_map_begin(p);
    units_of(p, &r->total, true);
    print_map_end(p);
    json_days(p, r);
    json_bands(p, r);
    if (r->bulletin) {
        bulletin_print(p, r->bulletin);
    }
    json_annotations(p, r);
    for (size_t i = 0; i < REPORT_TABLES; i++) {
        json_table(p, report_table(r, i), report_table_info(i));
    }
    json_quality(p, r);
    print_map_end(p);
}

/* ---- rows: JSONL and CSV ---- */

struct row {
    const char *table;
    struct slice name;
    int64_t day;
    bool has_day, has_hosts;
    const struct units *units;
    double share, share_low, share_high;
};

static void row_print(struct printer *p, const struct row *row)
{
    print_map_begin(p);
    key_text(p, "table", slice_cstr(row->table));
    key_text(p, "name", row->name);
    print_key(p, "day");
    if (row->has_day) {
        print_day(p, row->day);
    } else {
        print_null(p);
    }
    units_of(p, row->units, row->has_hosts);
    key_number(p, "share", row->share, SHARE_DECIMALS);
    key_number(p, "share_low", row->share_low, SHARE_DECIMALS);
    key_number(p, "share_high", row->share_high, SHARE_DECIMALS);
    print_map_end(p);
}

static void rows_of_days(struct printer *p, const struct report *r)
{
    struct row row = {.table = "day",
                      .has_day = true,
                      .has_hosts = true,
                      .share = NAN,
                      .share_low = NAN,
                      .share_high = NAN};
    for (size_t i = 0; i < r->day_count; i++) {
        row.day = r->days[i].day;
        row.units = &r->days[i].units;
        row_print(p, &row);
    }
    row.table = "botnet_day";
    for (size_t k = 0; k < r->band_count; k++) {
        row.name = r->bands[k].name;
        row.has_hosts = !slice_eq(row.name, S("other"));
        for (size_t i = 0; i < r->day_count; i++) {
            uint64_t all = r->days[i].units.messages;
            row.day = r->days[i].day;
            row.units = &r->bands[k].days[i];
            row.share = all ? (double)row.units->messages / (double)all : NAN;
            row_print(p, &row);
        }
    }
}

static void rows_of_table(struct printer *p, const struct report_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct report_share *s = &t->rows[i];
        struct row row = {
            .table = name,
            .name = s->name,
            .has_hosts = t->has_hosts,
            .units = &s->units,
            .share = s->share_messages,
            .share_low = s->share_low,
            .share_high = s->share_high,
        };
        row_print(p, &row);
    }
}

/* What is not listed, together: a row without a name. */
static void row_of_rest(struct printer *p, const struct report_table *t, const char *name)
{
    uint64_t all = t->total.messages;
    struct row row = {
        .table = name,
        .units = &t->rest,
        .share = all ? (double)t->rest.messages / (double)all : NAN,
        .share_low = NAN,
        .share_high = NAN,
    };
    if (t->has_rest && t->rest_count) {
        row_print(p, &row);
    }
}

static void rows_of_quality(struct printer *p, const struct report *r)
{
    const struct {
        const char *table, *name;
        uint64_t messages;
    } ROWS[] = {
        {"clock", "received", r->clock_received},  {"clock", "envelope", r->clock_envelope},
        {"clock", "trap", r->clock_trap},          {"clock", "none", r->clock_none},
        {"store", "messages", r->span.messages},   {"store", "no_clock", r->span.no_clock},
        {"store", "no_client", r->span.no_client}, {"store", "date_off", r->span.clock_off},
        {"store", "conflicts", r->span.conflicts},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        print_map_begin(p);
        key_text(p, "table", slice_cstr(ROWS[i].table));
        key_text(p, "name", slice_cstr(ROWS[i].name));
        print_key(p, "day");
        print_null(p);
        key_unsigned(p, "messages", ROWS[i].messages);
        static const char *const EMPTY[] = {"recipients", "bytes",     "hosts",
                                            "share",      "share_low", "share_high"};
        for (size_t k = 0; k < sizeof EMPTY / sizeof *EMPTY; k++) {
            print_key(p, EMPTY[k]);
            print_null(p);
        }
        print_map_end(p);
    }
}

/* Events are no figures: they have keys of their own, so CSV is without them. */
static void rows_of_annotations(struct printer *p, const struct report *r)
{
    for (size_t i = 0; i < r->annotations.count; i++) {
        print_map_begin(p);
        key_text(p, "table", S("annotation"));
        report_event_print(p, &r->annotations.items[i]);
        print_map_end(p);
    }
}

static void rows_document(struct printer *p, enum out_format format, const struct report *r)
{
    print_list_begin(p);
    struct row total = {.table = "total",
                        .has_hosts = true,
                        .units = &r->total,
                        .share = NAN,
                        .share_low = NAN,
                        .share_high = NAN};
    row_print(p, &total);
    rows_of_days(p, r);
    for (size_t i = 0; i < REPORT_TABLES; i++) {
        rows_of_table(p, report_table(r, i), report_table_info(i)->row);
        row_of_rest(p, report_table(r, i), report_table_info(i)->row);
    }
    rows_of_quality(p, r);
    if (format == OUT_JSONL) {
        rows_of_annotations(p, r);
    }
    print_list_end(p);
}

/* JSONL has no place for a version but a line of its own. */
static void version_line(FILE *f, const struct report *r)
{
    struct printer *p = printer_new(OUT_JSONL, f);
    print_map_begin(p);
    key_text(p, "table", S("report"));
    key_unsigned(p, "format_version", REPORT_FORMAT_VERSION);
    print_key(p, "since");
    print_time(p, r->since);
    print_key(p, "until");
    print_time(p, r->until);
    key_text(p, "trap", r->trap);
    key_text(p, "site", r->site);
    key_text(p, "trust", r->trust);
    key_text(p, "geo", r->geo_name);
    key_text(p, "pack_version", r->pack_version);
    print_map_end(p);
    (void)printer_end(p); /* a failure stays in the stream: the second printer tells it */
}

bool report_print(FILE *f, enum out_format format, const struct report *r)
{
    if (format == OUT_JSONL) {
        version_line(f, r);
    }
    struct printer *p = printer_new(format, f);
    if (format == OUT_JSON) {
        json_document(p, r);
    } else {
        rows_document(p, format, r);
    }
    return printer_end(p);
}
