/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/escape.h"
#include "out/json_field.h"
#include "out/record_json.h"
#include "out/session.h"

#include <stdlib.h>

enum { MICROSECONDS = 1000000 };

static void head_fields(struct printer *p, const struct session_row *s)
{
    char hex[33];
    id128_hex(s->id, hex);
    key_text(p, "id", slice_cstr(hex));
    key_text(p, "trap", s->trap);
    key_text(p, "listener", s->listener);
    key_text(p, "persona", s->persona);
    print_key(p, "started");
    print_time(p, s->started_us / MICROSECONDS);
    print_key(p, "seconds");
    print_number(p, (double)(s->ended_us - s->started_us) / MICROSECONDS, 6);
    key_text(p, "end", slice_cstr(session_end_name(s->end)));
    key_ip(p, "client", s->client);
    key_unsigned(p, "client_port", s->client_port);
    print_key(p, "has_proxy");
    print_boolean(p, s->has_proxy);
    key_text(p, "country", s->country);
    print_key(p, "asn");
    if (s->asn) {
        print_unsigned(p, s->asn);
    } else {
        print_null(p);
    }
}

static void row_fields(struct printer *p, const struct session_row *s)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"messages", s->messages},
        {"recipients_accepted", s->recipients_accepted},
        {"recipients_refused", s->recipients_refused},
        {"commands", s->commands},
        {"errors", s->errors},
        {"bytes_in", s->bytes_in},
        {"bytes_out", s->bytes_out},
    };
    head_fields(p, s);
    key_redacted(p, "helo", s->helo);
    key_text(p, "tls", s->tls);
    key_redacted(p, "tls_sni", s->sni);
    key_text(p, "auth_mechanism", s->auth_mechanism);
    key_redacted(p, "auth_user", s->auth_user);
    print_key(p, "has_password");
    print_boolean(p, s->has_password);
    key_text(p, "sd1", s->sd1);
    key_text(p, "td1", s->td1);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        key_unsigned(p, numbers[i].key, numbers[i].value);
    }
}

void session_fields(struct printer *p, const struct session_row *s)
{
    row_fields(p, s);
    key_unsigned(p, "steps_dropped", s->transcript.dropped);
    print_key(p, "steps");
    transcript_print(p, &s->transcript, true);
}

bool session_print(FILE *f, enum out_format format, const struct session_row *s)
{
    struct printer *p = printer_new(format, f);
    if (format != OUT_JSON) {
        print_list_begin(p); /* the lists inside of the session are cells, not rows */
    }
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, SESSION_FORMAT_VERSION);
    print_key(p, "kind");
    print_text(p, S("session"));
    session_fields(p, s);
    print_map_end(p);
    if (format != OUT_JSON) {
        print_list_end(p);
    }
    return printer_end(p);
}

/* ---- list ---- */

enum {
    ID_COLUMNS = 18, /* time and the first of the random digits: enough for `session ID` */
    TIME_COLUMNS = 20,
    CLIENT_COLUMNS = 15,
    END_COLUMNS = 12,
    COUNT_COLUMNS = 5,
    GAP = 2,
};

struct session_list {
    FILE *f;
    struct printer *printer; /* NULL: text */
    struct page page;
    size_t helo; /* columns */
    bool failed;
};

static void line_print(struct session_list *l, const struct slice cells[6])
{
    static const size_t WIDTHS[5] = {ID_COLUMNS, TIME_COLUMNS, CLIENT_COLUMNS, END_COLUMNS,
                                     COUNT_COLUMNS};
    struct strbuf *out = &l->page.out;
    for (size_t i = 0; i < 6; i++) {
        page_cell(&l->page, cells[i], i < 5 ? WIDTHS[i] : l->helo, i == 4);
        page_cell(&l->page, S(""), i < 5 ? GAP : 0, false);
    }
    page_newline(&l->page);
    l->failed |= out->failed || fwrite(out->p, 1, out->n, l->f) != out->n;
    strbuf_clear(out);
}

static void list_begin(struct session_list *l)
{
    if (!l->printer) {
        const struct slice head[6] = {S("id"),  S("connected"), S("client"),
                                      S("end"), S("mail"),      S("helo")};
        page_ink(&l->page, INK_HEAD);
        line_print(l, head);
        page_ink(&l->page, INK_NONE);
        return;
    }
    print_map_begin(l->printer);
    print_key(l->printer, "format_version");
    print_unsigned(l->printer, SESSION_FORMAT_VERSION);
    print_key(l->printer, "kind");
    print_text(l->printer, S("sessions"));
    print_key(l->printer, "sessions");
    print_list_begin(l->printer);
}

struct session_list *session_list_new(FILE *f, enum out_format format,
                                      const struct report_style *style)
{
    struct session_list *l = calloc(1, sizeof *l);
    if (!l) {
        return NULL;
    }
    l->f = f;
    if (format == OUT_TEXT) {
        size_t used = ID_COLUMNS + TIME_COLUMNS + CLIENT_COLUMNS + END_COLUMNS + COUNT_COLUMNS +
                      (size_t)5 * GAP;
        l->page = page_new(style);
        l->helo = l->page.width > used + ID_COLUMNS ? l->page.width - used : ID_COLUMNS;
    } else {
        l->printer = printer_new(format, f);
    }
    list_begin(l);
    return l;
}

void session_list_add(struct session_list *l, const struct session_row *s)
{
    char hex[33], when[21], client[IP_TEXT_BYTES], mail[16];
    struct strbuf helo = STRBUF_INIT;
    if (l->printer) {
        print_map_begin(l->printer);
        row_fields(l->printer, s);
        print_map_end(l->printer);
        return;
    }
    id128_hex(s->id, hex);
    time_rfc3339(s->started_us / MICROSECONDS, when);
    ip_text(s->client, client);
    snprintf(mail, sizeof mail, "%u", s->messages);
    redact_addresses(&helo, s->helo);
    const struct slice cells[6] = {
        slice_of(hex, ID_COLUMNS), slice_cstr(when),
        slice_cstr(client),        slice_cstr(session_end_name(s->end)),
        slice_cstr(mail),          helo.n ? strbuf_slice(&helo) : S("-")};
    line_print(l, cells);
    l->failed |= helo.failed;
    strbuf_free(&helo);
}

bool session_list_end(struct session_list *l, bool has_more)
{
    bool ok = !l->failed;
    if (l->printer) {
        print_list_end(l->printer);
        print_key(l->printer, "has_more");
        print_boolean(l->printer, has_more);
        print_map_end(l->printer);
        ok = printer_end(l->printer);
    } else {
        ok = fflush(l->f) == 0 && ok;
        strbuf_free(&l->page.out);
    }
    free(l);
    return ok;
}
