/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each field is named once, in the order of its bytes; a codec that writes returns the value it was
 * given, one that reads returns what it found. After the first failure nothing more is read or
 * written, and values are 0. */
#include "spool/codec.h"

#include "core/limits.h"

enum { VERSION_MESSAGE = 1, VERSION_SESSION = 2, VERSION_TRANSCRIPT = 1, VARINT_BYTES = 10 };

struct codec {
    struct strbuf *out; /* NULL: reading */
    struct slice in;    /* what is left to read */
    struct arena *arena;
    enum err error;
};

const char *record_kind_name(enum record_kind kind)
{
    return kind == RECORD_MESSAGE ? "message" : kind == RECORD_SESSION ? "session" : "unknown";
}

static void codec_fail(struct codec *c, enum err e)
{
    if (c->error == OK) {
        c->error = e;
    }
    c->in.n = 0;
}

static uint64_t varint_read(struct codec *c)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_BYTES && i < c->in.n; i++) {
        uint8_t byte = (uint8_t)c->in.p[i];
        if (i == VARINT_BYTES - 1 && byte > 1) {
            break; /* past 64 bits */
        }
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            c->in = slice_sub(c->in, i + 1, SIZE_MAX);
            return v;
        }
    }
    codec_fail(c, ERR_SYNTAX);
    return 0;
}

static void varint_write(struct codec *c, uint64_t v)
{
    char bytes[VARINT_BYTES];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        bytes[n++] = (char)(v | 0x80);
    }
    bytes[n++] = (char)v;
    strbuf_add(c->out, slice_of(bytes, n));
}

/* An unsigned number of at most `most`. */
static uint64_t number(struct codec *c, uint64_t v, uint64_t most)
{
    if (c->error != OK) {
        return 0;
    }
    if (c->out) {
        varint_write(c, v);
    } else {
        v = varint_read(c);
    }
    if (v > most) {
        codec_fail(c, c->out ? ERR_LIMIT : ERR_SYNTAX);
        return 0;
    }
    return v;
}

static uint32_t number32(struct codec *c, uint32_t v)
{
    return (uint32_t)number(c, v, UINT32_MAX);
}

static bool flag(struct codec *c, bool v)
{
    return number(c, v, 1) != 0;
}

/* Small numbers of either sign are short: zigzag. */
static int64_t integer(struct codec *c, int64_t v)
{
    uint64_t zigzag = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    zigzag = number(c, zigzag, UINT64_MAX);
    return (int64_t)(zigzag >> 1 ^ (zigzag & 1 ? UINT64_MAX : 0));
}

static struct slice bytes(struct codec *c, struct slice s, size_t n)
{
    if (c->error != OK) {
        return slice_of(NULL, 0);
    }
    if (c->out) {
        strbuf_add(c->out, slice_sub(s, 0, n));
        return s;
    }
    if (n > c->in.n) {
        codec_fail(c, ERR_SYNTAX);
        return slice_of(NULL, 0);
    }
    s = slice_sub(c->in, 0, n);
    c->in = slice_sub(c->in, n, SIZE_MAX);
    return s;
}

static struct slice text(struct codec *c, struct slice s)
{
    return bytes(c, s, (size_t)number(c, s.n, LIMIT_RECORD_BYTES));
}

static struct id128 identity(struct codec *c, struct id128 id)
{
    struct slice s = bytes(c, slice_of((const char *)id.b, sizeof id.b), sizeof id.b);
    if (c->error == OK) {
        memcpy(id.b, s.p, sizeof id.b);
    }
    return id;
}

/* 4 bytes for IPv4, else 16. */
static struct ip address(struct codec *c, struct ip a)
{
    enum { V4 = 4, V4_AT = 12 };
    uint64_t n = number(c, ip_is_v4(a) ? V4 : sizeof a.b, sizeof a.b);
    size_t at = n == V4 ? V4_AT : 0;
    if (n != V4 && n != sizeof a.b) {
        codec_fail(c, ERR_SYNTAX);
    }
    struct slice s = bytes(c, slice_of((const char *)a.b + at, sizeof a.b - at), (size_t)n);
    if (c->error == OK && !c->out) {
        a = ip_from_v4(0);
        memcpy(a.b + at, s.p, s.n);
    }
    return a;
}

/* How many items a list has. A hostile count asks for no more memory than its bytes could hold. */
static size_t list_length(struct codec *c, size_t count, size_t most, size_t bytes_least)
{
    size_t n = (size_t)number(c, count, most);
    if (!c->out && n > c->in.n / bytes_least) {
        codec_fail(c, ERR_SYNTAX);
        return 0;
    }
    return n;
}

static void head_code(struct codec *c, struct session_head *h)
{
    h->session = identity(c, h->session);
    h->trap = text(c, h->trap);
    h->site = text(c, h->site);
    h->listener = text(c, h->listener);
    h->persona = text(c, h->persona);
    h->server_name = text(c, h->server_name);
    h->client = address(c, h->client);
    h->server = address(c, h->server);
    h->client_port = (uint16_t)number(c, h->client_port, UINT16_MAX);
    h->server_port = (uint16_t)number(c, h->server_port, UINT16_MAX);
    h->has_proxy = flag(c, h->has_proxy);
    h->accepted_us = integer(c, h->accepted_us);
}

static void recipients_code(struct codec *c, struct message_record *m)
{
    size_t n = list_length(c, m->recipient_count, LIMIT_RECORD_RECIPIENTS, 1);
    struct slice *read = c->out ? NULL : arena_calloc(c->arena, n + 1, sizeof *read);
    if (!c->out && !read) {
        codec_fail(c, ERR_NOMEM);
    }
    for (size_t i = 0; i < n && c->error == OK; i++) {
        struct slice s = text(c, c->out ? m->recipients[i] : slice_of(NULL, 0));
        if (read) {
            read[i] = s;
        }
    }
    if (!c->out) {
        m->recipients = read;
        m->recipient_count = n;
    }
}

static void message_code(struct codec *c, struct message_record *m)
{
    head_code(c, &m->head);
    m->number = number32(c, m->number);
    m->accepted_us = integer(c, m->accepted_us);
    m->helo = text(c, m->helo);
    m->protocol = text(c, m->protocol);
    m->mail_from = text(c, m->mail_from);
    m->mail_parameters = text(c, m->mail_parameters);
    m->tls = text(c, m->tls);
    recipients_code(c, m);
    m->data_flags = (uint8_t)number(c, m->data_flags, UINT8_MAX);
    m->raw = text(c, m->raw);
}

/* `before_us`: the step before, since differences are short. */
static void step_code(struct codec *c, struct session_step *s, uint64_t before_us)
{
    s->at_us = before_us + (uint64_t)integer(c, (int64_t)(s->at_us - before_us));
    s->kind = (enum step_kind)number(c, s->kind, STEP_END);
    s->ending = (enum line_ending)number(c, s->ending, ENDING_NONE);
    s->code = (uint16_t)number(c, s->code, UINT16_MAX);
    s->flags = (uint8_t)number(c, s->flags, UINT8_MAX);
    s->was_buffered = flag(c, s->was_buffered);
    s->bytes = number(c, s->bytes, UINT64_MAX);
    s->text = text(c, s->text);
}

static void transcript_code(struct codec *c, struct transcript *t)
{
    enum { STEP_BYTES_LEAST = 8 }; /* one for each field */
    size_t n = list_length(c, t->count, LIMIT_RECORD_STEPS, STEP_BYTES_LEAST);
    struct session_step *read = c->out ? NULL : arena_calloc(c->arena, n + 1, sizeof *read);
    uint64_t before_us = 0;
    if (!c->out && !read) {
        codec_fail(c, ERR_NOMEM);
    }
    for (size_t i = 0; i < n && c->error == OK; i++) {
        struct session_step step = c->out ? t->steps[i] : (struct session_step){0};
        step_code(c, &step, before_us);
        before_us = step.at_us;
        if (read) {
            read[i] = step;
        }
    }
    if (!c->out) {
        t->steps = read;
        t->count = n;
    }
    t->dropped = number(c, t->dropped, UINT64_MAX);
    t->first = (size_t)number(c, t->first, t->count);
}

/* Version 1 had no client's name. */
static void session_code(struct codec *c, struct session_record *s, uint64_t version)
{
    head_code(c, &s->head);
    s->ended_us = integer(c, s->ended_us);
    s->end = (enum session_end)number(c, s->end, END_DROPPED);
    s->syn = text(c, s->syn);
    s->tls_hello = text(c, s->tls_hello);
    s->tls_version = text(c, s->tls_version);
    s->tls_cipher = text(c, s->tls_cipher);
    s->tls_sni = text(c, s->tls_sni);
    s->helo = text(c, s->helo);
    s->auth_mechanism = text(c, s->auth_mechanism);
    s->auth_user = text(c, s->auth_user);
    s->auth_password_hash = identity(c, s->auth_password_hash);
    struct transcript t = {s->steps, s->step_count, s->steps_first, s->steps_dropped};
    transcript_code(c, &t);
    s->steps = t.steps;
    s->step_count = t.count;
    s->steps_first = t.first;
    s->steps_dropped = t.dropped;
    s->offered = (uint16_t)number(c, s->offered, UINT16_MAX);
    s->messages = number32(c, s->messages);
    s->recipients_accepted = number32(c, s->recipients_accepted);
    s->recipients_refused = number32(c, s->recipients_refused);
    s->commands = number32(c, s->commands);
    s->errors = number32(c, s->errors);
    s->bytes_in = number(c, s->bytes_in, UINT64_MAX);
    s->bytes_out = number(c, s->bytes_out, UINT64_MAX);
    if (version >= 2) {
        s->client_name = text(c, s->client_name);
    }
}

/* Takes back what was appended when the record does not fit. */
static enum err encode_end(struct codec *c, size_t start)
{
    enum err e = c->out->failed ? ERR_NOMEM : c->error;
    e = e == OK && c->out->n - start > LIMIT_RECORD_BYTES ? ERR_LIMIT : e;
    if (e != OK) {
        c->out->n = start;
        c->out->failed = false;
    }
    return e;
}

enum err message_encode(struct strbuf *out, const struct message_record *m)
{
    struct codec c = {.out = out};
    struct message_record copy = *m;
    size_t start = out->n;
    number(&c, RECORD_MESSAGE, UINT8_MAX);
    number(&c, VERSION_MESSAGE, UINT8_MAX);
    message_code(&c, &copy);
    return encode_end(&c, start);
}

enum err session_encode(struct strbuf *out, const struct session_record *s)
{
    struct codec c = {.out = out};
    struct session_record copy = *s;
    size_t start = out->n;
    number(&c, RECORD_SESSION, UINT8_MAX);
    number(&c, VERSION_SESSION, UINT8_MAX);
    session_code(&c, &copy, VERSION_SESSION);
    return encode_end(&c, start);
}

enum err transcript_encode(struct strbuf *out, const struct transcript *t)
{
    struct codec c = {.out = out};
    struct transcript copy = *t;
    size_t start = out->n;
    number(&c, VERSION_TRANSCRIPT, UINT8_MAX);
    transcript_code(&c, &copy);
    return encode_end(&c, start);
}

enum err transcript_decode(struct slice packed, struct arena *arena, struct transcript *out)
{
    struct codec c = {.in = packed, .arena = arena};
    *out = (struct transcript){NULL, 0, 0, 0};
    uint64_t version = number(&c, 0, UINT8_MAX);
    if (c.error == OK && version != VERSION_TRANSCRIPT) {
        return ERR_VERSION;
    }
    transcript_code(&c, out);
    return c.error != OK ? c.error : c.in.n ? ERR_SYNTAX : OK;
}

enum err record_decode(struct slice payload, struct arena *arena, struct decoded_record *out)
{
    struct codec c = {.in = payload, .arena = arena};
    *out = (struct decoded_record){.kind = (enum record_kind)number(&c, 0, UINT8_MAX)};
    uint64_t version = number(&c, 0, UINT8_MAX);
    bool is_message = out->kind == RECORD_MESSAGE;
    if (c.error != OK || (!is_message && out->kind != RECORD_SESSION)) {
        return ERR_SYNTAX;
    }
    if (version == 0 || version > (is_message ? VERSION_MESSAGE : VERSION_SESSION)) {
        return version ? ERR_VERSION : ERR_SYNTAX;
    }
    if (is_message) {
        message_code(&c, &out->message);
    } else {
        session_code(&c, &out->session, version);
    }
    return c.error != OK ? c.error : c.in.n ? ERR_SYNTAX : OK;
}
