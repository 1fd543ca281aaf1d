/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/record_json.h"

#include "core/clock.h"
#include "out/escape.h"
#include "out/json_field.h"
#include "store/store.h"

enum { MICROSECONDS = 1000000 };

const char *step_kind_name(enum step_kind kind)
{
    static const char *const NAMES[] = {"command",   "reply", "data", "tls",
                                        "auth_line", "early", "end"};
    return (unsigned)kind < sizeof NAMES / sizeof *NAMES ? NAMES[kind] : "unknown";
}

const char *line_ending_name(enum line_ending ending)
{
    static const char *const NAMES[] = {"crlf", "lf", "cr", "none"};
    return (unsigned)ending < sizeof NAMES / sizeof *NAMES ? NAMES[ending] : "unknown";
}

void records_begin(struct printer *p)
{
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, RECORD_FORMAT_VERSION);
    print_key(p, "kind");
    print_text(p, S("records"));
    print_key(p, "records");
    print_list_begin(p);
}

bool records_end(struct printer *p)
{
    print_list_end(p);
    print_map_end(p);
    return printer_end(p);
}

static void step_print(struct printer *p, const struct session_step *s, bool redact)
{
    struct strbuf text = STRBUF_INIT;
    if (redact) {
        redact_addresses(&text, s->text);
    } else {
        strbuf_add(&text, s->text);
    }
    print_map_begin(p);
    key_unsigned(p, "at_us", s->at_us);
    key_text(p, "step", slice_cstr(step_kind_name(s->kind)));
    if (s->kind == STEP_COMMAND) {
        key_text(p, "ending", slice_cstr(line_ending_name(s->ending)));
    }
    if (s->kind == STEP_END) {
        key_text(p, "end", slice_cstr(session_end_name((enum session_end)s->code)));
    } else if (s->kind != STEP_COMMAND && s->kind != STEP_DATA) {
        key_unsigned(p, "code", s->code);
    }
    if (s->kind == STEP_DATA) {
        key_unsigned(p, "flags", s->flags);
    }
    print_key(p, "was_buffered");
    print_boolean(p, s->was_buffered);
    key_unsigned(p, "bytes", s->bytes);
    key_text(p, "text", text.failed ? S("") : strbuf_slice(&text));
    print_map_end(p);
    strbuf_free(&text);
}

void transcript_print(struct printer *p, const struct transcript *t, bool redact)
{
    print_list_begin(p);
    for (size_t i = 0; i < t->count; i++) {
        step_print(p, &t->steps[i], redact);
    }
    print_list_end(p);
}

static void head_print(struct printer *p, const struct session_head *h)
{
    char hex[33];
    id128_hex(session_id(h->accepted_us, h->session), hex);
    key_text(p, "session", slice_cstr(hex));
    key_text(p, "trap", h->trap);
    key_text(p, "site", h->site);
    key_text(p, "listener", h->listener);
    key_text(p, "persona", h->persona);
    key_ip(p, "client", h->client);
    key_unsigned(p, "client_port", h->client_port);
    print_key(p, "has_proxy");
    print_boolean(p, h->has_proxy);
    print_key(p, "connected");
    print_time(p, h->accepted_us / MICROSECONDS);
}

static void message_print_record(struct printer *p, const struct message_record *m)
{
    print_key(p, "received");
    print_time(p, m->accepted_us / MICROSECONDS);
    key_unsigned(p, "number", m->number);
    key_text(p, "helo", m->helo);
    key_text(p, "protocol", m->protocol);
    key_text(p, "tls", m->tls);
    key_text(p, "mail_from", m->mail_from);
    key_text(p, "mail_parameters", m->mail_parameters);
    print_key(p, "recipients");
    print_list_begin(p);
    for (size_t i = 0; i < m->recipient_count; i++) {
        print_text(p, m->recipients[i]);
    }
    print_list_end(p);
    key_unsigned(p, "data_flags", m->data_flags);
    key_unsigned(p, "bytes", m->raw.n);
}

static void session_print_record(struct printer *p, const struct session_record *s)
{
    struct transcript t = {s->steps, s->step_count, s->steps_first, s->steps_dropped};
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
        {"syn_bytes", s->syn.n},
        {"tls_hello_bytes", s->tls_hello.n},
        {"steps_dropped", s->steps_dropped},
    };
    print_key(p, "ended");
    print_time(p, s->ended_us / MICROSECONDS);
    key_text(p, "end", slice_cstr(session_end_name(s->end)));
    key_text(p, "helo", s->helo);
    key_text(p, "client_name", s->client_name);
    key_text(p, "tls_version", s->tls_version);
    key_text(p, "tls_cipher", s->tls_cipher);
    key_text(p, "tls_sni", s->tls_sni);
    key_text(p, "auth_mechanism", s->auth_mechanism);
    key_text(p, "auth_user", s->auth_user);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        key_unsigned(p, numbers[i].key, numbers[i].value);
    }
    print_key(p, "steps");
    transcript_print(p, &t, false);
}

void record_print(struct printer *p, struct spool_position at, const struct decoded_record *r,
                  struct id128 id)
{
    char hex[33];
    id128_hex(id, hex);
    print_map_begin(p);
    key_text(p, "record", slice_cstr(record_kind_name(r->kind)));
    key_unsigned(p, "segment", at.segment);
    key_unsigned(p, "offset", at.offset);
    key_text(p, "id", slice_cstr(hex));
    head_print(p, record_head(r));
    if (r->kind == RECORD_MESSAGE) {
        message_print_record(p, &r->message);
    } else {
        session_print_record(p, &r->session);
    }
    print_map_end(p);
}
