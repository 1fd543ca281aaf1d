/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/session.h"

#include "analyse/redact.h"
#include "core/limits.h"
#include "print/sd1.h"
#include "print/td1.h"

static const char MARK[] = "<rcpt>";

/* ---- redaction ---- */

/* Does the line begin with this verb, in whatever case and behind whatever spaces? *rest is what
 * follows it. */
static bool line_is(struct slice line, struct slice verb, struct slice *rest)
{
    while (line.n && ascii_is_space(line.p[0])) {
        line = slice_sub(line, 1, SIZE_MAX);
    }
    if (!slice_istarts(line, verb) || (line.n > verb.n && ascii_is_alnum(line.p[verb.n]))) {
        return false;
    }
    *rest = slice_sub(line, verb.n, SIZE_MAX);
    return true;
}

static struct slice replaced(struct slice line, size_t from, size_t to, struct arena *arena)
{
    size_t mark = sizeof MARK - 1;
    char *p = arena_alloc(arena, line.n + mark);
    if (!p) {
        return slice_of(NULL, 0);
    }
    memcpy(p, line.p, from);
    memcpy(p + from, MARK, mark);
    memcpy(p + from + mark, line.p + to, line.n - to);
    return slice_of(p, from + mark + line.n - to);
}

/* The address of RCPT stands between brackets or up to the next space; what stands around it
 * (spaces, missing brackets, parameters) is the client's dialect and stays. */
static struct slice argument_redact(struct slice line, struct slice rest, struct arena *arena)
{
    size_t from = line.n - rest.n, to = line.n;
    size_t colon = slice_find_byte(rest, ':');
    if (colon < slice_find_byte(rest, '<') && colon < slice_find_byte(rest, '@')) {
        from += colon + 1;
    } else if (slice_find_byte(rest, '<') < rest.n) {
        from += slice_find_byte(rest, '<');
    }
    while (from < to && ascii_is_space(line.p[from])) {
        from++;
    }
    if (from < to && line.p[from] == '<') {
        size_t end = slice_find_byte(slice_sub(line, from, SIZE_MAX), '>');
        from++;
        to = from - 1 + end < line.n ? from - 1 + end : line.n;
    } else {
        size_t end = from;
        for (bool is_quoted = false; end < to && (is_quoted || !ascii_is_space(line.p[end]));) {
            is_quoted = is_quoted != (line.p[end++] == '"');
        }
        to = end;
    }
    return from < to ? replaced(line, from, to, arena) : line;
}

static bool is_local_byte(char c)
{
    return c != '<' && c != '>' && c != ':' && c != ',' && c != ';' && c != '(' &&
           !ascii_is_space(c);
}

/* Local parts of everything with an @, from the right, so that what was replaced is not looked at
 * again. A quoted local part may have spaces: up to its opening quote. */
static struct slice addresses_redact(struct slice line, struct arena *arena)
{
    for (size_t at = line.n; line.p && at-- > 0;) {
        size_t from = at;
        if (line.p[at] != '@') {
            continue;
        }
        if (from > 0 && line.p[from - 1] == '"') {
            from--;
            while (from > 0 && line.p[from - 1] != '"') {
                from--;
            }
            from -= from > 0;
        }
        while (from > 0 && is_local_byte(line.p[from - 1])) {
            from--;
        }
        if (from < at) {
            line = replaced(line, from, at, arena);
            at = from;
        }
    }
    return line;
}

struct slice dialogue_redact(struct slice line, struct arena *arena)
{
    struct slice rest;
    if (line_is(line, S("MAIL"), &rest)) {
        return line;
    }
    if (line_is(line, S("RCPT"), &rest) || line_is(line, S("VRFY"), &rest) ||
        line_is(line, S("EXPN"), &rest)) {
        line = argument_redact(line, rest, arena);
        return line.p ? addresses_redact(line, arena) : line;
    }
    if (line_is(line, S("AUTH"), &rest)) { /* "AUTH PLAIN": what follows may hold a password */
        struct slice words = slice_trim(rest);
        size_t mechanism = 0;
        while (mechanism < words.n && !ascii_is_space(words.p[mechanism])) {
            mechanism++;
        }
        return words.n ? slice_span(line.p, words.p + mechanism) : line;
    }
    return addresses_redact(line, arena);
}

/* The addresses that RCPT lines name, for texts in which they stand in other disguises. */
static enum err secrets_collect(struct recipients *r, const struct session_record *s,
                                struct arena *arena)
{
    *r = (struct recipients){.addr = arena_calloc(arena, s->step_count + 1, sizeof *r->addr),
                             .most = s->step_count};
    for (size_t i = 0; r->addr && i < s->step_count; i++) {
        struct slice rest;
        const struct session_step *step = &s->steps[i];
        if (step->kind == STEP_COMMAND && line_is(step->text, S("RCPT"), &rest)) {
            recipients_scan(r, rest);
        }
    }
    return r->addr ? OK : ERR_NOMEM;
}

static struct slice clip(struct slice s)
{
    return slice_sub(s, 0, LIMIT_SESSION_ROW_STEP_BYTES);
}

/* Replies may repeat what the client said. */
static struct slice step_text(const struct recipients *r, const struct session_step *step,
                              struct arena *arena)
{
    struct slice text = step->kind == STEP_COMMAND ? dialogue_redact(step->text, arena)
                        : step->kind == STEP_REPLY ? addresses_redact(step->text, arena)
                                                   : step->text;
    return clip(redact(r, text, arena));
}

static enum err transcript_make(struct transcript *t, const struct session_record *s,
                                const struct recipients *r, struct arena *arena)
{
    size_t n = s->step_count < LIMIT_SESSION_ROW_STEPS ? s->step_count : LIMIT_SESSION_ROW_STEPS;
    struct session_step *steps = arena_calloc(arena, n + 1, sizeof *steps);
    if (!steps) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        steps[i] = s->steps[i];
        steps[i].text = step_text(r, &s->steps[i], arena);
    }
    *t = (struct transcript){steps, n, s->steps_first < n ? s->steps_first : n,
                             s->steps_dropped + (s->step_count - n)};
    return OK;
}

/* ---- the row ---- */

static struct slice tls_text(const struct session_record *s, struct arena *arena)
{
    size_t n = s->tls_version.n + 1 + s->tls_cipher.n;
    if (!s->tls_version.n || !s->tls_cipher.n) {
        return s->tls_version.n ? s->tls_version : s->tls_cipher;
    }
    char *p = arena_alloc(arena, n);
    if (!p) {
        return slice_of(NULL, 0);
    }
    memcpy(p, s->tls_version.p, s->tls_version.n);
    p[s->tls_version.n] = ' ';
    memcpy(p + s->tls_version.n + 1, s->tls_cipher.p, s->tls_cipher.n);
    return slice_of(p, n);
}

static void place_set(struct session_row *row, const struct geo *geo, struct arena *arena)
{
    struct geo_place place = geo_lookup(geo, row->client);
    row->asn = place.asn;
    row->country =
        place.country[0] ? arena_copy(arena, slice_cstr(place.country)) : slice_of(NULL, 0);
}

static enum err prints_make(struct session_row *row, const struct session_record *s,
                            struct arena *arena)
{
    char sd1_text[SD1_TEXT_BYTES], td1_text[TD1_TEXT_BYTES];
    struct sd1 d;
    struct td1 t;
    /* nothing here may ask the network: the reverse name is known when a relay tells it */
    enum err e = sd1_make(&d, s, s->client_name, NULL, arena);
    if (e != OK) {
        return e;
    }
    row->sd1 = arena_copy(arena, slice_of(sd1_text, sd1_print(&d, sd1_text)));
    if (s->syn.n && td1_make(&t, s->syn)) {
        row->td1 = arena_copy(arena, slice_of(td1_text, td1_print(&t, td1_text)));
    }
    return row->sd1.p ? OK : ERR_NOMEM;
}

enum err session_row_make(struct session_row *row, const struct session_record *s,
                          const struct geo *geo, struct arena *arena)
{
    static const struct id128 none;
    struct recipients r;
    enum err e = secrets_collect(&r, s, arena);
    if (e != OK) {
        return e;
    }
    *row = (struct session_row){
        .id = session_id(s->head.accepted_us, s->head.session),
        .trap = s->head.trap,
        .listener = clip(s->head.listener),
        .persona = clip(s->head.persona),
        .client = s->head.client,
        .client_port = s->head.client_port,
        .has_proxy = s->head.has_proxy,
        .started_us = s->head.accepted_us,
        .ended_us = s->ended_us,
        .end = s->end,
        .helo = clip(redact(&r, s->helo, arena)),
        .tls = clip(tls_text(s, arena)),
        .sni = clip(redact(&r, s->tls_sni, arena)),
        .auth_mechanism = clip(s->auth_mechanism),
        .auth_user = clip(addresses_redact(redact(&r, s->auth_user, arena), arena)),
        .has_password = !id128_eq(s->auth_password_hash, none),
        .password_hash = s->auth_password_hash,
        .messages = s->messages,
        .recipients_accepted = s->recipients_accepted,
        .recipients_refused = s->recipients_refused,
        .commands = s->commands,
        .errors = s->errors,
        .bytes_in = s->bytes_in,
        .bytes_out = s->bytes_out,
    };
    if (geo) {
        place_set(row, geo, arena);
    }
    e = prints_make(row, s, arena);
    return e == OK ? transcript_make(&row->transcript, s, &r, arena) : e;
}
