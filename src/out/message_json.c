/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mail.h"
#include "out/json_field.h"
#include "out/message.h"

static void key_list(struct printer *p, const char *key, const struct slice *items, size_t count)
{
    print_key(p, key);
    print_list_begin(p);
    for (size_t i = 0; i < count; i++) {
        print_text(p, items[i]);
    }
    print_list_end(p);
}

static void json_label(struct printer *p, const char *kind, const struct row_label *l)
{
    print_key(p, kind);
    print_map_begin(p);
    key_text(p, "name", l->name.n ? l->name : S("unknown"));
    key_text(p, "best", l->best);
    print_key(p, "posterior");
    print_number(p, l->posterior, 4);
    key_text(p, "runner_up", l->runner_up);
    print_key(p, "runner_up_posterior");
    print_number(p, l->runner_up_posterior, 4);
    print_key(p, "unknown");
    print_number(p, l->unknown, 4);
    print_key(p, "is_conflict");
    print_boolean(p, l->is_conflict);
    print_map_end(p);
}

static void json_origin(struct printer *p, const struct message_row *m)
{
    char text[IP_TEXT_BYTES];
    print_key(p, "client");
    if (m->has_client) {
        ip_text(m->client, text);
        print_text(p, slice_cstr(text));
    } else {
        print_null(p);
    }
    key_text(p, "country", m->country);
    print_key(p, "asn");
    if (m->asn) {
        print_unsigned(p, m->asn);
    } else {
        print_null(p);
    }
    key_redacted(p, "ptr", m->ptr);
    key_redacted(p, "helo", m->helo);
    key_text(p, "protocol", m->protocol);
    key_text(p, "tls", m->tls);
    key_redacted(p, "envelope_from", m->envelope_from);
    print_key(p, "recipients");
    print_unsigned(p, m->recipients);
    print_key(p, "bytes");
    print_unsigned(p, m->bytes);
}

static void json_attachments(struct printer *p, const struct message_row *m)
{
    print_key(p, "attachments");
    print_list_begin(p);
    for (size_t i = 0; i < m->attachment_count; i++) {
        const struct row_attachment *a = &m->attachments[i];
        char hex[33];
        id128_hex(a->hash, hex);
        print_map_begin(p);
        key_text(p, "type", a->type);
        key_text(p, "name_shape", a->name_shape);
        print_key(p, "bytes");
        print_unsigned(p, a->bytes);
        print_key(p, "hash");
        print_text(p, slice_cstr(hex));
        print_map_end(p);
    }
    print_list_end(p);
}

static void json_content(struct printer *p, const struct message_row *m)
{
    key_text(p, "sd1", m->sd1);
    key_text(p, "hd1", m->hd1);
    key_text(p, "td1", m->td1);
    key_text(p, "cd1", m->cd1);
    key_text(p, "msgid_shape", m->msgid_shape);
    key_text(p, "boundary_shape", m->boundary_shape);
    key_text(p, "mime_tree", m->mime_tree);
    key_redacted(p, "mailer_header", m->mailer);
    key_text(p, "charsets", m->charsets);
    key_redacted(p, "subject", m->subject);
    print_key(p, "date_offset_seconds");
    if (m->has_date_offset) {
        print_integer(p, m->date_offset);
    } else {
        print_null(p);
    }
    print_key(p, "domains");
    print_list_begin(p);
    for (size_t i = 0; i < m->domain_count; i++) {
        text_redacted(p, m->domains[i]);
    }
    print_list_end(p);
    key_list(p, "url_shapes", m->url_shapes, m->url_shape_count);
    json_attachments(p, m);
    print_key(p, "quirks");
    print_list_begin(p);
    for (unsigned q = 0; q < QUIRK_COUNT; q++) {
        if (m->quirks >> q & 1) {
            print_text(p, slice_cstr(quirk_name(q)));
        }
    }
    print_list_end(p);
}

static void json_rules(struct printer *p, const struct message_row *m,
                       const struct message_names *names)
{
    json_label(p, "botnet", &m->botnet);
    json_label(p, "mailer", &m->mailer_label);
    json_label(p, "program", &m->program);
    key_list(p, "rule_ids", m->rule_ids, m->rule_count);
    print_key(p, "rule_titles");
    print_list_begin(p);
    for (size_t i = 0; i < m->rule_count; i++) {
        struct slice title = {NULL, 0};
        if (names && names->rule_title) {
            title = names->rule_title(names->arg, m->rule_ids[i]);
        }
        print_text_or_null(p, title);
    }
    print_list_end(p);
    key_text(p, "pack_version", m->pack_version);
}

bool message_print(FILE *f, enum out_format format, const struct message_row *m,
                   const struct message_names *names)
{
    char hex[33];
    struct printer *p = printer_new(format, f);
    if (format != OUT_JSON) {
        print_list_begin(p); /* the lists inside of the message are cells, not rows */
    }
    id128_hex(m->id, hex);
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, MESSAGE_FORMAT_VERSION);
    print_key(p, "kind");
    print_text(p, S("message"));
    print_key(p, "id");
    print_text(p, slice_cstr(hex));
    key_text(p, "trap", m->trap);
    key_text(p, "site", names ? names->site : (struct slice){NULL, 0});
    print_key(p, "received");
    if (m->clock == CLOCK_NONE) {
        print_null(p);
    } else {
        print_time(p, m->received);
    }
    print_key(p, "clock");
    print_text(p, slice_cstr(clock_source_name(m->clock)));
    json_origin(p, m);
    json_content(p, m);
    key_text(p, "mailer_cluster", names ? names->mailer : (struct slice){NULL, 0});
    key_text(p, "campaign_cluster", names ? names->campaign : (struct slice){NULL, 0});
    json_rules(p, m, names);
    if (format == OUT_JSON && names && names->session) { /* rows all have the same columns */
        print_key(p, "session");
        print_map_begin(p);
        session_fields(p, names->session);
        print_map_end(p);
    }
    print_map_end(p);
    if (format != OUT_JSON) {
        print_list_end(p);
    }
    return printer_end(p);
}
