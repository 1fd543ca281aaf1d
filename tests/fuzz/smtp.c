/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hostile client against the session machine. The first bytes choose persona and options; the
 * rest is what the client sends, with 0xff before a byte that is an act (waiting, leaving, a
 * handshake, a sink that fails). The machine keeps its bounds, asks for nothing odd, ends, and its
 * SD1 reads back; cutting the bytes otherwise changes nothing that is recorded. */
#include "print/sd1.h"
#include "smtp/persona.h"
#include "smtp/session.h"
#include "unit/smtp/session_bytes.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("%s", #x);                                                                       \
        }                                                                                          \
    } while (0)

enum { OPTIONS = 3, MESSAGE_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct session *s;
    uint64_t now_us;
    size_t piece; /* 0: all at once */
    bool sink_fails, was_cut;
};

static struct persona *persona_at(unsigned i)
{
    static const char *const PATHS[] = {
        "rules/personas/postfix.yaml", "rules/personas/exim.yaml", "rules/personas/sendmail.yaml",
        "rules/personas/exchange.yaml", "rules/personas/qmail.yaml"};
    static struct persona *loaded[5];
    struct errbuf eb = {0};
    i %= 5;
    if (!loaded[i] && persona_load(PATHS[i], &loaded[i], &eb) != OK) {
        panic("%s: %s; run it from the top of the tree", PATHS[i], eb.text);
    }
    return loaded[i];
}

static void play_pump(struct play *p)
{
    for (;;) {
        struct slice out = session_output(p->s);
        CHECK(session_bytes(p->s) <= SESSION_BYTES_MAX);
        if (out.n > 0) {
            CHECK(out.n < 2 || slice_ends(out, S("\r\n")));
            session_output_taken(p->s, p->now_us);
        } else if (session_need(p->s) == NEED_COMMIT) {
            const struct message_record *m = session_message(p->s);
            CHECK(m->recipient_count > 0 && m->raw.n <= MESSAGE_BYTES);
            session_committed(p->s, p->sink_fails ? ERR_IO : OK, p->now_us);
        } else {
            return;
        }
    }
}

static void play_send(struct play *p, struct slice bytes)
{
    while (bytes.n > 0) {
        size_t room = session_room(p->s), n = bytes.n < room ? bytes.n : room;
        CHECK(room <= LIMIT_SMTP_INPUT_BYTES);
        if (n == 0) {
            p->was_cut = true;
            return;
        }
        n = p->piece && n > p->piece ? p->piece : n;
        session_input(p->s, slice_sub(bytes, 0, n), p->now_us);
        play_pump(p);
        bytes = slice_sub(bytes, n, bytes.n);
    }
}

static void play_wait(struct play *p, uint64_t us)
{
    uint64_t end = p->now_us + us;
    for (uint64_t wake; (wake = session_wake_us(p->s)) <= end;) {
        p->now_us = wake > p->now_us ? wake : p->now_us;
        session_tick(p->s, p->now_us);
        play_pump(p);
        CHECK(session_wake_us(p->s) > p->now_us || session_need(p->s) == NEED_CLOSE);
    }
    p->now_us = end;
}

static void play_act(struct play *p, uint8_t act)
{
    struct session_tls tls = {act & 1, S("TLSv1.3"), S("X"), S("sni"), S("hello")};
    switch (act % 8) {
    case 0:
        play_wait(p, (uint64_t)(act / 8) * 1000000);
        break;
    case 1:
        play_wait(p, 1000);
        break;
    case 2:
        session_peer_closed(p->s, false, p->now_us);
        break;
    case 3:
        session_peer_closed(p->s, true, p->now_us);
        break;
    case 4:
        p->sink_fails = !p->sink_fails;
        break;
    case 5:
        session_shutdown(p->s, act & 8, p->now_us);
        break;
    default:
        if (session_need(p->s) == NEED_TLS) {
            session_tls_done(p->s, &tls, p->now_us);
        }
        break;
    }
    play_pump(p);
}

static struct slice play(const struct smtp_service *service, struct slice bytes, size_t piece,
                         struct arena *arena, bool *was_cut)
{
    struct session_peer peer = {.accepted_us = 1285891200000000};
    struct play p = {.s = session_new(service, &peer), .piece = piece};
    struct session_record r;
    struct sd1 sd1, again;
    struct sd1_inputs inputs;
    char text[SD1_TEXT_BYTES];
    CHECK(p.s);
    session_start(p.s, 0);
    play_pump(&p);
    play_wait(&p, 10);
    while (bytes.n > 0) {
        size_t n = slice_find_byte(bytes, '\xff');
        play_send(&p, slice_sub(bytes, 0, n));
        if (n + 1 < bytes.n) {
            play_act(&p, (uint8_t)bytes.p[n + 1]);
        }
        bytes = slice_sub(bytes, n + 2, bytes.n);
        p.now_us += 10;
    }
    session_drop(p.s, p.now_us);
    play_pump(&p);
    CHECK(session_need(p.s) == NEED_CLOSE && session_wake_us(p.s) == UINT64_MAX);
    session_record(p.s, &r);
    CHECK(r.step_count <= LIMIT_SMTP_STEPS_FIRST + LIMIT_SMTP_STEPS_LAST && r.step_count > 0);
    CHECK(r.steps[r.step_count - 1].kind == STEP_END);
    CHECK(sd1_make(&sd1, &r, r.client_name, &inputs, arena) == OK);
    size_t length = sd1_print(&sd1, text);
    CHECK(sd1_parse(slice_of(text, length), &again) && memcmp(&sd1, &again, sizeof sd1) == 0);
    char *all = arena_alloc(arena, SD1_TEXT_BYTES + 128 + r.step_count * 64);
    CHECK(all);
    memcpy(all, text, length);
    size_t n = length;
    n += (size_t)snprintf(all + n, 128, " %u %u %u %u", r.messages, r.commands, r.errors,
                          r.recipients_accepted);
    for (size_t i = 0; i < r.step_count; i++) {
        const struct session_step *s = &r.steps[i];
        n += (size_t)snprintf(all + n, 64, " %d.%d.%d.%d.%d.%zu", s->kind, s->ending, s->code,
                              s->flags, s->was_buffered, (size_t)s->bytes);
    }
    *was_cut |= p.was_cut;
    session_free(p.s);
    return slice_of(all, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[SECRET_KEY_BYTES] = "key";
    static struct cidr anybody; /* zero bits: all */
    if (size < OPTIONS) {
        return 0;
    }
    struct smtp_service service = {
        .host = S("mx.trap.example"),
        .limits = SMTP_LIMITS_DEFAULT,
        .persona = persona_at(data[0]),
        .is_lmtp = data[1] & 1,
        .has_tls = data[1] & 2,
        .is_teased = data[1] & 4,
        .accepts_auth = data[1] & 8,
        .relays = &anybody,
        .relay_count = data[1] & 16 ? 1 : 0,
        .banner_ms = data[1] & 32 ? 500 : 0,
        .reply_ms = data[1] & 64 ? 20 : 0,
        .key = key,
    };
    service.limits.message_bytes = MESSAGE_BYTES;
    service.limits.errors = data[2] % 32;
    service.limits.recipients = 1 + data[2] / 32;
    struct arena *arena = arena_new(16 << 20);
    struct slice bytes = slice_of((const char *)data + OPTIONS, size - OPTIONS);
    bool was_cut = false;
    CHECK(arena);
    struct slice whole = play(&service, bytes, 0, arena, &was_cut);
    struct slice single = play(&service, bytes, 1, arena, &was_cut);
    struct slice pieces = play(&service, bytes, 7, arena, &was_cut);
    /* What was never read, because the machine had enough, is not the same. */
    CHECK(was_cut || service.has_tls || (slice_eq(whole, single) && slice_eq(whole, pieces)));
    arena_free(arena);
    return 0;
}
