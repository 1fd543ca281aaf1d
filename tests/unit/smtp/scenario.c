/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario.h"

#include "testing.h"

#include "print/sd1.h"
#include "smtp/policy.h"
#include "smtp/session.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES = 1 << 20, PERSONAS = 8 };

static const char *root(void)
{
    const char *path = getenv("SOURCE_ROOT");
    return path ? path : ".";
}

struct persona *scenario_persona(struct slice name)
{
    static struct persona *loaded[PERSONAS];
    static char names[PERSONAS][32];
    size_t i = 0;
    for (; loaded[i]; i++) {
        if (slice_eq(name, slice_cstr(names[i]))) {
            return loaded[i];
        }
    }
    char path[512], text[1024];
    struct errbuf eb = {0};
    snprintf(path, sizeof path, "%s/rules/personas/%.*s.yaml", root(), SLICE_ARG(name));
    enum err e = persona_load(path, &loaded[i], &eb);
    if (e != OK) {
        fail_msg("%s", err_format(&eb, e, text, sizeof text));
    }
    snprintf(names[i], sizeof names[i], "%.*s", SLICE_ARG(name));
    return loaded[i];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t scenario_files(struct slice texts[], char names[][64], size_t max)
{
    char folder[512], *found[64];
    size_t count = 0, i;
    snprintf(folder, sizeof folder, "%s/tests/scenario", root());
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) && count < 64;) {
        if (slice_ends(slice_cstr(d->d_name), S(".txt"))) {
            found[count++] = strdup(d->d_name);
        }
    }
    closedir(dir);
    qsort(found, count, sizeof *found, by_name);
    assert_true(count <= max);
    for (i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, found[i]);
        snprintf(names[i], 64, "%s", found[i]);
        free(found[i]);
        FILE *f = fopen(path, "rb");
        char *text = malloc(FILE_BYTES);
        assert_non_null(f);
        assert_non_null(text);
        texts[i] = slice_of(text, fread(text, 1, FILE_BYTES, f));
        fclose(f);
    }
    return count;
}

/* "set KEY VALUE" lines. */
static void setting(struct scenario *s, struct slice key, struct slice value)
{
    static struct cidr relay;
    struct smtp_service *v = &s->service;
    uint64_t n = 0;
    bool is_number = slice_to_u64(value, &n);
    struct {
        const char *key;
        uint32_t *to;
    } const numbers[] = {{"errors", &v->limits.errors},
                         {"recipients", &v->limits.recipients},
                         {"messages", &v->limits.messages},
                         {"command_seconds", &v->limits.command_seconds},
                         {"data_idle_seconds", &v->limits.data_idle_seconds},
                         {"data_seconds", &v->limits.data_seconds},
                         {"session_seconds", &v->limits.session_seconds},
                         {"banner_ms", &v->banner_ms},
                         {"reply_ms", &v->reply_ms},
                         {"reject_4xx", &v->reject_4xx_permille},
                         {"reject_5xx", &v->reject_5xx_permille}};
    struct {
        const char *key;
        bool *to;
    } const flags[] = {{"lmtp", &v->is_lmtp},         {"tls", &v->has_tls},
                       {"teaser", &v->is_teased},     {"auth", &v->accepts_auth},
                       {"loopback", &s->is_loopback}, {"implicit_tls", &s->is_handshaken}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (slice_eq(key, slice_cstr(numbers[i].key)) && is_number) {
            *numbers[i].to = (uint32_t)n;
            return;
        }
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (slice_eq(key, slice_cstr(flags[i].key))) {
            *flags[i].to = true;
            return;
        }
    }
    if (slice_eq(key, S("message_bytes"))) {
        v->limits.message_bytes = n;
    } else if (slice_eq(key, S("lag_us"))) {
        s->lag_us = n;
    } else if (slice_eq(key, S("relay"))) {
        assert_true(cidr_parse(value, &relay));
        v->relays = &relay;
        v->relay_count = 1;
    } else if (slice_eq(key, S("takes"))) {
        struct policy *p = v->policy ? (struct policy *)(uintptr_t)v->policy : policy_new(false);
        struct slice rest = value, entry = slice_cut(&rest, ' ');
        assert_non_null(p);
        assert_int_equal(policy_add(p, entry, rest), OK);
        v->policy = p;
    } else {
        fail_msg("set %.*s?", SLICE_ARG(key));
    }
}

bool scenario_next(struct slice *text, struct scenario *out)
{
    static const uint8_t key[SECRET_KEY_BYTES] = "the tests' key";
    *out = (struct scenario){.service = {.trap = S("trap"),
                                         .site = S("site"),
                                         .listener = S("test"),
                                         .host = S("mx.trap.example"),
                                         .limits = SMTP_LIMITS_DEFAULT,
                                         .key = key}};
    while (text->n > 0 && !slice_starts(*text, S("=== "))) {
        slice_cut(text, '\n');
    }
    if (text->n == 0) {
        return false;
    }
    out->name = slice_sub(slice_cut(text, '\n'), 4, SIZE_MAX);
    const char *from = text->p;
    struct slice persona = S("postfix"), *part = &out->script;
    while (text->n > 0 && !slice_starts(*text, S("=== "))) {
        const char *end = text->p;
        struct slice line = slice_cut(text, '\n');
        *part = slice_span(from, text->n ? text->p : end + line.n + 1);
        struct slice rest = line, word = slice_cut(&rest, ' ');
        if (slice_eq(line, S("---"))) {
            *part = slice_span(from, end);
            from = text->p;
            part = &out->expected;
            *part = slice_of(from, 0);
        } else if (part == &out->script && slice_eq(word, S("persona"))) {
            persona = rest;
        } else if (part == &out->script && slice_eq(word, S("set"))) {
            struct slice name = slice_cut(&rest, ' ');
            setting(out, name, rest);
        }
    }
    out->service.persona = scenario_persona(persona);
    return true;
}

void scenario_free(struct scenario *s)
{
    policy_free((struct policy *)(uintptr_t)s->service.policy);
}

bool scenario_act(struct slice *script, struct slice *word, struct slice *rest)
{
    while (script->n > 0) {
        *rest = slice_cut(script, '\n');
        *word = slice_cut(rest, ' ');
        if (word->n > 0 && word->p[0] != '#' && !slice_eq(*word, S("set")) &&
            !slice_eq(*word, S("persona"))) {
            return true;
        }
    }
    return false;
}

struct slice scenario_bytes(struct slice text, struct strbuf *out)
{
    strbuf_clear(out);
    strbuf_add(out, S(""));
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\\' && i + 1 < text.n) {
            char e = text.p[++i];
            c = e == 'r' ? '\r' : e == 'n' ? '\n' : e == 't' ? '\t' : e == '0' ? '\0' : e;
            if (e == 'x' && i + 2 < text.n) {
                c = (char)(ascii_hex(text.p[i + 1]) * 16 + ascii_hex(text.p[i + 2]));
                i += 2;
            }
        }
        strbuf_add_byte(out, c);
    }
    return strbuf_slice(out);
}

/* ---- playing ---- */

struct player {
    const struct scenario *scenario;
    struct session *session;
    uint64_t now_us;
    int piece;
    unsigned seed;
    bool sink_fails, holds; /* holds: the sink answers later */
    struct strbuf replies;  /* not yet looked at */
    struct strbuf raw, rcpts, trap;
    unsigned messages;
};

static void player_commit(struct player *p)
{
    const struct message_record *m = session_message(p->session);
    strbuf_clear(&p->raw);
    strbuf_clear(&p->rcpts);
    strbuf_clear(&p->trap);
    strbuf_add(&p->raw, m->raw);
    strbuf_add(&p->trap, m->head.trap);
    for (size_t i = 0; i < m->recipient_count; i++) {
        strbuf_add(&p->rcpts, m->recipients[i]);
        strbuf_add(&p->rcpts, S(" "));
    }
    p->messages += !p->sink_fails;
    session_committed(p->session, p->sink_fails ? ERR_IO : OK, p->now_us);
}

static void player_pump(struct player *p)
{
    for (;;) {
        struct slice out = session_output(p->session);
        if (out.n > 0) {
            strbuf_add(&p->replies, out);
            session_output_taken(p->session, p->now_us);
        } else if (session_need(p->session) == NEED_COMMIT && !p->holds) {
            player_commit(p);
        } else {
            return;
        }
    }
}

static void player_send(struct player *p, struct slice bytes)
{
    while (bytes.n > 0) {
        size_t room = session_room(p->session), n = bytes.n < room ? bytes.n : room;
        if (room == 0) {
            return; /* it has stopped reading */
        }
        if (p->piece > 0 && n > (size_t)p->piece) {
            n = (size_t)p->piece;
        } else if (p->piece < 0) {
            p->seed = p->seed * 1103515245 + 12345;
            size_t some = 1 + (p->seed >> 16) % 23;
            n = n < some ? n : some;
        }
        session_input(p->session, slice_sub(bytes, 0, n), p->now_us);
        player_pump(p);
        bytes = slice_sub(bytes, n, bytes.n);
    }
}

static void player_wait(struct player *p, uint64_t ms)
{
    uint64_t end = p->now_us + ms * 1000;
    for (uint64_t wake; (wake = session_wake_us(p->session)) <= end;) {
        p->now_us = wake > p->now_us ? wake : p->now_us;
        session_tick(p->session, p->now_us);
        player_pump(p);
    }
    p->now_us = end;
}

static void player_fail(const struct player *p, const char *what, struct slice wanted,
                        struct slice got)
{
    fail_msg("%.*s (pieces %d): %s\nwanted: %.*s\n   got: %.*s", SLICE_ARG(p->scenario->name),
             p->piece, what, SLICE_ARG(wanted), SLICE_ARG(got));
}

/* The next reply line must match; with `skips`, the next that does. */
static void player_expect(struct player *p, struct slice glob, bool skips)
{
    struct slice replies = strbuf_slice(&p->replies), line = S("(nothing)");
    bool is_found = false;
    while (replies.n > 0 && !is_found) {
        line = slice_cut(&replies, '\n');
        assert_true(line.n > 0 && line.p[line.n - 1] == '\r');
        line.n--;
        is_found = slice_glob(line, glob);
        if (!is_found && !skips) {
            break;
        }
    }
    if (!is_found) {
        player_fail(p, "reply", glob, line);
    }
    memmove(p->replies.p, replies.p, replies.n);
    p->replies.n = replies.n;
}

static void player_tls(struct player *p, bool is_open)
{
    struct session_tls tls = {is_open, S("TLSv1.3"), S("TLS_AES_256_GCM_SHA384"), S(""),
                              S("\x16\x03\x01")};
    session_tls_done(p->session, &tls, p->now_us);
    player_pump(p);
}

static void player_check(struct player *p, struct slice word, struct slice rest)
{
    struct strbuf bytes = STRBUF_INIT;
    bool is_closed = session_need(p->session) == NEED_CLOSE;
    if (slice_eq(word, S("closed")) || slice_eq(word, S("open"))) {
        if (is_closed != slice_eq(word, S("closed"))) {
            player_fail(p, "connection", word, is_closed ? S("closed") : S("open"));
        }
    } else if (slice_eq(word, S("raw"))) {
        struct slice want = scenario_bytes(rest, &bytes);
        if (!slice_eq(want, strbuf_slice(&p->raw))) {
            player_fail(p, "raw", want, strbuf_slice(&p->raw));
        }
    } else if (slice_eq(word, S("rcpts"))) {
        struct slice got = slice_trim(strbuf_slice(&p->rcpts));
        if (!slice_eq(rest, got)) {
            player_fail(p, "recipients", rest, got);
        }
    } else if (slice_eq(word, S("trap"))) {
        if (!slice_eq(rest, strbuf_slice(&p->trap))) {
            player_fail(p, "trap", rest, strbuf_slice(&p->trap));
        }
    } else if (slice_eq(word, S("messages"))) {
        uint64_t n = 0;
        assert_true(slice_to_u64(rest, &n));
        assert_int_equal(p->messages, n);
    } else {
        fail_msg("%.*s: what is '%.*s'?", SLICE_ARG(p->scenario->name), SLICE_ARG(word));
    }
    strbuf_free(&bytes);
}

/* "C text": a line; "c text": bytes. {n} is the number of the repetition, {k} a kilobyte. */
static void player_say(struct player *p, struct slice text, bool is_line, unsigned n)
{
    struct strbuf bytes = STRBUF_INIT, filled = STRBUF_INIT;
    struct slice rest = scenario_bytes(text, &bytes);
    while (rest.n > 0) {
        if (slice_starts(rest, S("{n}"))) {
            strbuf_printf(&filled, "%u", n);
            rest = slice_sub(rest, 3, rest.n);
        } else if (slice_starts(rest, S("{k}"))) {
            for (int i = 0; i < 1024; i++) {
                strbuf_add_byte(&filled, 'k');
            }
            rest = slice_sub(rest, 3, rest.n);
        } else {
            strbuf_add_byte(&filled, *rest.p);
            rest = slice_sub(rest, 1, rest.n);
        }
    }
    if (is_line) {
        strbuf_add(&filled, S("\r\n"));
    }
    player_send(p, strbuf_slice(&filled));
    strbuf_free(&bytes);
    strbuf_free(&filled);
}

static void player_act(struct player *p, struct slice word, struct slice rest)
{
    uint64_t n = 1;
    if (slice_eq(word, S("repeat"))) {
        assert_true(slice_to_u64(slice_cut(&rest, ' '), &n));
        word = slice_cut(&rest, ' ');
    }
    if (slice_eq(word, S("C")) || slice_eq(word, S("c"))) {
        for (unsigned i = 1; i <= n; i++) {
            player_wait(p, 1); /* a client needs a moment */
            player_say(p, rest, *word.p == 'C', i);
        }
    } else if (slice_eq(word, S("S")) || slice_eq(word, S("S+"))) {
        for (unsigned i = 1; i <= n; i++) {
            player_expect(p, rest, word.n == 2);
        }
    } else if (slice_eq(word, S("silent"))) {
        if (p->replies.n > 0) {
            player_fail(p, "silent", S(""), strbuf_slice(&p->replies));
        }
    } else if (slice_eq(word, S("wait"))) {
        assert_true(slice_to_u64(rest, &n));
        player_wait(p, n);
    } else if (slice_eq(word, S("fin")) || slice_eq(word, S("reset"))) {
        session_peer_closed(p->session, *word.p == 'r', p->now_us);
        player_pump(p);
    } else if (slice_eq(word, S("tls"))) {
        assert_int_equal(session_need(p->session), NEED_TLS);
        player_tls(p, slice_eq(rest, S("ok")));
    } else if (slice_eq(word, S("sink"))) {
        p->sink_fails = slice_eq(rest, S("fails"));
        p->holds = slice_eq(rest, S("holds"));
        player_pump(p);
    } else if (slice_eq(word, S("shutdown"))) {
        session_shutdown(p->session, slice_eq(rest, S("soft")), p->now_us);
        player_pump(p);
    } else {
        player_check(p, word, rest);
    }
}

void scenario_play(const struct scenario *s, int piece, unsigned seed, struct strbuf *recorded)
{
    struct player p = {.scenario = s, .piece = piece, .seed = seed};
    struct session_peer peer = {
        .client_port = 40000, .server_port = 25, .accepted_us = 1285891200000000};
    struct slice script = s->script, word, rest;
    assert_true(ip_parse(S("192.0.2.7"), &peer.client));
    assert_true(ip_parse(S("198.51.100.1"), &peer.server));
    p.session = session_new(&s->service, &peer);
    assert_non_null(p.session);
    session_set_lag(p.session, s->lag_us);
    if (s->is_handshaken) {
        player_tls(&p, true);
    }
    session_start(p.session, 0);
    player_pump(&p);
    while (scenario_act(&script, &word, &rest)) {
        player_act(&p, word, rest);
    }
    if (p.holds) {
        p.holds = false;
        player_pump(&p);
    }
    if (session_need(p.session) != NEED_CLOSE) {
        session_drop(p.session, p.now_us);
    }
    struct session_record record;
    session_record(p.session, &record);
    assert_int_equal(record.messages, p.messages);
    scenario_print(&record, true, recorded);
    session_free(p.session);
    strbuf_free(&p.replies);
    strbuf_free(&p.raw);
    strbuf_free(&p.rcpts);
    strbuf_free(&p.trap);
}

/* ---- printing ---- */

static void print_escaped(struct slice s, struct strbuf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\\') {
            strbuf_add(out, S("\\\\"));
        } else if (c < 0x20 || c >= 0x7f) {
            strbuf_printf(out, "\\x%02x", c);
        } else {
            strbuf_add_byte(out, (char)c);
        }
    }
}

static void print_step(const struct session_step *s, struct strbuf *out)
{
    static const char *const ENDINGS[] = {"crlf", "lf", "cr", "none"};
    static const char *const ENDS[] = {"quit",  "quit-no-wait", "close",
                                       "reset", "timeout",      "dropped"};
    static const char *const FLAGS[] = {"crlf", "lf", "cr", "nul", "dot", "smuggle", "bdat", "cut"};
    char buffered = s->was_buffered ? '+' : '-';
    strbuf_printf(out, "= %" PRIu64 " ", s->at_us / 1000);
    switch (s->kind) {
    case STEP_COMMAND:
        strbuf_printf(out, "command %s %c ", ENDINGS[s->ending], buffered);
        print_escaped(s->text, out);
        break;
    case STEP_REPLY:
        strbuf_printf(out, "reply %u", s->code);
        break;
    case STEP_DATA:
        strbuf_printf(out, "data %c %" PRIu64, buffered, s->bytes);
        for (unsigned i = 0; i < 8; i++) {
            if (s->flags >> i & 1) {
                strbuf_printf(out, " %s", FLAGS[i]);
            }
        }
        break;
    case STEP_TLS:
        strbuf_printf(out, "tls %u", s->code);
        break;
    case STEP_AUTH_LINE:
        strbuf_printf(out, "auth-line %c", buffered);
        break;
    case STEP_EARLY:
        strbuf_printf(out, "early %s %" PRIu64, s->code == EARLY_TLS ? "tls" : "banner", s->bytes);
        break;
    case STEP_END:
        strbuf_printf(out, "end %s", ENDS[s->code]);
        break;
    }
    strbuf_add_byte(out, '\n');
}

static void print_lines(char part, struct slice text, struct strbuf *out)
{
    while (text.n > 0) {
        strbuf_printf(out, "%c ", part);
        print_escaped(slice_cut(&text, '\n'), out);
        strbuf_add_byte(out, '\n');
    }
}

void scenario_print(const struct session_record *r, bool with_steps, struct strbuf *out)
{
    struct arena *arena = arena_new(1 << 20);
    struct sd1_inputs inputs;
    struct sd1 s, again;
    char text[SD1_TEXT_BYTES];
    assert_non_null(arena);
    assert_int_equal(sd1_make(&s, r, r->client_name, &inputs, arena), OK);
    size_t n = sd1_print(&s, text);
    assert_true(sd1_parse(slice_of(text, n), &again));
    assert_memory_equal(&s, &again, sizeof s);
    strbuf_add(out, slice_of(text, n));
    strbuf_add_byte(out, '\n');
    if (with_steps) {
        print_lines('b', inputs.sequence, out);
        print_lines('c', inputs.skeleton, out);
        if (r->auth_mechanism.n > 0) {
            char hex[33];
            id128_hex(r->auth_password_hash, hex);
            strbuf_printf(out, "auth %.*s ", SLICE_ARG(r->auth_mechanism));
            print_escaped(r->auth_user, out);
            strbuf_printf(out, " %s\n", hex);
        }
        strbuf_printf(out, "offered %u dropped %" PRIu64 " first %zu\n", r->offered,
                      r->steps_dropped, r->steps_first);
        for (size_t i = 0; i < r->step_count; i++) {
            print_step(&r->steps[i], out);
        }
    }
    arena_free(arena);
}
