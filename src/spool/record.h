/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a trap keeps of one SMTP connection: the messages it accepted and, at the end, the session
 * itself. Plain data, as the session machine (smtp/) saw it and the spool (spool/) keeps it;
 * nothing is derived here, fingerprints are made from it later (print/). Client bytes are verbatim.
 */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include "core/hash.h"
#include "core/ip.h"
#include "core/slice.h"

/* One step of the dialogue, in order. Times are microseconds since the connection was accepted. */
enum step_kind {
    STEP_COMMAND,   /* text: one client line without its line end; `ending` says how it ended. What
                       follows the mechanism of AUTH is left out: it may hold a password */
    STEP_REPLY,     /* text: the first line sent, code and all; `code` is its number */
    STEP_DATA,      /* a message body came by DATA or BDAT; bytes and counts below */
    STEP_TLS,       /* handshake; code 1 it succeeded, 0 it failed. text: version */
    STEP_AUTH_LINE, /* a line of an AUTH exchange: never its text, only that it came */
    STEP_EARLY,     /* bytes that came before it was the client's turn: enum early_kind in `code` */
    STEP_END,       /* how it ended: enum session_end in `code` */
};
enum early_kind {
    EARLY_BANNER, /* before the banner, or between its teaser and its end; read as commands then */
    EARLY_TLS,    /* in clear behind STARTTLS: dropped unread */
};
enum line_ending { ENDING_CRLF, ENDING_LF, ENDING_CR, ENDING_NONE };
enum session_end {
    END_QUIT_WAIT,    /* QUIT, and the client waited for the reply */
    END_QUIT_NO_WAIT, /* QUIT, and closed at once */
    END_CLOSE,        /* FIN without QUIT */
    END_RESET,        /* RST */
    END_TIMEOUT,      /* we closed: nothing came */
    END_DROPPED,      /* we closed: a guard's limit, shutdown */
};
/* "quit", "quit-no-wait", "close", "reset", "timeout", "dropped"; "unknown" for anything else. */
const char *session_end_name(enum session_end e);

/* Body facts that SD1 and quirks are made of. */
enum data_flag {
    DATA_HAS_CRLF = 1, /* lines that ended so */
    DATA_HAS_BARE_LF = 2,
    DATA_HAS_BARE_CR = 4,
    DATA_HAS_NUL = 8,
    DATA_DOT_NOT_STUFFED = 16, /* a line began with one dot and more, which no client may send */
    DATA_SMUGGLE = 32, /* an end-of-data look-alike: <LF>.<LF>, <LF>.<CR><LF>, <CR>.<CR> ... */
    DATA_BDAT = 64,
    DATA_CUT = 128, /* longer than the limit: the rest was read and dropped */
};

struct session_step {
    uint64_t at_us;
    enum step_kind kind;
    enum line_ending ending; /* STEP_COMMAND */
    uint16_t code;           /* STEP_REPLY, STEP_TLS, STEP_EARLY, STEP_END */
    uint8_t flags;           /* STEP_DATA: enum data_flag */
    bool was_buffered;       /* it had begun to come before the last reply was sent: pipelined */
    uint64_t bytes;          /* of the line or body as it came, also of what is not kept */
    struct slice text;
};

/* What a server offered in its last EHLO reply: bits of session_record.offered. */
enum smtp_extension {
    EXTENSION_PIPELINING = 1,
    EXTENSION_SIZE = 2,
    EXTENSION_8BITMIME = 4,
    EXTENSION_STARTTLS = 8,
    EXTENSION_AUTH = 16,
    EXTENSION_CHUNKING = 32,
    EXTENSION_SMTPUTF8 = 64,
    EXTENSION_DSN = 128,
};

/* The two ends of the connection and what came with it; in every record, so that each stands alone.
 */
struct session_head {
    struct id128 session; /* random: ties messages to their session */
    struct slice trap, site, listener, persona;
    struct slice server_name; /* what the banner called us */
    struct ip client, server;
    uint16_t client_port, server_port;
    bool has_proxy;      /* client is from a PROXY header or XCLIENT of a trusted relay */
    int64_t accepted_us; /* the connection, microseconds since 1970 */
};

struct message_record {
    struct session_head head;
    uint32_t number;                                         /* of the session's messages, from 1 */
    int64_t accepted_us;                                     /* end of data: the receipt time */
    struct slice helo, protocol, mail_from, mail_parameters; /* as they came; protocol: "ESMTPS" */
    struct slice tls;                                        /* version and cipher, empty: none */
    const struct slice *recipients;                          /* addresses that got a 2xx; secret */
    size_t recipient_count;
    uint8_t data_flags;
    struct slice raw; /* header and body as they came, dots unstuffed, nothing added */
};

struct session_record {
    struct session_head head;
    int64_t ended_us;
    enum session_end end;
    struct slice syn;       /* TCP_SAVED_SYN: IP and TCP header of the SYN; empty: not given */
    struct slice tls_hello; /* the client hello record; empty: none */
    struct slice tls_version, tls_cipher, tls_sni;
    struct slice helo;
    struct slice
        client_name; /* its reverse name, as a relay's XCLIENT gives it; empty: not known */
    struct slice auth_mechanism, auth_user;
    struct id128 auth_password_hash;  /* keyed; zero: none */
    const struct session_step *steps; /* bounded: the first and the last ones; see steps_dropped */
    size_t step_count;
    uint64_t steps_dropped; /* between the first ones and the last ones */
    size_t steps_first;     /* how many of `steps` stand before that gap */
    uint16_t offered;       /* enum smtp_extension; 0: never an EHLO reply */
    uint32_t messages, recipients_accepted, recipients_refused, commands, errors;
    uint64_t bytes_in, bytes_out;
};

#endif
