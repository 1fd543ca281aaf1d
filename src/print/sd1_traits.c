/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Part a: one function a trait, each a look over the turns. '-' is "not seen". */
#include "print/helo.h"
#include "print/sd1_dialogue.h"

#include <stdlib.h>

static char greeting_of(const struct dialogue *d)
{
    bool was_refused = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct turn *t = &d->turns[i];
        if (turn_is(t, VERB_HELO)) {
            return was_refused ? 'F' : 'H';
        }
        if (turn_is_greeting(t)) {
            if (t->code < 500) {
                return 'E';
            }
            was_refused = true;
        }
    }
    return was_refused ? 'E' : '-';
}

static char helo_of(const struct dialogue *d, const struct session_record *r, struct slice ptr)
{
    for (size_t i = 0; i < d->count; i++) {
        if (turn_is_greeting(&d->turns[i]) && d->turns[i].command.argument.n > 0) {
            return helo_form(d->turns[i].command.argument, ptr, r->head.server_name);
        }
    }
    return '-';
}

static char case_of(const struct dialogue *d)
{
    bool has_upper = false, has_lower = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct turn *t = &d->turns[i];
        if (t->step->kind == STEP_COMMAND && t->command.verb != VERB_OTHER &&
            !verb_is_foreign(t->command.verb)) {
            for (size_t k = 0; k < t->command.word.n; k++) {
                has_upper |= ascii_is_upper(t->command.word.p[k]);
                has_lower |= ascii_is_lower(t->command.word.p[k]);
            }
        }
    }
    return has_upper ? (has_lower ? 'm' : 'U') : has_lower ? 'l' : '-';
}

/* The first MAIL whose argument begins as it should, else the first. */
static bool mail_path(const struct dialogue *d, struct path *p)
{
    bool is_found = false;
    for (size_t i = 0; i < d->count; i++) {
        if (turn_is(&d->turns[i], VERB_MAIL)) {
            struct path one;
            path_read(d->turns[i].command.argument, S("FROM"), &one);
            if (one.has_keyword || !is_found) {
                *p = one;
                is_found = true;
            }
            if (one.has_keyword) {
                break;
            }
        }
    }
    return is_found;
}

static char spacing_of(const struct path *p)
{
    if (!p->has_brackets) {
        return 'b';
    }
    return p->gap.n > 0 || p->colon_gap.n > 0 ? 's' : 'n';
}

static char parameters_of(struct slice parameters)
{
    bool has_size = false, has_body = false;
    struct slice name, value;
    while (parameter_next(&parameters, &name, &value)) {
        if (slice_ieq(name, S("SIZE"))) {
            has_size = true;
        } else if (slice_ieq(name, S("BODY")) && slice_ieq(value, S("8BITMIME"))) {
            has_body = true;
        } else {
            return 'O';
        }
    }
    return has_size ? (has_body ? 'X' : 'S') : has_body ? 'B' : '0';
}

/* RFC 2920 3.1: these must be the last of a group; after them a client waits. */
static bool turn_ends_group(const struct turn *t)
{
    if (t->step->kind != STEP_COMMAND) {
        return t->step->kind == STEP_AUTH_LINE || t->step->kind == STEP_TLS;
    }
    switch (t->command.verb) {
    case VERB_MAIL:
    case VERB_RCPT:
    case VERB_RSET:
    case VERB_BDAT:
    case VERB_SEND:
    case VERB_SOML:
    case VERB_SAML:
        return false;
    default:
        return true;
    }
}

static char pipelining_of(const struct dialogue *d, const struct session_record *r)
{
    bool is_used = false, is_offered = false;
    const struct turn *last = NULL;
    for (size_t i = 0; i < d->count; i++) {
        const struct turn *t = &d->turns[i];
        if (t->step->kind == STEP_EARLY) {
            continue;
        }
        /* The first turn's neighbour is the banner: that is early talk. */
        if (t->step->was_buffered && last && !t->is_behind_gap) {
            if (!is_offered || turn_ends_group(last)) {
                return '!';
            }
            is_used = true;
        }
        if (turn_is_greeting(t) && t->code < 400) {
            is_offered = !turn_is(t, VERB_HELO) && (r->offered & EXTENSION_PIPELINING);
        }
        last = t;
    }
    return d->count == 0 ? '-' : is_used ? '1' : '0';
}

static char early_of(const struct dialogue *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->turns[i].step->kind == STEP_EARLY && d->turns[i].step->code == EARLY_BANNER) {
            return '1';
        }
    }
    return d->count > 0 ? '0' : '-';
}

static char starttls_of(const struct dialogue *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (!turn_is(&d->turns[i], VERB_STARTTLS)) {
            continue;
        }
        for (size_t k = i + 1; k < d->count; k++) {
            if (d->turns[k].step->kind == STEP_TLS) {
                return d->turns[k].step->code == 1 ? '1' : 'f';
            }
        }
        return d->turns[i].code >= 400 || d->has_end ? 'f' : '-';
    }
    return d->count > 0 ? '0' : '-';
}

static char recipients_of(const struct dialogue *d)
{
    unsigned most = 0, now = 0;
    for (size_t i = 0; i < d->count; i++) {
        now = turn_is(&d->turns[i], VERB_MAIL) ? 0 : now + turn_is(&d->turns[i], VERB_RCPT);
        most = now > most ? now : most;
    }
    return most == 0 ? '-' : most == 1 ? '1' : most <= 5 ? '2' : most <= 20 ? '6' : '9';
}

/* What follows the first reply of a class. 421 is our own hanging up. */
static char reaction_of(const struct dialogue *d, unsigned class)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct turn *t = &d->turns[i];
        if (t->code / 100 != class || t->code == 421) {
            continue;
        }
        if (i + 1 == d->count) {
            bool is_gone = d->has_end && (d->end == END_CLOSE || d->end == END_RESET);
            return is_gone ? 'd' : '-';
        }
        const struct turn *next = t + 1;
        if (turn_is(next, VERB_QUIT)) {
            return 'q';
        }
        bool is_same = next->step->kind == STEP_COMMAND && t->step->kind == STEP_COMMAND &&
                       slice_eq(next->step->text, t->step->text);
        return is_same ? 'r' : 'c';
    }
    return '-';
}

static char reset_of(const struct dialogue *d)
{
    bool has_rset = false, has_noop = false;
    for (size_t i = 0; i < d->count; i++) {
        has_rset |= turn_is(&d->turns[i], VERB_RSET);
        has_noop |= turn_is(&d->turns[i], VERB_NOOP);
    }
    return d->count == 0 ? '-' : has_rset ? (has_noop ? 'b' : 'r') : has_noop ? 'n' : '0';
}

static char lines_of(const struct dialogue *d)
{
    unsigned flags = 0;
    bool has_body = false;
    for (size_t i = 0; i < d->count; i++) {
        if (d->turns[i].step->kind == STEP_DATA) {
            flags |= d->turns[i].step->flags;
            has_body = true;
        }
    }
    if (!has_body) {
        return '-';
    }
    bool has_lf = flags & DATA_HAS_BARE_LF, has_other = flags & (DATA_HAS_CRLF | DATA_HAS_BARE_CR);
    char letter = (flags & DATA_HAS_BARE_CR) || (has_lf && has_other) ? 'm' : has_lf ? 'l' : 'c';
    return flags & DATA_DOT_NOT_STUFFED ? (char)(letter - 'a' + 'A') : letter;
}

static char end_of(const struct dialogue *d)
{
    static const char LETTERS[] = {
        [END_QUIT_WAIT] = 'Q', [END_QUIT_NO_WAIT] = 'q', [END_CLOSE] = 'D',
        [END_RESET] = 'R',     [END_TIMEOUT] = '-',      [END_DROPPED] = '-'};
    return d->has_end && (size_t)d->end < sizeof LETTERS ? LETTERS[d->end] : '-';
}

void sd1_traits(const struct dialogue *d, const struct session_record *r, struct slice ptr,
                char a[SD1_TRAIT_COUNT + 1])
{
    struct path mail;
    bool has_mail = mail_path(d, &mail);
    a[SD1_GREETING] = greeting_of(d);
    a[SD1_HELO] = helo_of(d, r, ptr);
    a[SD1_CASE] = case_of(d);
    a[SD1_SPACING] = has_mail ? spacing_of(&mail) : '-';
    a[SD1_PARAMETERS] = has_mail ? parameters_of(mail.parameters) : '-';
    a[SD1_PIPELINING] = pipelining_of(d, r);
    a[SD1_EARLY] = early_of(d);
    a[SD1_STARTTLS] = starttls_of(d);
    a[SD1_RECIPIENTS] = recipients_of(d);
    a[SD1_AFTER_4XX] = reaction_of(d, 4);
    a[SD1_AFTER_5XX] = reaction_of(d, 5);
    a[SD1_RESET] = reset_of(d);
    a[SD1_LINES] = lines_of(d);
    a[SD1_END] = end_of(d);
    a[SD1_TRAIT_COUNT] = '\0';
}
