/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/date.h"
#include "print/date_style.h"
#include "print/extract.h"
#include "print/hd1_shape.h"
#include "print/helo.h"
#include "print/macro.h"

static struct slice shape_kept(struct shape_out *o, struct arena *arena)
{
    return arena_copy(arena, shape_end(o));
}

static enum err header_msgid(struct extract *x)
{
    const struct sender *s = &x->sender;
    if (!s->has_msgid) {
        x->quirks |= QUIRK_BIT(MSGID_MISSING);
        return OK;
    }
    const struct msgid *id = &s->msgid;
    struct msgid_words words = {s->to.local, s->to.domain, s->from.local, s->from.domain};
    UNCLEARED char buffer[SHAPE_BYTES];
    struct shape_out o = {buffer, 0, sizeof buffer, false};
    x->quirks |= id->is_bad ? QUIRK_BIT(MSGID_BAD) : 0;
    msgid_shape(id, &words, &o);
    struct slice shape = shape_kept(&o, x->arena);
    if (!shape.p && o.n > 0) {
        return ERR_NOMEM;
    }
    extract_text(x, FEATURE_MSGID, id->text);
    extract_text(x, FEATURE_MSGID_SHAPE, shape);
    extract_text(x, FEATURE_MSGID_CLASS, slice_cstr(value_class_name(id->class)));
    extract_text(x, FEATURE_MSGID_HOST_FORM,
                 slice_cstr(msgid_host_form(id, s->from.domain, s->from.local)));
    return OK;
}

/* The local part of the recipient, as To or one of our own Received lines gives it. */
static void header_msgid_rcpt(struct extract *x)
{
    enum { LOCAL_MIN = 4 }; /* shorter ones stand in many random strings */
    struct slice id = slice_sub(x->sender.msgid.text, 0, 1024);
    struct slice local = x->sender.to.local;
    if (!x->sender.has_msgid) {
        return;
    }
    bool has = local.n >= LOCAL_MIN && slice_ifind(id, local) != SIZE_MAX;
    for (size_t i = 0; !has && x->chain && i < x->chain->trusted; i++) {
        local = x->chain->hops[i].for_addr;
        local = slice_sub(local, 0, slice_find_byte(local, '@'));
        has = local.n >= LOCAL_MIN && slice_ifind(id, local) != SIZE_MAX;
    }
    extract_number(x, FEATURE_MSGID_HAS_RCPT, has);
}

static enum err header_boundary(struct extract *x)
{
    struct slice boundary = x->sender.boundary;
    UNCLEARED char buffer[SHAPE_BYTES];
    struct shape_out o = {buffer, 0, sizeof buffer, false};
    if (boundary.n == 0) {
        return OK;
    }
    boundary_shape(boundary, x->sender.boundary_class, &o);
    struct slice shape = shape_kept(&o, x->arena);
    if (!shape.p) {
        return ERR_NOMEM;
    }
    extract_text(x, FEATURE_BOUNDARY, boundary);
    extract_text(x, FEATURE_BOUNDARY_SHAPE, shape);
    extract_text(x, FEATURE_BOUNDARY_CLASS, slice_cstr(value_class_name(x->sender.boundary_class)));
    return OK;
}

static void header_clocks(struct extract *x, const struct mail_date *date)
{
    static const char *const STATES[] = {"ok", "off", "old"};
    struct windows_clock id, boundary;
    enum clock_state state;
    bool has_received = x->chain && x->chain->clock != CLOCK_NONE;
    int64_t received = has_received ? x->chain->time : 0;
    bool has_id = x->sender.has_msgid && msgid_clock(&x->sender.msgid, &id);
    bool has_boundary = boundary_clock(x->sender.boundary, &boundary);
    if (has_id &&
        windows_clock_check(id, date->is_valid, date->time, has_received, received, &state)) {
        state = state == CLOCK_STATE_OK ? CLOCK_STATE_OK : CLOCK_STATE_OFF;
        extract_text(x, FEATURE_OUTLOOK_CLOCK, slice_cstr(STATES[state]));
    }
    if (has_boundary &&
        windows_clock_check(boundary, date->is_valid, date->time, has_received, received, &state)) {
        extract_text(x, FEATURE_BOUNDARY_CLOCK, slice_cstr(STATES[state]));
    }
    if (has_id && has_boundary) {
        extract_number(x, FEATURE_CLOCK_COLLISION,
                       windows_clock_collides(id, boundary, date->zone_minutes));
    }
}

static void header_date(struct extract *x)
{
    const struct sender *s = &x->sender;
    struct mail_date date = {.is_valid = false};
    if (s->date.n == 0) {
        x->quirks |= QUIRK_BIT(DATE_MISSING);
    } else {
        date = mail_date_parse(s->date);
        extract_text(x, FEATURE_DATE, s->date);
        extract_text(x, FEATURE_DATE_ZONE, date.zone);
        extract_text(x, FEATURE_DATE_STYLE, s->date_style);
        x->quirks |= date.is_valid ? 0 : QUIRK_BIT(DATE_BAD);
        if (date.zone.n > 0 && !date.is_zone_possible) {
            x->quirks |= QUIRK_BIT(DATE_ZONE_BAD);
        }
        if (date.is_valid && x->chain && x->chain->clock != CLOCK_NONE) {
            extract_number(x, FEATURE_DATE_OFFSET, date.time - x->chain->time);
        }
    }
    header_clocks(x, &date);
}

static void header_people(struct extract *x)
{
    const struct sender *s = &x->sender;
    bool has_to = s->value[VALUE_TO] != NULL;
    size_t recipients = 0;
    extract_text(x, FEATURE_FROM_ADDR, s->from.addr);
    extract_text(x, FEATURE_FROM_LOCAL, s->from.local);
    extract_text(x, FEATURE_FROM_DOMAIN, s->from.domain);
    extract_text(x, FEATURE_FROM_NAME, s->from.name);
    if (has_to) {
        char letter;
        struct shape_out o = {&letter, 0, 1, false};
        shape_address(s->value[VALUE_TO]->value, &o);
        extract_number(x, FEATURE_TO_BARE, letter == 'b');
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->fields[i]->id == HEADER_TO || s->fields[i]->id == HEADER_CC) {
            has_to = true;
            recipients += mailbox_count(s->fields[i]->value);
        }
    }
    if (has_to) {
        extract_number(x, FEATURE_RCPT_HEADER, (int64_t)recipients);
    }
}

/* Order of the names, forged lines, macros: one walk over the sender's fields. */
static enum err header_fields(struct extract *x)
{
    const struct sender *s = &x->sender;
    struct slice *order = extract_list(x, s->count);
    if (!order) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct header *h = s->fields[i];
        order[i] = h->name;
        if (!(x->quirks & QUIRK_BIT(MACRO)) && macro_find(h->value).n > 0) {
            x->quirks |= QUIRK_BIT(MACRO);
        }
    }
    extract_list_set(x, FEATURE_HEADER_ORDER, order, s->count);
    return OK;
}

static const char *cte_name(enum cte cte)
{
    static const char *const NAMES[] = {
        [CTE_7BIT] = "7bit",           [CTE_8BIT] = "8bit",     [CTE_BINARY] = "binary",
        [CTE_QP] = "quoted-printable", [CTE_BASE64] = "base64", [CTE_UU] = "x-uuencode",
        [CTE_UNKNOWN] = "unknown",     [CTE_NONE] = ""};
    return NAMES[cte];
}

static enum err header_codings(struct extract *x)
{
    const struct mail *m = x->mail;
    struct slice *charsets = extract_list(x, m->part_count);
    struct slice *ctes = extract_list(x, CTE_NONE);
    size_t charset_count = 0, cte_count = 0;
    if (!charsets || !ctes) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < m->part_count; i++) {
        list_add_distinct(charsets, &charset_count, m->parts[i].charset);
        list_add_distinct(ctes, &cte_count, slice_cstr(cte_name(m->parts[i].cte)));
    }
    extract_list_set(x, FEATURE_CHARSET, charsets, charset_count);
    extract_list_set(x, FEATURE_CTE, ctes, cte_count);
    return OK;
}

enum err extract_header(struct extract *x)
{
    const struct sender *s = &x->sender;
    enum err e = header_msgid(x);
    if (e == OK) {
        e = header_boundary(x);
    }
    if (e == OK) {
        e = header_fields(x);
    }
    if (e == OK) {
        e = header_codings(x);
    }
    if (e != OK) {
        return e;
    }
    header_msgid_rcpt(x);
    header_date(x);
    header_people(x);
    if (s->mailer.n > 0) {
        extract_text(x, FEATURE_MAILER, s->mailer);
        extract_text(x, FEATURE_MAILER_CLASS, slice_cstr(value_class_name(s->mailer_class)));
    }
    const struct header *subject = header_find(&x->mail->parts[0].header, HEADER_SUBJECT);
    if (subject) {
        extract_text(x, FEATURE_SUBJECT, header_decode(subject->value, x->arena, &x->quirks));
    }
    return OK;
}

/* Between the brackets, if there are any; the null sender stays "<>". */
static struct slice path_address(struct slice path)
{
    struct slice s = slice_trim(path);
    if (s.n > 2 && s.p[0] == '<') {
        s = slice_sub(s, 1, slice_find_byte(s, '>') - 1);
    }
    return s;
}

/* A Return-Path that a relay wrote stands above the sender's fields; any other one is the sender's
 * invention. */
static struct slice envelope_from(struct extract *x)
{
    const struct header_block *h = &x->mail->parts[0].header;
    size_t relays = x->chain ? x->chain->relay_fields : 0;
    for (size_t i = 0; i < relays && i < h->count; i++) {
        if (h->fields[i].id == HEADER_RETURN_PATH) {
            return path_address(header_unfold(h->fields[i].value, x->arena));
        }
    }
    return x->envelope ? path_address(x->envelope->from) : slice_of(NULL, 0);
}

enum err extract_client(struct extract *x)
{
    const struct chain *c = x->chain;
    const struct envelope *e = x->envelope;
    extract_number(x, FEATURE_SIZE, (int64_t)(e && e->bytes ? e->bytes : x->mail->raw.n));
    extract_text(x, FEATURE_ENVELOPE_FROM, envelope_from(x));
    if (!c) {
        return OK;
    }
    if (c->has_client) {
        char *text = arena_alloc(x->arena, IP_TEXT_BYTES);
        if (!text) {
            return ERR_NOMEM;
        }
        ip_text(c->client, text);
        extract_text(x, FEATURE_CLIENT_IP, slice_cstr(text));
    }
    extract_text(x, FEATURE_CLIENT_PTR, c->ptr);
    extract_text(x, FEATURE_SMTP_PROTO, c->protocol);
    if (c->helo.n > 0) {
        static const char FORMS[] = "LITPRMS";
        struct slice own = c->trusted > 0 && c->trusted <= c->count ? c->hops[c->trusted - 1].by
                                                                    : slice_of(NULL, 0);
        char form = helo_form(c->helo, c->ptr, own);
        extract_text(x, FEATURE_SMTP_HELO, c->helo);
        extract_text(x, FEATURE_SMTP_HELO_FORM, slice_of(strchr(FORMS, form), 1));
    }
    if (c->tls.n > 0 || slice_iends(c->protocol, S("S")) || slice_iends(c->protocol, S("SA"))) {
        extract_number(x, FEATURE_SMTP_TLS, 1);
    } else if (c->protocol.n > 0) {
        extract_number(x, FEATURE_SMTP_TLS, 0);
    }
    if (c->count > c->trusted) {
        struct slice *lines = extract_list(x, c->count - c->trusted);
        size_t n = 0;
        if (!lines) {
            return ERR_NOMEM;
        }
        for (size_t i = c->trusted; i < c->count; i++) {
            lines[n++] = c->hops[i].raw;
        }
        extract_list_set(x, FEATURE_RECEIVED_FORGED, lines, n);
    }
    return OK;
}
