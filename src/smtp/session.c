/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine: input, output, replies, clocks, the end. What the commands do is in session_*.c. */
#include "smtp/session.h"

#include "smtp/session_state.h"

#include <stdlib.h>

enum { US_PER_MS = 1000, US_PER_S = 1000000, CLOSING_SECONDS = 10 };

struct session *session_new(const struct smtp_service *service, const struct session_peer *peer)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->service = service;
    s->traits = persona_traits(service->persona);
    s->head = (struct session_head){
        .session = peer->id,
        .trap = service->trap,
        .site = service->site,
        .listener = service->listener,
        .persona = s->traits->name,
        .server_name = service->host,
        .client = peer->client,
        .server = peer->server,
        .client_port = peer->client_port,
        .server_port = peer->server_port,
        .has_proxy = peer->has_proxy,
        .accepted_us = peer->accepted_us,
    };
    s->syn_bytes = peer->syn.n < sizeof s->syn ? peer->syn.n : sizeof s->syn;
    if (s->syn_bytes > 0) {
        memcpy(s->syn, peer->syn.p, s->syn_bytes);
    }
    memcpy(&s->rng, peer->id.b, sizeof s->rng);
    s->early_step = SIZE_MAX;
    s->waits_us = UINT64_MAX; /* not started */
    session_name_client(s);
    return s;
}

void session_free(struct session *s)
{
    if (!s) {
        return;
    }
    struct strbuf *const buffers[] = {
        &s->held,    &s->skipped,   &s->out,       &s->helo,     &s->tls_version, &s->tls_cipher,
        &s->tls_sni, &s->tls_hello, &s->auth_user, &s->envelope, &s->client_name};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        strbuf_free(buffers[i]);
    }
    body_free(&s->body);
    transcript_free(&s->transcript);
    free(s->rcpts);
    free(s->recipients);
    free(s);
}

void session_name_client(struct session *s)
{
    ip_text(s->head.client, s->client_text);
}

/* splitmix64, from the session's random id: no secret, but no two sessions alike. */
uint32_t session_random(struct session *s, uint32_t n)
{
    s->rng += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_mix(s->rng) % n);
}

void session_step_add(struct session *s, const struct session_step *step)
{
    transcript_add(&s->transcript, step);
}

/* ---- replies ---- */

/* The words of a reply text. */
static struct persona_words words_of(const struct session *s, const struct command *c,
                                     struct slice rcpt, uint64_t bytes)
{
    struct persona_words w = {
        .host = s->service->host,
        .client = slice_cstr(s->client_text),
        .helo = strbuf_slice(&s->helo),
        .from = slice_sub(strbuf_slice(&s->envelope), s->from.at, s->from.n),
        .rcpt = rcpt,
        .size = s->service->limits.message_bytes,
        .bytes = bytes,
        .time_us = s->head.accepted_us + (int64_t)s->at_us,
        .seed = s->rng + s->messages,
    };
    if (c && c->word.p) {
        w.verb = c->word;
        w.line = slice_span(c->word.p, c->tail.p ? c->tail.p : c->word.p + c->word.n);
    }
    return w;
}

/* What stands in the output from `from` on is a reply: notes it, and when it may go. */
static void reply_note(struct session *s, size_t from, unsigned code)
{
    struct slice text = slice_sub(strbuf_slice(&s->out), from, s->out.n);
    uint64_t ms = s->traits->reply_ms + s->service->reply_ms;
    if (code >= 400) {
        ms += s->traits->error_ms;
        s->errors++;
    }
    if (s->phase == PHASE_GREETING) {
        ms = 0; /* it has waited */
    }
    s->replied_us = s->at_us + ms * US_PER_MS;
    if (ms > 0) {
        s->release_us = s->replied_us;
        s->is_paced = true;
    }
    s->waits_us = s->replied_us;
    s->is_buffered = true; /* of what is held already; session_input knows of the rest */
    text = slice_sub(text, 0, slice_find_byte(text, '\r'));
    session_step_add(s, &(struct session_step){.at_us = s->replied_us,
                                               .kind = STEP_REPLY,
                                               .code = (uint16_t)code,
                                               .bytes = s->out.n - from,
                                               .text = text});
    if (code == 221 || code == 421) {
        session_close(s, !s->has_quit ? END_DROPPED
                         : s->has_fin ? END_QUIT_NO_WAIT
                                      : END_QUIT_WAIT);
    }
}

void session_reply_with(struct session *s, enum reply_id r, const struct command *c,
                        struct slice rcpt, uint64_t bytes)
{
    struct persona_words w = words_of(s, c, rcpt, bytes);
    size_t from = s->out.n;
    reply_note(s, from, persona_reply(s->service->persona, r, &w, &s->out));
}

void session_reply(struct session *s, enum reply_id r, const struct command *c)
{
    session_reply_with(s, r, c, S(""), 0);
}

void session_reply_ehlo(struct session *s)
{
    struct persona_words w = words_of(s, NULL, S(""), 0);
    unsigned allowed = s->traits->extensions;
    size_t from = s->out.n;
    if (!s->service->has_tls || s->has_tls) {
        allowed &= ~(unsigned)EXTENSION_STARTTLS;
    }
    s->offered = allowed;
    reply_note(s, from,
               persona_ehlo(s->service->persona, allowed, session_is_relay(s), &w, &s->out));
}

void session_reply_text(struct session *s, unsigned code, struct slice text)
{
    size_t from = s->out.n;
    strbuf_printf(&s->out, "%u ", code);
    strbuf_add(&s->out, text);
    strbuf_add(&s->out, S("\r\n"));
    reply_note(s, from, code);
}

/* ---- the end ---- */

void session_close(struct session *s, enum session_end end)
{
    if (!s->is_closing) {
        s->is_closing = true;
        s->end = end;
        s->waits_us = s->at_us;
    }
}

/* A line that never ended is one of the client's words, too. */
static void partial_note(struct session *s)
{
    struct slice rest = strbuf_slice(s->is_skipping ? &s->skipped : &s->held);
    size_t lf = slice_find_byte(rest, '\n');
    if (rest.n == 0 || s->phase != PHASE_COMMAND || s->auth_lines_hidden > 0 ||
        s->need == NEED_TLS) {
        return;
    }
    struct session_step step = {.at_us = s->at_us,
                                .kind = STEP_COMMAND,
                                .ending = ENDING_NONE,
                                .was_buffered = s->is_buffered,
                                .bytes = s->is_skipping ? s->skipped_bytes : rest.n,
                                .text = slice_sub(rest, 0, lf)};
    if (!s->is_skipping && rest.p[rest.n - 1] == '\r') {
        step.ending = ENDING_CR;
        step.text = slice_sub(rest, 0, lf < rest.n ? lf : rest.n - 1);
    }
    session_step_add(s, &step);
}

/* The last step. */
static void session_finish(struct session *s, enum session_end end)
{
    if (s->has_ended) {
        return;
    }
    if (!s->is_closing) {
        partial_note(s);
    }
    if (s->phase == PHASE_DATA || s->phase == PHASE_BDAT) {
        data_broken(s);
    }
    s->has_ended = true;
    s->is_closing = true;
    s->end = end;
    s->need =
        s->need == NEED_COMMIT ? NEED_COMMIT : NEED_CLOSE; /* the sink has the message still */
    s->release_us = 0;
    s->ended_us = s->head.accepted_us + (int64_t)s->at_us;
    session_step_add(
        s, &(struct session_step){.at_us = s->at_us, .kind = STEP_END, .code = (uint16_t)end});
}

bool session_is_quitting(const struct session *s)
{
    return s->has_quit && s->is_closing && !s->has_ended;
}

void session_drop(struct session *s, uint64_t at_us)
{
    s->at_us = at_us;
    session_finish(s, s->is_closing ? s->end : END_DROPPED);
}

/* ---- input ---- */

static bool session_can_run(const struct session *s)
{
    return !s->is_closing && s->need == NEED_NOTHING && !s->is_paced &&
           s->phase != PHASE_GREETING && s->out.n < LIMIT_SMTP_OUTPUT_BYTES;
}

static void run_command(struct session *s, const struct line *line)
{
    struct command c;
    if (s->phase == PHASE_AUTH) {
        session_step_add(s, &(struct session_step){.at_us = s->at_us,
                                                   .kind = STEP_AUTH_LINE,
                                                   .ending = line->ending,
                                                   .was_buffered = s->is_buffered,
                                                   .bytes = line->bytes});
        auth_line(s, line->text);
        return;
    }
    command_read(line->text, &c);
    s->commands++;
    struct session_step step = {.at_us = s->at_us,
                                .kind = STEP_COMMAND,
                                .ending = line->ending,
                                .was_buffered = s->is_buffered,
                                .bytes = line->bytes,
                                .text = line->text};
    if (c.verb == VERB_AUTH) { /* the mechanism's name, not what follows it */
        struct slice mechanism = c.argument;
        size_t blank = 0;
        while (blank < mechanism.n && !ascii_is_space(mechanism.p[blank])) {
            blank++;
        }
        step.text = slice_span(line->text.p, mechanism.p + blank);
    } else if (c.verb == VERB_OTHER && s->auth_lines_hidden > 0) {
        step.kind = STEP_AUTH_LINE;
        step.text = S("");
    }
    s->auth_lines_hidden =
        c.verb == VERB_OTHER && s->auth_lines_hidden > 0 ? s->auth_lines_hidden - 1 : 0;
    session_step_add(s, &step);
    if (s->errors >= s->service->limits.errors) {
        session_reply(s, REPLY_ERRORS, &c);
        session_close(s, END_DROPPED);
        return;
    }
    session_command(s, &c);
}

/* A line past LIMIT_SMTP_LINE_BYTES: its beginning is kept, the rest is read over. */
static size_t run_skip(struct session *s, struct slice in)
{
    size_t lf = slice_find_byte(in, '\n');
    bool has_lf = lf < in.n;
    bool has_cr = lf > 0 ? in.p[lf - 1] == '\r' : s->skip_has_cr;
    size_t used = has_lf ? lf + 1 : in.n;
    s->skipped_bytes += used;
    s->skip_has_cr = in.p[used - 1] == '\r';
    if (has_lf && (has_cr || s->traits->line_rule == LINE_RULE_LF)) {
        session_step_add(s, &(struct session_step){.at_us = s->at_us,
                                                   .kind = STEP_COMMAND,
                                                   .ending = has_cr ? ENDING_CRLF : ENDING_LF,
                                                   .was_buffered = s->is_buffered,
                                                   .bytes = s->skipped_bytes,
                                                   .text = strbuf_slice(&s->skipped)});
        s->is_skipping = false;
        s->commands++;
        s->phase = PHASE_COMMAND;
        strbuf_free(&s->skipped);
        session_reply(s, REPLY_LONG_LINE, NULL);
    } else if (s->skipped_bytes > LIMIT_SMTP_LINE_SKIPPED_BYTES) {
        session_finish(s, END_DROPPED);
    }
    return used;
}

/* One line, or 0 when none is complete. */
static size_t run_line(struct session *s, struct slice in)
{
    struct line line;
    if (s->is_skipping) {
        return run_skip(s, in);
    }
    bool is_whole = line_next(in, s->traits->line_rule, &s->seen, &line);
    if (is_whole ? line.bytes > LIMIT_SMTP_LINE_BYTES : in.n >= LIMIT_SMTP_LINE_BYTES) {
        s->seen = 0;
        s->is_skipping = true;
        s->skipped_bytes = 0;
        s->skip_has_cr = false;
        strbuf_clear(&s->skipped);
        /* A password that is too long is still one. */
        struct slice kept = s->phase == PHASE_AUTH ? S("") : in;
        strbuf_add(&s->skipped, slice_sub(kept, 0, LIMIT_SMTP_STEP_BYTES));
        return run_skip(s, is_whole ? slice_sub(in, 0, line.bytes) : in);
    }
    if (!is_whole) {
        return 0;
    }
    run_command(s, &line);
    return line.bytes;
}

/* Runs what it can of `in`; what is left must be held. */
static void session_run(struct session *s, struct slice *in)
{
    while (in->n > 0 && session_can_run(s)) {
        size_t used = s->phase == PHASE_DATA   ? data_run(s, *in)
                      : s->phase == PHASE_BDAT ? bdat_run(s, *in)
                                               : run_line(s, *in);
        if (used == 0 && s->phase != PHASE_BDAT) {
            return;
        }
        *in = slice_sub(*in, used, in->n);
    }
}

void session_resume(struct session *s)
{
    struct slice in = strbuf_slice(&s->held);
    session_run(s, &in);
    if (s->need == NEED_TLS && in.n > 0) { /* RFC 3207: must be discarded */
        session_step_add(
            s, &(struct session_step){
                   .at_us = s->at_us, .kind = STEP_EARLY, .code = EARLY_TLS, .bytes = in.n});
        in.n = 0;
    }
    if (in.n == 0) {
        strbuf_free(&s->held);
    } else if (in.n < s->held.n) {
        memmove(s->held.p, in.p, in.n);
        s->held.n = in.n;
    }
    bool has_more = s->held.n > 0 && !session_can_run(s); /* it will run when its turn comes */
    if (s->has_fin && !has_more && !s->is_closing && s->need == NEED_NOTHING) {
        session_finish(s, s->has_quit ? END_QUIT_NO_WAIT : END_CLOSE);
    }
}

/* Before the banner, or when it can't have been seen yet. */
static void early_note(struct session *s, size_t bytes)
{
    if (s->early_step == SIZE_MAX) {
        s->early_step = (size_t)s->transcript.total;
        session_step_add(
            s, &(struct session_step){.at_us = s->at_us, .kind = STEP_EARLY, .code = EARLY_BANNER});
    }
    transcript_add_bytes(&s->transcript, s->early_step, bytes);
}

size_t session_room(const struct session *s)
{
    if (s->has_fin || s->is_closing || s->need == NEED_TLS) {
        return 0;
    }
    return LIMIT_SMTP_INPUT_BYTES - s->held.n;
}

void session_set_lag(struct session *s, uint64_t us)
{
    s->lag_us = us;
}

void session_input(struct session *s, struct slice bytes, uint64_t at_us)
{
    s->at_us = at_us;
    s->input_us = at_us;
    s->bytes_in += bytes.n;
    if (s->has_ended || bytes.n == 0) {
        return;
    }
    bool is_early = s->phase == PHASE_GREETING || at_us <= s->banner_us + s->lag_us;
    if (is_early) {
        early_note(s, bytes.n);
    }
    if (s->held.n == 0) {
        if (!s->is_skipping) {
            s->is_buffered = s->phase == PHASE_GREETING || at_us <= s->replied_us + s->lag_us;
        }
        session_run(s, &bytes);
    }
    if (s->is_closing) {
        if (is_early) { /* what we hang up on was never read */
            transcript_add_bytes(&s->transcript, s->early_step, -(uint64_t)bytes.n);
        }
    } else if (bytes.n > 0) {
        strbuf_add(&s->held, bytes);
    }
    if (s->held.failed) {
        session_finish(s, END_DROPPED);
        return;
    }
    session_resume(s);
}

void session_peer_closed(struct session *s, bool was_reset, uint64_t at_us)
{
    s->at_us = at_us;
    if (s->has_ended) {
        return;
    }
    s->has_fin = true;
    if (was_reset) {
        session_finish(s, s->has_quit ? END_QUIT_NO_WAIT : END_RESET);
    } else if (s->is_closing) {
        if (s->end == END_QUIT_WAIT) {
            s->end = END_QUIT_NO_WAIT;
        }
    } else {
        session_resume(s);
    }
}

/* ---- output ---- */

struct slice session_output(const struct session *s)
{
    return s->release_us ? S("") : strbuf_slice(&s->out);
}

void session_output_taken(struct session *s, uint64_t at_us)
{
    s->at_us = at_us;
    s->bytes_out += s->out.n;
    if (s->out.failed) {
        session_finish(s, END_DROPPED);
    }
    s->is_paced = false;
    strbuf_clear(&s->out);
    if (s->out.capacity > LIMIT_SMTP_STEP_BYTES) {
        strbuf_free(&s->out); /* ten thousand idle sessions need no buffers */
    }
    if (s->is_closing && !s->has_ended && s->release_us == 0) {
        session_finish(s, s->end);
    } else {
        session_resume(s);
    }
}

enum session_need session_need(const struct session *s)
{
    /* The 220 of STARTTLS goes in clear. */
    return s->need == NEED_TLS && s->out.n > 0 ? NEED_NOTHING : s->need;
}

/* ---- clocks ---- */

static void session_greet(struct session *s)
{
    session_reply(s, REPLY_BANNER, NULL);
    s->phase = PHASE_COMMAND;
    s->banner_us = s->at_us;
}

void session_start(struct session *s, uint64_t at_us)
{
    uint64_t ms = s->traits->banner_ms + s->service->banner_ms;
    s->at_us = at_us;
    if (ms == 0) {
        session_greet(s);
        return;
    }
    s->waits_us = at_us + ms * US_PER_MS;
    if (s->service->is_teased) {
        struct persona_words w = words_of(s, NULL, S(""), 0);
        uint64_t banner_us = s->waits_us;
        unsigned code = persona_reply(s->service->persona, REPLY_BANNER, &w, &s->out);
        struct slice first = strbuf_slice(&s->out);
        s->out.n = slice_find_byte(first, '\n') + 1;
        s->out.p[3] = '-';
        reply_note(s, 0, code);
        s->waits_us = banner_us;
    }
}

/* When the client must have done what it is expected to. */
static uint64_t deadline_us(const struct session *s)
{
    const struct smtp_limits *l = &s->service->limits;
    uint64_t whole = (uint64_t)l->session_seconds * US_PER_S, one = UINT64_MAX;
    if (s->has_ended || s->need == NEED_COMMIT) {
        return UINT64_MAX;
    }
    if (s->is_closing) {
        return s->waits_us + CLOSING_SECONDS * US_PER_S;
    }
    if (s->phase == PHASE_DATA || s->phase == PHASE_BDAT) {
        uint64_t last = s->input_us > s->waits_us ? s->input_us : s->waits_us;
        uint64_t idle = last + (uint64_t)l->data_idle_seconds * US_PER_S;
        one = s->waits_us + (uint64_t)l->data_seconds * US_PER_S;
        one = idle < one ? idle : one;
    } else if (s->phase != PHASE_GREETING) {
        one = s->waits_us + (uint64_t)l->command_seconds * US_PER_S;
    }
    return one < whole ? one : whole;
}

uint64_t session_wake_us(const struct session *s)
{
    uint64_t wake = deadline_us(s);
    if (s->has_ended) {
        return UINT64_MAX;
    }
    if (s->phase == PHASE_GREETING && s->waits_us < wake) {
        wake = s->waits_us;
    }
    return s->release_us && s->release_us < wake ? s->release_us : wake;
}

void session_tick(struct session *s, uint64_t at_us)
{
    s->at_us = at_us;
    if (s->has_ended) {
        return;
    }
    if (s->release_us && at_us >= s->release_us) {
        s->release_us = 0;
    }
    if (s->phase == PHASE_GREETING && !s->is_closing && at_us >= s->waits_us) {
        session_greet(s);
    }
    if (at_us >= deadline_us(s)) {
        if (s->is_closing || s->need == NEED_TLS) {
            session_finish(s, s->is_closing ? s->end : END_TIMEOUT);
            return;
        }
        partial_note(s);
        session_close(s, END_TIMEOUT);
        session_reply(s, REPLY_TIMEOUT, NULL);
        s->release_us = 0;
        return;
    }
    session_resume(s);
}

void session_shutdown(struct session *s, bool waits_for_message, uint64_t at_us)
{
    s->at_us = at_us;
    if (s->has_ended || s->is_closing) {
        return;
    }
    if (waits_for_message && (s->has_mail || s->need == NEED_COMMIT)) {
        s->stops_soon = true;
        return;
    }
    if (s->need == NEED_COMMIT) {
        s->stops_soon = true; /* the sink still has it */
        return;
    }
    session_close(s, END_DROPPED);
    session_reply(s, REPLY_SHUTDOWN, NULL);
    s->release_us = 0;
}

void session_tls_done(struct session *s, const struct session_tls *tls, uint64_t at_us)
{
    s->at_us = at_us;
    s->need = NEED_NOTHING;
    strbuf_clear(&s->tls_version);
    strbuf_clear(&s->tls_cipher);
    strbuf_clear(&s->tls_sni);
    strbuf_clear(&s->tls_hello);
    strbuf_add(&s->tls_version, tls->version);
    strbuf_add(&s->tls_cipher, tls->cipher);
    strbuf_add(&s->tls_sni, tls->sni);
    strbuf_add(&s->tls_hello, slice_sub(tls->hello, 0, LIMIT_TLS_HELLO_BYTES));
    session_step_add(s, &(struct session_step){.at_us = at_us,
                                               .kind = STEP_TLS,
                                               .code = tls->is_open,
                                               .bytes = tls->hello.n,
                                               .text = tls->version});
    s->waits_us = s->replied_us = at_us;
    if (!tls->is_open) {
        session_finish(s, s->has_fin ? END_CLOSE : END_DROPPED);
        return;
    }
    /* RFC 3207 4.2: all is forgotten. */
    s->has_tls = true;
    s->has_helo = s->is_esmtp = s->is_authenticated = false;
    transaction_reset(s);
}

void session_record(struct session *s, struct session_record *out)
{
    *out = (struct session_record){
        .head = s->head,
        .ended_us = s->ended_us,
        .end = s->end,
        .syn = slice_of(s->syn, s->syn_bytes),
        .tls_hello = strbuf_slice(&s->tls_hello),
        .tls_version = strbuf_slice(&s->tls_version),
        .tls_cipher = strbuf_slice(&s->tls_cipher),
        .tls_sni = strbuf_slice(&s->tls_sni),
        .helo = strbuf_slice(&s->helo),
        .client_name = strbuf_slice(&s->client_name),
        .auth_mechanism = s->auth_name,
        .auth_user = strbuf_slice(&s->auth_user),
        .auth_password_hash = s->auth_password,
        .offered = (uint16_t)s->offered,
        .messages = s->messages,
        .recipients_accepted = s->rcpts_taken,
        .recipients_refused = s->rcpts_refused,
        .commands = s->commands,
        .errors = s->errors,
        .bytes_in = s->bytes_in,
        .bytes_out = s->bytes_out,
    };
    out->steps =
        transcript_steps(&s->transcript, &out->step_count, &out->steps_first, &out->steps_dropped);
}
