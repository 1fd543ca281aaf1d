/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command table: for each verb what must hold before it, and what it does. */
#include "smtp/session_state.h"

static bool helo_check(struct session *s, const struct command *c)
{
    bool is_lhlo = c->verb == VERB_LHLO;
    if (is_lhlo != s->service->is_lmtp) { /* RFC 2033 4.1 */
        session_reply(s, REPLY_UNKNOWN, c);
        return false;
    }
    if (c->argument.n == 0) {
        session_reply(s, REPLY_HELO_SYNTAX, c);
        return false;
    }
    return true;
}

static void helo_proceed(struct session *s, const struct command *c)
{
    strbuf_clear(&s->helo);
    strbuf_add(&s->helo, slice_sub(c->argument, 0, LIMIT_SMTP_HELO_BYTES));
    transaction_reset(s);
    s->has_helo = true;
    s->is_esmtp = c->verb != VERB_HELO;
    if (s->is_esmtp) {
        session_reply_ehlo(s);
    } else {
        session_reply(s, REPLY_HELO, c);
    }
}

static void rset_proceed(struct session *s, const struct command *c)
{
    transaction_reset(s);
    session_reply(s, REPLY_RSET_OK, c);
}

static void quit_proceed(struct session *s, const struct command *c)
{
    s->has_quit = true;
    session_reply(s, REPLY_QUIT, c);
    session_close(s, s->has_fin ? END_QUIT_NO_WAIT : END_QUIT_WAIT);
}

static bool starttls_check(struct session *s, const struct command *c)
{
    if (s->has_tls) {
        session_reply(s, REPLY_TLS_TWICE, c);
        return false;
    }
    if (!s->service->has_tls || !(s->traits->extensions & EXTENSION_STARTTLS)) {
        session_reply(s, REPLY_TLS_NONE, c);
        return false;
    }
    return true;
}

static void starttls_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_TLS_GO, c);
    s->need = NEED_TLS;
}

/* Commands whose whole answer is one reply. */
static void noop_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_NOOP_OK, c);
}

static void vrfy_proceed(struct session *s, const struct command *c)
{
    session_reply_with(s, REPLY_VRFY, c, c->argument, 0);
}

static void expn_proceed(struct session *s, const struct command *c)
{
    session_reply_with(s, REPLY_EXPN, c, c->argument, 0);
}

static void help_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_HELP, c);
}

static void etrn_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_ETRN, c);
}

static void foreign_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_FOREIGN, c);
}

static void unknown_proceed(struct session *s, const struct command *c)
{
    session_reply(s, REPLY_UNKNOWN, c);
}

/* A row left out is a command that no MTA has any more. */
static const struct {
    bool (*check)(struct session *s, const struct command *c); /* replies itself when false */
    void (*proceed)(struct session *s, const struct command *c);
} VERBS[VERB_COUNT] = {
    [VERB_HELO] = {helo_check, helo_proceed},
    [VERB_EHLO] = {helo_check, helo_proceed},
    [VERB_LHLO] = {helo_check, helo_proceed},
    [VERB_MAIL] = {mail_check, mail_proceed},
    [VERB_RCPT] = {rcpt_check, rcpt_proceed},
    [VERB_DATA] = {data_check, data_proceed},
    [VERB_BDAT] = {NULL, bdat_proceed}, /* its bytes come whatever we answer */
    [VERB_RSET] = {NULL, rset_proceed},
    [VERB_NOOP] = {NULL, noop_proceed},
    [VERB_VRFY] = {NULL, vrfy_proceed},
    [VERB_EXPN] = {NULL, expn_proceed},
    [VERB_HELP] = {NULL, help_proceed},
    [VERB_QUIT] = {NULL, quit_proceed},
    [VERB_AUTH] = {auth_check, auth_proceed},
    [VERB_STARTTLS] = {starttls_check, starttls_proceed},
    [VERB_XCLIENT] = {xclient_check, xclient_proceed},
    [VERB_ETRN] = {NULL, etrn_proceed},
    [VERB_GET] = {NULL, foreign_proceed},
    [VERB_POST] = {NULL, foreign_proceed},
    [VERB_CONNECT] = {NULL, foreign_proceed},
    [VERB_HEAD] = {NULL, foreign_proceed},
    [VERB_PUT] = {NULL, foreign_proceed},
    [VERB_OPTIONS] = {NULL, foreign_proceed},
    [VERB_HOST] = {NULL, foreign_proceed},
    [VERB_USER_AGENT] = {NULL, foreign_proceed},
    [VERB_OTHER] = {NULL, unknown_proceed},
};

void session_command(struct session *s, const struct command *c)
{
    if (VERBS[c->verb].check && !VERBS[c->verb].check(s, c)) {
        return;
    }
    if (VERBS[c->verb].proceed) {
        VERBS[c->verb].proceed(s, c);
    } else {
        unknown_proceed(s, c);
    }
}
