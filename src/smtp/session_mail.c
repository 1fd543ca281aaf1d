/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A mail transaction: sender, recipients, body, and the message given to the sink. */
#include "smtp/greylist.h"
#include "smtp/policy.h"
#include "smtp/session_state.h"

#include <stdio.h>
#include <stdlib.h>

static struct slice envelope_text(const struct session *s, struct span span)
{
    return slice_sub(strbuf_slice(&s->envelope), span.at, span.n);
}

void transaction_reset(struct session *s)
{
    s->has_mail = s->is_bdat = false;
    s->rcpt_count = 0;
    s->from = s->parameters = (struct span){0, 0};
    s->rcpt_trap = S("");
    strbuf_clear(&s->envelope);
    if (s->envelope.capacity > LIMIT_SMTP_STEP_BYTES) {
        strbuf_free(&s->envelope);
    }
    body_free(&s->body);
}

/* Adds a text to the envelope; false when it has no room. */
static bool envelope_add(struct session *s, struct slice text, struct span *out)
{
    if (text.n > LIMIT_SMTP_ENVELOPE_BYTES - s->envelope.n) {
        return false;
    }
    *out = (struct span){(uint16_t)s->envelope.n, (uint16_t)text.n};
    strbuf_add(&s->envelope, text);
    return !s->envelope.failed;
}

/* What RFC 5321 demands of a path and all MTAs check: the keyword, closed brackets, one word. */
static bool path_is_readable(const struct session *s, const struct path *p)
{
    return p->has_keyword && !p->is_open && (p->has_brackets || !s->traits->needs_brackets) &&
           (p->has_brackets || p->address.n > 0);
}

bool mail_check(struct session *s, const struct command *c)
{
    struct path p;
    if (s->has_mail) {
        session_reply(s, s->is_bdat ? REPLY_AFTER_BDAT : REPLY_MAIL_TWICE, c);
        return false;
    }
    if (!s->has_helo && s->traits->needs_helo) {
        session_reply(s, REPLY_HELO_FIRST, c);
        return false;
    }
    path_read(c->argument, S("FROM"), &p);
    if (!path_is_readable(s, &p)) {
        session_reply(s, REPLY_MAIL_SYNTAX, c);
        return false;
    }
    return true;
}

/* SIZE= of RFC 1870; 0 when there is none or it is no number. */
static uint64_t announced_size(struct slice parameters)
{
    struct slice name, value;
    uint64_t size = 0;
    while (parameter_next(&parameters, &name, &value)) {
        if (slice_ieq(name, S("SIZE")) && !slice_to_u64(value, &size)) {
            size = 0;
        }
    }
    return size;
}

void mail_proceed(struct session *s, const struct command *c)
{
    struct path p;
    path_read(c->argument, S("FROM"), &p);
    transaction_reset(s);
    if (s->messages >= s->service->limits.messages || s->stops_soon) {
        session_reply(s, REPLY_SHUTDOWN, c);
        return;
    }
    if (announced_size(p.parameters) > s->service->limits.message_bytes) {
        session_reply(s, REPLY_DATA_TOO_BIG, c);
        return;
    }
    if (!envelope_add(s, p.address, &s->from) || !envelope_add(s, p.parameters, &s->parameters)) {
        session_reply(s, REPLY_DATA_LATER, c);
        return;
    }
    s->has_mail = true;
    session_reply(s, REPLY_MAIL_OK, c);
}

bool rcpt_check(struct session *s, const struct command *c)
{
    struct path p;
    if (!s->has_mail || s->is_bdat) { /* a message's recipients are known before its first byte */
        session_reply(s, s->is_bdat ? REPLY_AFTER_BDAT : REPLY_MAIL_FIRST, c);
        return false;
    }
    path_read(c->argument, S("TO"), &p);
    if (!path_is_readable(s, &p) || p.address.n == 0) {
        session_reply(s, REPLY_RCPT_SYNTAX, c);
        return false;
    }
    return true;
}

/* What is said to a recipient. Nothing here knows whether it is a trap's. */
static enum reply_id rcpt_answer(struct session *s, struct slice rcpt, struct slice *trap)
{
    const struct smtp_service *v = s->service;
    *trap = S("");
    if (s->rcpt_count >= v->limits.recipients) {
        return REPLY_RCPT_TOO_MANY;
    }
    if (v->policy && !policy_takes(v->policy, rcpt, trap)) {
        return REPLY_RCPT_UNKNOWN;
    }
    uint32_t lot = session_random(s, 1000);
    if (lot < v->reject_4xx_permille) {
        return REPLY_RCPT_LATER;
    }
    if (lot < v->reject_4xx_permille + v->reject_5xx_permille) {
        return REPLY_RCPT_BLOCKED;
    }
    if (v->greylist && !greylist_passes(v->greylist, s->head.client, envelope_text(s, s->from),
                                        rcpt, s->head.accepted_us + (int64_t)s->at_us)) {
        return REPLY_RCPT_LATER;
    }
    return REPLY_RCPT_OK;
}

static bool rcpt_keep(struct session *s, struct slice rcpt)
{
    if (s->rcpt_count == s->rcpt_capacity) {
        size_t capacity = s->rcpt_capacity ? 2 * s->rcpt_capacity : 4;
        struct span *rcpts = realloc(s->rcpts, capacity * sizeof *rcpts);
        if (!rcpts) {
            return false;
        }
        s->rcpts = rcpts;
        s->rcpt_capacity = capacity;
    }
    if (!envelope_add(s, rcpt, &s->rcpts[s->rcpt_count])) {
        return false;
    }
    s->rcpt_count++;
    return true;
}

void rcpt_proceed(struct session *s, const struct command *c)
{
    struct path p;
    struct slice trap;
    path_read(c->argument, S("TO"), &p);
    enum reply_id answer = rcpt_answer(s, p.address, &trap);
    if (answer == REPLY_RCPT_OK && !rcpt_keep(s, p.address)) {
        answer = REPLY_RCPT_TOO_MANY;
    }
    if (answer == REPLY_RCPT_OK) {
        s->rcpts_taken++;
        s->rcpt_trap = s->rcpt_trap.n ? s->rcpt_trap : trap;
    } else {
        s->rcpts_refused++;
    }
    session_reply_with(s, answer, c, p.address, 0);
}

bool data_check(struct session *s, const struct command *c)
{
    if (c->argument.n > 0) {
        session_reply(s, REPLY_DATA_SYNTAX, c);
        return false;
    }
    if (s->rcpt_count == 0 || s->is_bdat) {
        session_reply(s,
                      s->is_bdat    ? REPLY_AFTER_BDAT
                      : s->has_mail ? REPLY_RCPT_FIRST
                                    : REPLY_MAIL_FIRST,
                      c);
        return false;
    }
    return true;
}

void data_proceed(struct session *s, const struct command *c)
{
    body_start(&s->body, s->traits->body_rule, s->service->limits.message_bytes);
    s->phase = PHASE_DATA;
    session_reply(s, REPLY_DATA_GO, c);
}

/* The step of a body that is there, or as much of it as came. */
static void body_note(struct session *s)
{
    session_step_add(s, &(struct session_step){.at_us = s->at_us,
                                               .kind = STEP_DATA,
                                               .flags = s->body.flags,
                                               .was_buffered = s->is_body_buffered,
                                               .bytes = s->body.bytes});
}

void data_broken(struct session *s)
{
    body_note(s);
    body_free(&s->body);
    s->phase = PHASE_COMMAND;
}

/* "ESMTPS" (RFC 3848), "LMTP" ... */
static struct slice protocol_name(struct session *s)
{
    snprintf(s->protocol, sizeof s->protocol, "%s%s%s",
             s->service->is_lmtp ? "LMTP"
             : s->is_esmtp       ? "ESMTP"
                                 : "SMTP",
             s->has_tls ? "S" : "", s->is_authenticated ? "A" : "");
    return slice_cstr(s->protocol);
}

static void message_fill(struct session *s)
{
    s->message = (struct message_record){
        .head = s->head,
        .number = s->messages + 1,
        .accepted_us = s->head.accepted_us + (int64_t)s->at_us,
        .helo = strbuf_slice(&s->helo),
        .protocol = protocol_name(s),
        .mail_from = envelope_text(s, s->from),
        .mail_parameters = envelope_text(s, s->parameters),
        .recipients = s->recipients,
        .recipient_count = s->rcpt_count,
        .data_flags = s->body.flags,
        .raw = slice_of(s->body.p, s->body.n),
    };
    if (s->has_tls) {
        snprintf(s->tls_text, sizeof s->tls_text, "%s %s", strbuf_cstr(&s->tls_version),
                 strbuf_cstr(&s->tls_cipher));
        s->message.tls = slice_cstr(s->tls_text);
    }
    if (s->rcpt_trap.n > 0) {
        s->message.head.trap = s->rcpt_trap;
    }
}

/* The body is whole: to the sink with it, or the reason why not. */
static void message_end(struct session *s)
{
    s->phase = PHASE_COMMAND;
    body_note(s);
    if (s->body.flags & DATA_CUT) {
        bool is_big = s->body.n >= s->service->limits.message_bytes;
        transaction_reset(s);
        session_reply(s, is_big ? REPLY_DATA_TOO_BIG : REPLY_DATA_LATER, NULL);
        return;
    }
    free(s->recipients);
    s->recipients = malloc((s->rcpt_count + 1) * sizeof *s->recipients);
    if (!s->recipients) {
        transaction_reset(s);
        session_reply(s, REPLY_DATA_LATER, NULL);
        return;
    }
    for (size_t i = 0; i < s->rcpt_count; i++) {
        s->recipients[i] = envelope_text(s, s->rcpts[i]);
    }
    message_fill(s);
    s->need = NEED_COMMIT;
}

const struct message_record *session_message(const struct session *s)
{
    return &s->message;
}

void session_committed(struct session *s, enum err e, uint64_t at_us)
{
    size_t replies = s->service->is_lmtp ? s->rcpt_count : 1; /* RFC 2033 4.2 */
    uint64_t bytes = s->body.bytes;
    bool has_ended = s->has_ended;
    s->at_us = at_us;
    s->need = has_ended ? NEED_CLOSE : NEED_NOTHING;
    s->messages += e == OK;
    for (size_t i = 0; i < replies && !has_ended; i++) {
        session_reply_with(s, e == OK ? REPLY_DATA_OK : REPLY_DATA_LATER, NULL, s->recipients[i],
                           bytes);
    }
    s->message = (struct message_record){0};
    free(s->recipients);
    s->recipients = NULL;
    transaction_reset(s);
    if (s->stops_soon) {
        session_shutdown(s, false, at_us);
    }
    if (!has_ended) {
        session_resume(s);
    }
}

size_t data_run(struct session *s, struct slice in)
{
    size_t used = 0;
    if (s->body.bytes == 0) {
        s->is_body_buffered = s->is_buffered;
    }
    switch (body_feed(&s->body, in, &used)) {
    case BODY_MORE:
    case BODY_NOMEM:
        break;
    case BODY_END:
        message_end(s);
        break;
    case BODY_REFUSED:
        data_broken(s);
        transaction_reset(s);
        session_reply(s, REPLY_BARE_LF, NULL);
        session_close(s, END_DROPPED);
        break;
    }
    return used;
}

/* ---- BDAT, RFC 3030 ---- */

static bool bdat_read(struct slice argument, uint64_t *size, bool *is_last)
{
    struct slice rest = argument, number = slice_cut(&rest, ' ');
    rest = slice_trim(rest);
    *is_last = slice_ieq(rest, S("LAST"));
    return slice_to_u64(number, size) && (rest.n == 0 || *is_last);
}

/* The chunk's bytes are all there. */
static void bdat_end(struct session *s)
{
    s->phase = PHASE_COMMAND;
    if (s->bdat_is_void) {
        transaction_reset(s);
        session_reply(s, s->bdat_error, NULL);
    } else if (s->bdat_is_last) {
        message_end(s);
    } else {
        session_reply_with(s, REPLY_BDAT_OK, NULL, S(""), s->body.bytes);
    }
}

void bdat_proceed(struct session *s, const struct command *c)
{
    uint64_t size = 0;
    bool is_last = false, is_read = bdat_read(c->argument, &size, &is_last);
    bool is_offered = s->traits->extensions & EXTENSION_CHUNKING;
    if (!is_read || !is_offered) { /* no chunk is known to follow */
        session_reply(s, is_offered ? REPLY_DATA_SYNTAX : REPLY_UNKNOWN, c);
        return;
    }
    s->bdat_left = size;
    s->bdat_is_last = is_last;
    s->bdat_is_void = s->rcpt_count == 0;
    s->bdat_error = s->has_mail ? REPLY_RCPT_FIRST : REPLY_MAIL_FIRST;
    if (!s->is_bdat) {
        body_start(&s->body, s->traits->body_rule, s->service->limits.message_bytes);
        s->body.flags = DATA_BDAT;
        s->is_body_buffered = false;
        s->is_bdat = true;
    }
    s->phase = PHASE_BDAT;
    s->waits_us = s->at_us;
    if (size == 0) {
        bdat_end(s);
    }
}

size_t bdat_run(struct session *s, struct slice in)
{
    size_t n = in.n < s->bdat_left ? in.n : (size_t)s->bdat_left;
    s->bdat_left -= n;
    if (s->bdat_is_void) {
        s->body.bytes += n;
    } else {
        body_chunk(&s->body, slice_sub(in, 0, n));
    }
    if (s->bdat_left == 0) {
        bdat_end(s);
    }
    return n;
}
