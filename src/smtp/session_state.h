/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the room: the inside of struct session, shared by the files that each do a part of its
 * commands. */
#ifndef SMTP_SESSION_STATE_H
#define SMTP_SESSION_STATE_H

#include "smtp/persona.h"
#include "smtp/session.h"
#include "smtp/transcript.h"
#include "spool/command.h"

enum session_phase {
    PHASE_GREETING, /* the banner waits */
    PHASE_COMMAND,
    PHASE_AUTH, /* a line of an AUTH exchange is awaited */
    PHASE_DATA,
    PHASE_BDAT, /* inside a chunk */
};

enum auth_mechanism { AUTH_NONE, AUTH_PLAIN, AUTH_LOGIN_USER, AUTH_LOGIN_PASSWORD, AUTH_CRAM_MD5 };

struct span { /* of the envelope, which LIMIT_SMTP_ENVELOPE_BYTES keeps this small */
    uint16_t at, n;
};

struct session {
    const struct smtp_service *service;
    const struct persona_traits *traits;
    struct session_head head;
    char client_text[IP_TEXT_BYTES];
    char syn[LIMIT_SYN_BYTES];
    size_t syn_bytes;

    enum session_phase phase;
    enum session_need need;
    bool is_closing; /* the last reply is in the output */
    bool has_ended;
    bool has_quit, has_fin;
    bool stops_soon; /* session_shutdown waits for the message */
    enum session_end end;

    uint64_t at_us;      /* now */
    uint64_t lag_us;     /* session_set_lag */
    uint64_t banner_us;  /* when the banner went out */
    uint64_t replied_us; /* when the last reply goes out, or went */
    uint64_t release_us; /* the output is held back until then; 0: it is not */
    bool is_paced;       /* the output is one such reply: nothing runs before it has gone */
    uint64_t waits_us;   /* since when the client has been expected to do something */
    uint64_t input_us;   /* when something came last */
    int64_t ended_us;

    struct strbuf held; /* bytes that wait: a part of a line, or commands behind a reply */
    size_t seen;        /* of them, by line_next */
    bool is_buffered;   /* the line that begins `held` was there before the last reply */
    bool is_skipping;   /* inside a line that is too long: `skipped` is its beginning */
    bool skip_has_cr;   /* its last byte was one */
    struct strbuf skipped;
    uint64_t skipped_bytes;
    size_t early_step; /* of the transcript; SIZE_MAX: nothing came before the banner */
    struct strbuf out;

    /* what HELO, STARTTLS and AUTH have made of it */
    bool has_helo, is_esmtp, has_tls, is_authenticated;
    struct strbuf helo;
    struct strbuf client_name; /* XCLIENT's NAME */
    struct strbuf tls_version, tls_cipher, tls_sni, tls_hello;
    enum auth_mechanism auth;
    struct slice auth_name; /* of the last mechanism tried: static text */
    struct strbuf auth_user;
    struct id128 auth_password;
    unsigned auth_lines_hidden; /* lines behind a refused AUTH that may be passwords */

    /* the transaction */
    bool has_mail, is_bdat, is_body_buffered;
    struct strbuf envelope; /* sender, parameters, recipients */
    struct span from, parameters;
    struct span *rcpts;
    size_t rcpt_count, rcpt_capacity;
    struct slice rcpt_trap; /* tag of the first recipient that has one; the policy's */
    struct body body;
    uint64_t bdat_left;
    bool bdat_is_last, bdat_is_void; /* void: read and dropped, the answer is an error */
    enum reply_id bdat_error;

    /* the message being kept */
    struct message_record message;
    struct slice *recipients;
    char protocol[16], tls_text[80];

    struct transcript transcript;
    unsigned offered;
    uint32_t messages, rcpts_taken, rcpts_refused, commands, errors;
    uint64_t bytes_in, bytes_out;
    uint64_t rng;
};

/* Appends a reply of the persona and notes it. `line` (may be NULL), the helo, sender and so on are
 * there for its words; codes 221 and 421 close the session. */
void session_reply(struct session *s, enum reply_id r, const struct command *c);
/* The same with {from}, {rcpt} and {bytes} as given. */
void session_reply_with(struct session *s, enum reply_id r, const struct command *c,
                        struct slice rcpt, uint64_t bytes);
void session_reply_ehlo(struct session *s);
/* A reply that is not the persona's: "334 ..." of AUTH. */
void session_reply_text(struct session *s, unsigned code, struct slice text);
void session_step_add(struct session *s, const struct session_step *step);
/* Hangs up after the output is sent; the first reason counts. */
void session_close(struct session *s, enum session_end end);
/* Runs on with what is held, after something that it waited for. */
void session_resume(struct session *s);
/* The names in head and the texts made from them, after XCLIENT too. */
void session_name_client(struct session *s);
/* A number below `n` from the session's own sequence. */
uint32_t session_random(struct session *s, uint32_t n);

/* The command table (session_verbs.c). */
void session_command(struct session *s, const struct command *c);

/* MAIL to BDAT (session_mail.c). */
bool mail_check(struct session *s, const struct command *c);
void mail_proceed(struct session *s, const struct command *c);
bool rcpt_check(struct session *s, const struct command *c);
void rcpt_proceed(struct session *s, const struct command *c);
bool data_check(struct session *s, const struct command *c);
void data_proceed(struct session *s, const struct command *c);
void bdat_proceed(struct session *s, const struct command *c);
/* Bytes of PHASE_DATA and PHASE_BDAT; how many were used. */
size_t data_run(struct session *s, struct slice in);
size_t bdat_run(struct session *s, struct slice in);
/* The client is gone in the middle of a body: it is noted. */
void data_broken(struct session *s);
void transaction_reset(struct session *s);

/* AUTH and XCLIENT (session_auth.c). */
bool auth_check(struct session *s, const struct command *c);
void auth_proceed(struct session *s, const struct command *c);
void auth_line(struct session *s, struct slice line);
bool xclient_check(struct session *s, const struct command *c);
void xclient_proceed(struct session *s, const struct command *c);
/* May it send XCLIENT? */
bool session_is_relay(const struct session *s);

#endif
