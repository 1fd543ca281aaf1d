/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mail.h"
#include "out/escape.h"
#include "out/human.h"
#include "out/message.h"
#include "out/view.h"

const char *clock_source_name(enum clock_source c)
{
    switch (c) {
    case CLOCK_RECEIVED:
        return "received";
    case CLOCK_ENVELOPE:
        return "envelope";
    case CLOCK_TRAP:
        return "trap";
    case CLOCK_NONE:
        break;
    }
    return "none";
}

static void view_field_cstr(struct page *p, const char *name, const char *value)
{
    view_field(p, name, slice_cstr(value));
}

static const char *clock_sentence(enum clock_source c)
{
    switch (c) {
    case CLOCK_RECEIVED:
        return "by a trusted relay's Received line";
    case CLOCK_ENVELOPE:
        return "by the mailbox's \"From \" line";
    case CLOCK_TRAP:
        return "by the trap's own clock";
    case CLOCK_NONE:
        break;
    }
    return "no time that can be believed";
}

static void view_received(struct page *p, const struct message_row *m)
{
    char time[21], text[160];
    time_rfc3339(m->received, time);
    if (m->clock == CLOCK_NONE) {
        view_field_cstr(p, "received", clock_sentence(m->clock));
    } else {
        snprintf(text, sizeof text, "%s, %s", time, clock_sentence(m->clock));
        view_field_cstr(p, "received", text);
    }
    if (!m->has_date_offset) {
        view_field_cstr(p, "date", "-");
        return;
    }
    char length[64];
    uint64_t off = m->date_offset < 0 ? 0 - (uint64_t)m->date_offset : (uint64_t)m->date_offset;
    if (!off) {
        snprintf(text, sizeof text, "the sender's Date agrees with it to the second");
    } else {
        snprintf(text, sizeof text, "the sender's Date is %s %s it%s", human_duration(length, off),
                 m->date_offset < 0 ? "before" : "after",
                 off > 3600 ? ": more than an hour off" : "");
    }
    view_field_cstr(p, "date", text);
}

static void view_origin(struct page *p, const struct message_row *m)
{
    char text[IP_TEXT_BYTES], number[HUMAN_BYTES];
    view_head(p, "Origin");
    if (m->has_client) {
        ip_text(m->client, text);
        view_field_cstr(p, "client", text);
    } else {
        view_field_cstr(p, "client", "no address that can be believed");
    }
    view_field(p, "country", m->country);
    snprintf(number, sizeof number, m->asn ? "AS%u" : "-", m->asn);
    view_field_cstr(p, "network", number);
    view_redacted(p, "ptr", m->ptr);
    view_redacted(p, "helo", m->helo);
    view_field(p, "protocol", m->protocol);
    view_field(p, "tls", m->tls);
    view_redacted(p, "envelope from", m->envelope_from);
    view_field_cstr(p, "recipients", human_count(number, m->recipients));
}

static void view_prints(struct page *p, const struct message_row *m)
{
    view_head(p, "Fingerprints");
    view_field(p, "sd1", m->sd1);
    view_field(p, "hd1", m->hd1);
    view_field(p, "td1", m->td1);
    view_field(p, "cd1", m->cd1);
    view_field(p, "msgid shape", m->msgid_shape);
    view_field(p, "boundary shape", m->boundary_shape);
    view_field(p, "mime tree", m->mime_tree);
    view_redacted(p, "mailer header", m->mailer);
    view_field(p, "charsets", m->charsets);
}

static void view_content(struct page *p, const struct message_row *m)
{
    char size[HUMAN_BYTES];
    view_head(p, "Content");
    view_field_cstr(p, "size", human_bytes(size, m->bytes));
    view_redacted(p, "subject", m->subject);
    for (size_t i = 0; i < m->domain_count; i++) {
        view_redacted(p, i ? "" : "domains", m->domains[i]);
    }
    if (!m->domain_count) {
        view_field(p, "domains", S(""));
    }
    for (size_t i = 0; i < m->url_shape_count; i++) {
        view_field(p, i ? "" : "url shapes", m->url_shapes[i]);
    }
    if (!m->url_shape_count) {
        view_field(p, "url shapes", S(""));
    }
    for (size_t i = 0; i < m->attachment_count; i++) {
        const struct row_attachment *a = &m->attachments[i];
        struct strbuf text = STRBUF_INIT;
        char hex[33];
        id128_hex(a->hash, hex);
        strbuf_add(&text, a->type.n ? a->type : S("-"));
        strbuf_printf(&text, ", %s, name ", human_bytes(size, a->bytes));
        strbuf_add(&text, a->name_shape.n ? a->name_shape : S("-"));
        strbuf_printf(&text, ", hash %s", hex);
        view_field(p, i ? "" : "attachments", strbuf_slice(&text));
        p->out.failed |= text.failed;
        strbuf_free(&text);
    }
    if (!m->attachment_count) {
        view_field_cstr(p, "attachments", "-");
    }
}

static void view_quirks(struct page *p, const struct message_row *m)
{
    view_head(p, "Quirks");
    for (unsigned q = 0; q < QUIRK_COUNT; q++) {
        if (m->quirks >> q & 1) {
            struct strbuf text = STRBUF_INIT;
            strbuf_printf(&text, "%s: %s", quirk_name(q), quirk_text(q));
            page_paragraph(p, p->use_utf8 ? "•" : "-", 2, strbuf_slice(&text));
            p->out.failed |= text.failed;
            strbuf_free(&text);
        }
    }
    if (!m->quirks) {
        page_paragraph(p, "", 0, S("none"));
    }
}

static void view_label(struct page *p, const char *kind, const struct row_label *l)
{
    struct strbuf text = STRBUF_INIT;
    if (!l->best.n) {
        strbuf_add_cstr(&text, "unknown; no rule matched");
    } else if (l->name.n) {
        strbuf_add(&text, l->name);
        strbuf_printf(&text, ", p = %.3f", l->posterior);
    } else {
        strbuf_add_cstr(&text, "unknown; best guess ");
        strbuf_add(&text, l->best);
        strbuf_printf(&text, " with p = %.3f, which is under 0.9", l->posterior);
    }
    if (l->best.n) {
        strbuf_printf(&text, "; unknown %.3f", l->unknown);
    }
    if (l->runner_up.n && !slice_eq(l->runner_up, S("unknown"))) {
        strbuf_add_cstr(&text, "; runner-up ");
        strbuf_add(&text, l->runner_up);
        strbuf_printf(&text, " %.3f", l->runner_up_posterior);
    }
    if (l->is_conflict) {
        strbuf_add_cstr(&text, "; IN CONFLICT");
    }
    view_field(p, kind, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

static void view_labels(struct page *p, const struct message_row *m,
                        const struct message_names *names)
{
    view_head(p, "Labels");
    view_label(p, "botnet", &m->botnet);
    view_label(p, "mailer", &m->mailer_label);
    view_label(p, "program", &m->program);
    view_field(p, "rule pack", m->pack_version);
    for (size_t i = 0; i < m->rule_count; i++) {
        struct strbuf text = STRBUF_INIT;
        struct slice title = {NULL, 0};
        if (names && names->rule_title) {
            title = names->rule_title(names->arg, m->rule_ids[i]);
        }
        strbuf_add(&text, m->rule_ids[i]);
        strbuf_add_byte(&text, ' ');
        strbuf_add(&text, title.n ? title : S("(not in the rule pack at hand)"));
        view_field(p, i ? "" : "rules", strbuf_slice(&text));
        p->out.failed |= text.failed;
        strbuf_free(&text);
    }
    if (!m->rule_count) {
        view_field_cstr(p, "rules", "-");
    }
}

bool message_print_text(FILE *f, const struct message_row *m, const struct message_names *names,
                        const struct report_style *style)
{
    struct page page = page_new(style);
    struct page *p = &page;
    char id[33];
    id128_hex(m->id, id);
    page_ink(p, INK_TITLE);
    page_printf(p, "Message %s", id);
    page_ink(p, INK_NONE);
    page_newline(p);
    page_rule(p);
    view_field(p, "trap", m->trap);
    if (names && names->site.n) {
        view_field(p, "site", names->site);
    }
    view_received(p, m);
    if (names && names->session) {
        id128_hex(names->session->id, id);
        view_field_cstr(p, "session", id);
    }
    view_labels(p, m, names);
    view_origin(p, m);
    view_content(p, m);
    view_prints(p, m);
    if (names && (names->mailer.n || names->campaign.n)) {
        view_head(p, "Clusters");
        view_field(p, "mailer", names->mailer);
        view_field(p, "campaign", names->campaign);
    }
    view_quirks(p, m);
    if (names && names->session) {
        session_view_sd1(p, m->sd1);
        session_view_dialogue(p, names->session);
    }
    return page_write(p, f);
}
