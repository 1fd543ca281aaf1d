/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/event.h"

#include "core/clock.h"

#include <inttypes.h>

/* A JSON string; bytes that are not ASCII are written as the code points of Latin-1, so that the
 * line is valid whatever a client sends, and the bytes can be had back. */
static void put_text(struct strbuf *out, const char *key, struct slice text)
{
    strbuf_printf(out, ",\"%s\":\"", key);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\') {
            strbuf_add_byte(out, '\\');
            strbuf_add_byte(out, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            strbuf_printf(out, "\\u%04x", c);
        } else {
            strbuf_add_byte(out, (char)c);
        }
    }
    strbuf_add_byte(out, '"');
}

static void put_number(struct strbuf *out, const char *key, uint64_t v)
{
    strbuf_printf(out, ",\"%s\":%" PRIu64, key, v);
}

static void put_head(struct strbuf *out, const char *event, const struct session_head *h,
                     int64_t time_us)
{
    char time[21], id[33], client[IP_TEXT_BYTES];
    time_rfc3339(time_us / 1000000, time);
    id128_hex(h->session, id);
    ip_text(h->client, client);
    strbuf_printf(out, "{\"event\":\"%s\",\"time\":\"%.19s.%06dZ\",\"session\":\"%s\"", event, time,
                  (int)(time_us % 1000000), id);
    put_text(out, "trap", h->trap);
    put_text(out, "site", h->site);
    put_text(out, "listener", h->listener);
    put_text(out, "persona", h->persona);
    put_text(out, "client", slice_cstr(client));
    put_number(out, "port", h->client_port);
}

void event_connect(struct strbuf *out, const struct session_head *head)
{
    put_head(out, "connect", head, head->accepted_us);
    strbuf_add(out, S("}\n"));
}

void event_message(struct strbuf *out, const struct message_record *m, bool is_kept)
{
    put_head(out, is_kept ? "message" : "deferred", &m->head, m->accepted_us);
    put_text(out, "helo", m->helo);
    put_text(out, "protocol", m->protocol);
    put_text(out, "tls", m->tls);
    put_number(out, "number", m->number);
    put_number(out, "recipients", m->recipient_count);
    put_number(out, "bytes", m->raw.n);
    strbuf_add(out, S("}\n"));
}

void event_close(struct strbuf *out, const struct session_record *r)
{
    put_head(out, "close", &r->head, r->ended_us);
    put_text(out, "end", slice_cstr(session_end_name(r->end)));
    put_text(out, "helo", r->helo);
    put_text(out, "tls", r->tls_version);
    put_text(out, "auth", r->auth_mechanism);
    put_number(out, "milliseconds", (uint64_t)(r->ended_us - r->head.accepted_us) / 1000);
    put_number(out, "messages", r->messages);
    put_number(out, "recipients", r->recipients_accepted);
    put_number(out, "refused", r->recipients_refused);
    put_number(out, "commands", r->commands);
    put_number(out, "errors", r->errors);
    put_number(out, "bytes_in", r->bytes_in);
    put_number(out, "bytes_out", r->bytes_out);
    strbuf_add(out, S("}\n"));
}
