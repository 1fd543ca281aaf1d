/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts behind parts b and c (docs/sd1.md). Both are lists of lines in which what repeats
 * counts once, so that a client that sends a hundred messages has the print of one that sends two.
 */
#include "core/hash.h"
#include "core/ip.h"
#include "print/sd1_dialogue.h"

enum { TOKEN_BYTES = 160, SEGMENTS_MAX = 64, LINES_MAX = 64, WORD_BYTES = 24 };

static void put_upper(struct shape_out *o, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        shape_put(o, ascii_is_lower(c) ? (char)(c - 'a' + 'A') : c);
    }
}

/* "L" literal, "I" bare address, "N" name, "0" none: coarser than part a's letter, because bots
 * draw names of several forms. */
static char helo_letter(struct slice argument)
{
    struct ip ip;
    return argument.n == 0 ? '0' : argument.p[0] == '[' ? 'L' : ip_parse(argument, &ip) ? 'I' : 'N';
}

/* "a SIZE BODY": "a" address with a domain, "l" without, "0" null sender, "?" no path at all. */
static void put_path(struct shape_out *o, struct slice argument, struct slice keyword)
{
    struct path p;
    struct slice name, value;
    path_read(argument, keyword, &p);
    shape_put(o, !p.has_keyword                    ? '?'
                 : p.address.n == 0                ? '0'
                 : address_domain(p.address).n > 0 ? 'a'
                                                   : 'l');
    while (parameter_next(&p.parameters, &name, &value)) {
        shape_put(o, ' ');
        put_upper(o, slice_sub(name, 0, WORD_BYTES));
    }
}

static void put_argument(struct shape_out *o, const struct command *c)
{
    struct slice rest = c->argument;
    switch (c->verb) {
    case VERB_HELO:
    case VERB_EHLO:
    case VERB_LHLO:
        shape_put(o, helo_letter(rest));
        break;
    case VERB_MAIL:
        put_path(o, rest, S("FROM"));
        break;
    case VERB_RCPT:
        put_path(o, rest, S("TO"));
        break;
    case VERB_AUTH:
        put_upper(o, slice_sub(slice_cut(&rest, ' '), 0, WORD_BYTES));
        break;
    case VERB_BDAT:
        slice_cut(&rest, ' ');
        shape_put(o, rest.n > 0 ? 'L' : 'n');
        break;
    default:
        shape_put(o, rest.n > 0 ? 'x' : '0');
        break;
    }
}

/* "MAIL a SIZE 2": the act, its shape, the class of the reply. */
static struct slice turn_token(const struct turn *t, char buffer[TOKEN_BYTES])
{
    struct shape_out o = {buffer, 0, TOKEN_BYTES, false};
    switch (t->step->kind) {
    case STEP_COMMAND:
        shape_put_slice(&o, t->command.verb == VERB_OTHER ? S("?") : verb_name(t->command.verb));
        shape_put(&o, ' ');
        put_argument(&o, &t->command);
        break;
    case STEP_DATA:
        shape_put_slice(&o, S("body"));
        break;
    case STEP_TLS:
        shape_put_slice(&o, t->step->code == 1 ? S("tls") : S("no-tls"));
        break;
    case STEP_AUTH_LINE:
        shape_put_slice(&o, S("auth-line"));
        break;
    default:
        shape_put_slice(&o, t->step->code == EARLY_TLS ? S("early-tls") : S("early"));
        break;
    }
    shape_put(&o, ' ');
    shape_put(&o, t->code ? (char)('0' + t->code / 100 % 10) : '-');
    return shape_end(&o);
}

static bool turn_begins_segment(const struct turn *t)
{
    return turn_is(t, VERB_MAIL) || turn_is(t, VERB_QUIT) || turn_is_greeting(t);
}

/* Takes back what was appended to `o` since `from` if it stands there already. */
static void segment_end(struct shape_out *o, size_t from, uint64_t seen[SEGMENTS_MAX],
                        size_t *count)
{
    if (o->n == from) {
        return;
    }
    uint64_t hash = hash_u64(slice_of(o->p + from, o->n - from));
    for (size_t i = 0; i < *count; i++) {
        if (seen[i] == hash) {
            o->n = from;
            return;
        }
    }
    if (*count < SEGMENTS_MAX) {
        seen[(*count)++] = hash;
    } else {
        o->n = from;
    }
}

void sd1_sequence(const struct dialogue *d, struct shape_out *o)
{
    uint64_t seen[SEGMENTS_MAX];
    char buffers[2][TOKEN_BYTES];
    struct slice last = {NULL, 0};
    size_t from = 0, count = 0;
    unsigned turn = 0;
    bool is_torn = false; /* inside a segment whose beginning was not kept */
    for (size_t i = 0; i < d->count; i++) {
        const struct turn *t = &d->turns[i];
        if (t->is_behind_gap && !(turn_is(t, VERB_RCPT) && i > 0 && turn_is(t - 1, VERB_RCPT))) {
            o->n = from; /* its end was not kept: no telling what it was */
            is_torn = true;
        }
        if (turn_begins_segment(t)) {
            segment_end(o, from, seen, &count);
            from = o->n;
            last = S("");
            is_torn = false;
        }
        struct slice token = turn_token(t, buffers[turn]);
        if (!is_torn && !slice_eq(token, last)) {
            shape_put_slice(o, token);
            shape_put(o, '\n');
            last = token;
            turn ^= 1;
        }
    }
    segment_end(o, from, seen, &count);
}

/* ---- part c ---- */

/* A word that is no verb: runs of letters and digits as one class letter each. */
static void put_word_shape(struct shape_out *o, struct slice s)
{
    char last = '\0';
    for (size_t i = 0; i < s.n && i < 4 * WORD_BYTES; i++) {
        char c = s.p[i];
        char class = ascii_is_upper(c)      ? 'A'
                     : ascii_is_lower(c)    ? 'a'
                     : ascii_is_digit(c)    ? '9'
                     : c > 0x20 && c < 0x7f ? c
                                            : 'x';
        if (class != last) {
            shape_put(o, class);
        }
        last = class;
    }
}

/* Names as written; numbers as 9; values of others but of BODY, whose case is the client's, as V.
 */
static void put_parameters(struct shape_out *o, struct slice parameters)
{
    struct slice name, value;
    uint64_t number;
    while (parameter_next(&parameters, &name, &value)) {
        shape_put(o, ' ');
        shape_put_slice(o, slice_sub(name, 0, WORD_BYTES));
        if (value.n > 0) {
            shape_put(o, '=');
            if (slice_to_u64(value, &number)) {
                shape_put(o, '9');
            } else if (slice_ieq(name, S("BODY"))) {
                shape_put_slice(o, slice_sub(value, 0, WORD_BYTES));
            } else {
                shape_put(o, 'V');
            }
        }
    }
}

static void put_path_skeleton(struct shape_out *o, struct slice argument, struct slice keyword)
{
    struct path p;
    path_read(argument, keyword, &p);
    if (p.has_keyword) {
        shape_put_slice(o, p.keyword);
        shape_put_slice(o, p.colon_gap);
        shape_put(o, ':');
        shape_put_slice(o, p.gap);
    }
    if (p.has_brackets || p.is_open) {
        shape_put(o, '<');
    }
    if (p.route.n > 0) {
        shape_put(o, 'R');
    }
    if (p.address.n > 0) {
        shape_put(o, 'A');
    }
    if (p.has_brackets) {
        shape_put(o, '>');
    }
    put_parameters(o, p.parameters);
}

static void put_argument_skeleton(struct shape_out *o, const struct command *c)
{
    struct slice rest = c->argument;
    switch (c->verb) {
    case VERB_MAIL:
        put_path_skeleton(o, rest, S("FROM"));
        break;
    case VERB_RCPT:
        put_path_skeleton(o, rest, S("TO"));
        break;
    case VERB_AUTH:
        shape_put_slice(o, slice_sub(slice_cut(&rest, ' '), 0, WORD_BYTES));
        break;
    case VERB_BDAT:
        slice_cut(&rest, ' ');
        shape_put(o, '9');
        if (rest.n > 0) {
            shape_put(o, ' ');
            shape_put_slice(o, slice_sub(rest, 0, WORD_BYTES));
        }
        break;
    default:
        if (rest.n > 0) {
            shape_put(o, 'X');
        }
        break;
    }
}

static struct slice command_skeleton(const struct turn *t, char buffer[TOKEN_BYTES])
{
    const struct command *c = &t->command;
    struct shape_out o = {buffer, 0, TOKEN_BYTES, false};
    shape_put_slice(&o, slice_sub(c->lead, 0, WORD_BYTES));
    if (c->verb == VERB_OTHER) {
        put_word_shape(&o, c->word);
    } else {
        shape_put_slice(&o, c->word);
    }
    shape_put_slice(&o, slice_sub(c->gap, 0, WORD_BYTES));
    put_argument_skeleton(&o, c);
    shape_put_slice(&o, slice_sub(c->tail, 0, WORD_BYTES));
    shape_put(&o, t->step->ending == ENDING_CRLF ? '$' : '!');
    return shape_end(&o);
}

void sd1_skeleton(const struct dialogue *d, struct shape_out *o)
{
    uint64_t seen[LINES_MAX];
    char buffer[TOKEN_BYTES];
    size_t count = 0;
    for (size_t i = 0; i < d->count && count < LINES_MAX; i++) {
        if (d->turns[i].step->kind != STEP_COMMAND) {
            continue;
        }
        struct slice line = command_skeleton(&d->turns[i], buffer);
        uint64_t hash = hash_u64(line);
        size_t k = 0;
        while (k < count && seen[k] != hash) {
            k++;
        }
        if (k == count) {
            seen[count++] = hash;
            shape_put_slice(o, line);
            shape_put(o, '\n');
        }
    }
}
