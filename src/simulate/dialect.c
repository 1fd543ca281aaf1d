/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/dialect.h"

#include "simulate/kind.h"

#include <stdio.h>

enum { STEPS_MAX = 20, LINE_BYTES = 512, PORT_FIRST = 1024 };

struct dialect dialect_server(void)
{
    return (struct dialect){.is_extended = true,
                            .letters = 'U',
                            .colon = ":",
                            .has_brackets = true,
                            .parameters = " SIZE=%zu",
                            .is_pipelined = true,
                            .end = END_QUIT_WAIT,
                            .pace_us = 3000};
}

struct dialect dialect_make(uint64_t seed, size_t number)
{
    static const char LETTERS[] = "UUUUlm";
    static const char *const COLONS[] = {":", ":", ":", ": ", " : "};
    static const char *const PARAMETERS[] = {"", "", "", " SIZE=%zu", " BODY=8BITMIME"};
    static const enum session_end ENDS[] = {END_QUIT_WAIT, END_QUIT_WAIT, END_QUIT_NO_WAIT,
                                            END_CLOSE, END_RESET};
    struct pcg r = pcg_keyed(seed, KIND_FAMILY, number, 2);
    struct dialect d = {.has_brackets = true};
    d.is_extended = pcg_chance(&r, 0.5);
    d.letters = LETTERS[pcg_below(&r, sizeof LETTERS - 1)];
    d.colon = COLONS[pcg_below(&r, sizeof COLONS / sizeof *COLONS)];
    d.has_brackets = !pcg_chance(&r, 0.06);
    d.parameters = PARAMETERS[d.is_extended ? pcg_below(&r, 5) : 0];
    d.is_pipelined = pcg_chance(&r, 0.1);
    d.is_early = pcg_chance(&r, 0.1);
    d.has_reset = pcg_chance(&r, 0.15);
    d.has_bare_lf = pcg_chance(&r, 0.08);
    d.end = ENDS[pcg_below(&r, sizeof ENDS / sizeof *ENDS)];
    d.pace_us = 20000 + (int64_t)pcg_below(&r, 400000);
    return d;
}

struct talk {
    const struct dialect *d;
    struct arena *arena;
    struct session_step *steps;
    size_t count;
    int64_t at_us;
    uint32_t commands;
    uint64_t in, out;
    bool is_ok;
};

static struct session_step *step_add(struct talk *t, enum step_kind kind)
{
    static struct session_step spare; /* never read */
    if (t->count == STEPS_MAX) {
        t->is_ok = false;
        return &spare;
    }
    struct session_step *s = &t->steps[t->count++];
    *s = (struct session_step){.at_us = (uint64_t)t->at_us, .kind = kind};
    return s;
}

static void reply(struct talk *t, uint16_t code, const char *text)
{
    t->at_us += 1000;
    struct session_step *s = step_add(t, STEP_REPLY);
    s->code = code;
    s->text = slice_cstr(text);
    t->out += s->text.n + 2;
}

static void command(struct talk *t, const char *verb, const char *rest, bool was_buffered)
{
    char line[LINE_BYTES];
    size_t n = 0;
    t->at_us += was_buffered ? 0 : t->d->pace_us;
    for (; verb[n]; n++) {
        bool is_lower =
            t->d->letters == 'l' || (t->d->letters == 'm' && n > 0 && verb[n - 1] != ' ');
        line[n] = is_lower ? ascii_lower(verb[n]) : verb[n];
    }
    int more = snprintf(line + n, sizeof line - n, "%s", rest);
    n = more < 0 || n + (size_t)more >= sizeof line ? sizeof line - 1 : n + (size_t)more;
    struct session_step *s = step_add(t, STEP_COMMAND);
    s->text = arena_copy(t->arena, slice_of(line, n));
    t->is_ok = t->is_ok && s->text.p;
    s->ending = t->d->has_bare_lf ? ENDING_LF : ENDING_CRLF;
    s->bytes = n + (t->d->has_bare_lf ? 1 : 2);
    s->was_buffered = was_buffered;
    t->commands++;
    t->in += s->bytes;
}

static void address_rest(const struct dialect *d, struct slice address, size_t size, char *out)
{
    char parameters[64] = "";
    if (strstr(d->parameters, "SIZE")) {
        snprintf(parameters, sizeof parameters, " SIZE=%zu", size);
    } else {
        snprintf(parameters, sizeof parameters, "%s", size ? d->parameters : "");
    }
    snprintf(out, LINE_BYTES, "%s%s%.*s%s%s", d->colon, d->has_brackets ? "<" : "",
             SLICE_ARG(address), d->has_brackets ? ">" : "", size ? parameters : "");
}

static void talk_write(struct talk *t, const struct dialect_delivery *m)
{
    const struct dialect *d = t->d;
    char rest[LINE_BYTES];
    if (d->is_early) {
        step_add(t, STEP_EARLY)->code = EARLY_BANNER;
    }
    reply(t, 220, "220 mx.traphost.org ESMTP");
    snprintf(rest, sizeof rest, " %.*s", SLICE_ARG(m->helo));
    command(t, d->is_extended ? "EHLO" : "HELO", rest, d->is_early);
    reply(t, 250, d->is_extended ? "250-mx.traphost.org" : "250 mx.traphost.org");
    if (d->has_reset) {
        command(t, "RSET", "", false);
        reply(t, 250, "250 2.0.0 Ok");
    }
    address_rest(d, m->sender, m->raw.n, rest);
    command(t, "MAIL FROM", rest, false);
    reply(t, 250, "250 2.1.0 Ok");
    address_rest(d, m->recipient, 0, rest);
    command(t, "RCPT TO", rest, d->is_pipelined);
    reply(t, 250, "250 2.1.5 Ok");
    command(t, "DATA", "", d->is_pipelined);
    reply(t, 354, "354 End data with <CR><LF>.<CR><LF>");
    t->at_us += t->d->pace_us;
    struct session_step *data = step_add(t, STEP_DATA);
    data->bytes = m->raw.n;
    data->flags = d->has_bare_lf ? DATA_HAS_BARE_LF : DATA_HAS_CRLF;
    t->in += m->raw.n;
    reply(t, 250, "250 2.0.0 Ok: queued");
    if (d->end == END_QUIT_WAIT || d->end == END_QUIT_NO_WAIT) {
        command(t, "QUIT", "", false);
    }
    if (d->end == END_QUIT_WAIT) {
        reply(t, 221, "221 2.0.0 Bye");
    }
    step_add(t, STEP_END)->code = (uint16_t)d->end;
}

enum err dialect_speak(const struct dialect *d, const struct dialect_delivery *m,
                       struct arena *arena, struct message_record *message,
                       struct session_record *session)
{
    struct talk t = {.d = d, .arena = arena, .is_ok = true};
    struct slice *recipient = arena_alloc(arena, sizeof *recipient);
    t.steps = arena_calloc(arena, STEPS_MAX, sizeof *t.steps);
    if (!recipient || !t.steps) {
        return ERR_NOMEM;
    }
    *recipient = m->recipient;
    talk_write(&t, m);
    struct session_head head = {
        .session = m->session,
        .trap = m->trap,
        .site = S("simulated"),
        .listener = S("192.0.2.1:25"),
        .persona = S("postfix"),
        .server_name = S("mx.traphost.org"),
        .client = m->client,
        .server = ip_from_v4(0xc0000201),
        .client_port = (uint16_t)(PORT_FIRST + (m->session.b[0] << 7)),
        .server_port = 25,
        .accepted_us = m->received_us - t.at_us,
    };
    *message = (struct message_record){
        .head = head,
        .number = 1,
        .accepted_us = m->received_us,
        .helo = m->helo,
        .protocol = d->is_extended ? S("ESMTP") : S("SMTP"),
        .mail_from = m->sender,
        .recipients = recipient,
        .recipient_count = 1,
        .data_flags = d->has_bare_lf ? DATA_HAS_BARE_LF : DATA_HAS_CRLF,
        .raw = m->raw,
    };
    *session = (struct session_record){
        .head = head,
        .ended_us = m->received_us + 1000,
        .end = d->end,
        .helo = m->helo,
        .steps = t.steps,
        .step_count = t.count,
        .steps_first = t.count,
        .offered = d->is_extended ? EXTENSION_PIPELINING | EXTENSION_SIZE | EXTENSION_8BITMIME : 0,
        .messages = 1,
        .recipients_accepted = 1,
        .commands = t.commands,
        .bytes_in = t.in,
        .bytes_out = t.out,
    };
    return t.is_ok ? OK : ERR_NOMEM;
}
