/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every bound of the program, with its reason. Each is tested at n-1, n and n+1. What is past a
 * bound is cut and marked with a quirk bit (mail) or refused with ERR_LIMIT (rules, configuration).
 */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

enum limits {
    /* mail: reading */
    LIMIT_MESSAGE_BYTES =
        8 * 1024 * 1024,     /* kept of one message; the rest is counted, not read. Spam is
                                small: 99.9 % of real traps' mail is under 1 MiB */
    LIMIT_ARCHIVE_DEPTH = 4, /* gzip in tar in zip ...: stops archive bombs */
    LIMIT_FOLDER_DEPTH = 32, /* folders in folders */
    /* A file may unpack to EXPANSION_FREE and EXPANSION times its size: gzip reaches 1,032, mail
       that repeats itself some hundreds; what is past it was built to fill a disk */
    LIMIT_ARCHIVE_EXPANSION = 2000,
    LIMIT_ARCHIVE_EXPANSION_FREE = 256 * 1024 * 1024,

    /* mail: header block */
    LIMIT_HEADER_BLOCK_BYTES = 512 * 1024, /* one header block; past that the body begins */
    LIMIT_HEADERS = 1000, /* lines with a name in one block; real mail has under 100 */
    LIMIT_HEADER_VALUE_BYTES = 64 * 1024, /* of one unfolded or decoded value */

    /* mail: MIME */
    LIMIT_MIME_DEPTH = 16,                  /* nesting of multipart and message/rfc822 */
    LIMIT_MIME_PARTS = 256,                 /* of one message */
    LIMIT_BOUNDARY_BYTES = 256,             /* RFC 2046 allows 70; senders break it, few by much */
    LIMIT_DECODED_BYTES = 16 * 1024 * 1024, /* all decoded parts and texts of one message */
    LIMIT_TEXT_BYTES =
        512 * 1024, /* decoded text of one part that is searched for rules and URLs */

    /* mail: Received chain and URLs */
    LIMIT_RECEIVED = 100,     /* hops of one message */
    LIMIT_TRUST_SPECS = 4096, /* trusted relays; each costs a comparison at every hop */
    LIMIT_URLS = 200,         /* distinct URLs of one message */
    LIMIT_URL_BYTES = 2048,   /* of one URL */
    LIMIT_HTML_TAGS = 4096,   /* of one HTML part's outline; newsletters have some hundreds */
    LIMIT_SUFFIX_LIST_BYTES = 4 * 1024 * 1024, /* the Public Suffix List; it has 250 KB */

    /* prints */
    LIMIT_WORDS = 2048, /* of one message's text that are sketched and learnt; spam has hundreds */

    /* signatures */
    LIMIT_RULE_FILE_BYTES = 1024 * 1024,
    LIMIT_RULES = 20000,
    LIMIT_RULE_DEPTH = 32,       /* YAML nesting, and nesting of a condition */
    LIMIT_RULE_SELECTIONS = 64,  /* named searches of one rule */
    LIMIT_RULE_ATOMS = 1024,     /* comparisons of one rule */
    LIMIT_PATTERN_BYTES = 4096,  /* one literal or regular expression */
    LIMIT_RULE_HITS = 64,        /* rules kept with one message, strongest first */
    LIMIT_SHAPE_RUN = 256,       /* bytes of one counted run in a shape: keeps automata small */
    LIMIT_NEAR_WORDS = 20000,    /* words of a message that templates are compared with */
    LIMIT_TEMPLATE_WORDS = 2000, /* words of one template */

    /* clusters: in all at most 256 MiB */
    LIMIT_VARIANTS = 65536,  /* header dialects kept; a year of traps shows some thousands */
    LIMIT_WORDINGS = 131072, /* contents kept; the least counted one gives way */
    LIMIT_TEMPLATES = 2000,  /* that are kept; more than people look at */
    LIMIT_GENERATIONS = 64, /* of labels that can be compared with: a rule pack a week for a year */
    LIMIT_TEMPLATE_LEARN_WORDS = 512,  /* of a message that a template learns ... */
    LIMIT_TEMPLATE_LEARN_BYTES = 4096, /* ... and what they stand in: they wait for the
                                          transaction, with thousands of others */

    /* the trap: one session holds at most 64 KiB outside of a message's body. What grows is bounded
       one byte below a power of two, for buffers double and end with a NUL */
    LIMIT_SMTP_LINE_BYTES = 4096, /* of a command; RFC 5321 has 512, AUTH and XCLIENT need more */
    LIMIT_SMTP_LINE_SKIPPED_BYTES = 1024 * 1024, /* of a line that does not end; then we hang up */
    LIMIT_SMTP_INPUT_BYTES = 16383,    /* read at once; no more than that waits for its turn */
    LIMIT_SMTP_OUTPUT_BYTES = 4096,    /* replies not yet sent; then the client's commands wait */
    LIMIT_SMTP_ENVELOPE_BYTES = 16383, /* sender, its parameters and recipients of one message */
    LIMIT_SMTP_STEPS_FIRST = 96,       /* steps of a dialogue kept with their text ... */
    LIMIT_SMTP_STEPS_LAST = 32,        /* ... and the last ones; what lies between is counted */
    LIMIT_SMTP_STEP_BYTES = 512,       /* kept of one line */
    LIMIT_SMTP_STEP_LAST_BYTES = 64,   /* the same of the last ones */
    LIMIT_SMTP_STEPS_BYTES = 8191,     /* of all lines kept */
    LIMIT_SMTP_HELO_BYTES = 512,       /* kept of a HELO argument */
    LIMIT_SMTP_AUTH_BYTES = 256,       /* kept of a user name */
    LIMIT_TLS_HELLO_BYTES = 2048,      /* kept of a client hello; with post-quantum keys 1.8 KB */
    LIMIT_PROXY_HEADER_BYTES = 536,    /* PROXY v2 with some TLVs; v1 has at most 107 */
    LIMIT_SYN_BYTES = 160, /* IPv6 and TCP header with all options: 40 + 60, and extensions */

    /* the trap: guards, and the values the configuration begins with */
    LIMIT_SMTP_SESSIONS = 100000,     /* of a server: what a machine has memory for */
    LIMIT_SMTP_RECIPIENTS = 1000,     /* of a message; Postfix' default */
    LIMIT_SMTP_CLIENTS = 1 << 17,     /* addresses counted at once; more than sessions */
    LIMIT_SMTP_GREYLIST = 1 << 16,    /* client, sender, recipient triples remembered */
    LIMIT_PERSONA_REPLY_BYTES = 1024, /* of one reply text */
    LIMIT_PERSONA_EHLO_LINES = 32,
    LIMIT_POLICY_ENTRIES = 1000000, /* recipients, domains, globs of one trap */

    /* serve */
    LIMIT_LISTENERS = 64, /* of one trap process; each is a socket handed over at its start */

    /* spool */
    LIMIT_RECORD_BYTES = LIMIT_MESSAGE_BYTES + 1024 * 1024, /* a message and its envelope */
    LIMIT_RECORD_RECIPIENTS = 4096, /* of one message; more than any guard of a session lets in */
    LIMIT_RECORD_STEPS = 4096,      /* of one session */
    LIMIT_SPOOL_WAITING_BYTES = 64 * 1024 * 1024, /* appended, not yet on the disk: a disk that
                                                     stands still must not take all memory */
    LIMIT_SPOOL_SHARE_HOSTS = 65536,              /* clients whose share is known; 1.5 MiB */
    /* messages that wait for the end of their session, which gives them SD1 */
    LIMIT_HELD_BYTES = 32 * 1024 * 1024,
    LIMIT_HELD_MESSAGES = 16384,
    LIMIT_HELD_SECONDS = 60,
    /* a dialogue as the store keeps it */
    LIMIT_SESSION_ROW_STEPS = 128,
    LIMIT_SESSION_ROW_STEP_BYTES = 256,

    /* traps: a file of connection counts; ten years of hours of 20 traps */
    LIMIT_TRAP_HOURS_BYTES = 128 * 1024 * 1024,
    /* explain */
    LIMIT_EXPLAIN_ENTRIES = 4 * 1000 * 1000, /* (cell, trap, block of days) of both windows: some
                                                200 MB with their map */

    /* hosts */
    LIMIT_HOST_ROWS = 1000 * 1000, /* message rows looked at for the busiest hour: 24 MB, seconds */
    LIMIT_HOST_ROWS_MAX = 50 * 1000 * 1000, /* when asked for: 1.2 GB */

    /* memory of one message's analysis (arena) */
    LIMIT_MESSAGE_ARENA_BYTES = 32 * 1024 * 1024,
};

#endif
