/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make_spool FOLDER SESSIONS SEED [MESSAGE]: writes a spool as a trap would, from a seed; with a
 * file's message to trap mx1 now. Each session brings
 * 0 to 3 messages ("token N" in the subject) to addresses that all contain "trapsecret", in every
 * disguise that senders use; some sessions are hostile: escapes, NUL, bytes that are no UTF-8. */
#include "spool/writer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t START_US = INT64_C(1290000000) * 1000000; /* 2010-11-17 13:20 UTC */

static void completion_wait(struct spool_writer *w)
{
    struct spool_completion c;
    struct pollfd p = {.fd = spool_writer_fd(w), .events = POLLIN};
    while (spool_writer_poll(w, &c, 1) == 0) {
        poll(&p, 1, 1000);
    }
    if (c.status != SPOOL_OK) {
        fprintf(stderr, "make_spool: %s\n", spool_status_name(c.status));
        exit(1);
    }
}

static struct session_head head_of(unsigned n, unsigned seed)
{
    struct session_head h = {.trap =
                                 n % 2 ? (struct slice)SLICE("mx1") : (struct slice)SLICE("mx2"),
                             .site = S("north"),
                             .listener = S("192.0.2.1:25"),
                             .persona = S("postfix"),
                             .server_name = S("mx.example.org"),
                             .client = ip_from_v4(0x55000000U + n),
                             .server = ip_from_v4(0xc0000201U),
                             .client_port = (uint16_t)(1024 + n),
                             .server_port = 25,
                             .accepted_us = START_US + (int64_t)n * 60000000};
    memcpy(h.session.b, &n, sizeof n);
    memcpy(h.session.b + 4, &seed, sizeof seed);
    return h;
}

static void message_write(struct spool_writer *w, const struct session_head *h, uint32_t number,
                          unsigned token)
{
    char raw[600], address[64], verp[96];
    snprintf(address, sizeof address, "trapsecret%u@example.org", token);
    snprintf(verp, sizeof verp, "bounce-trapsecret%u=example.org@spam.example", token);
    snprintf(raw, sizeof raw,
             "From: =?utf-8?q?Pills?= <x@example.net>\r\nTo: <%s>\r\nSubject: token %u for "
             "trapsecret%u\r\nMessage-ID: <%u.trapsecret%u@spam.example>\r\n\r\n"
             "From here on\r\n>From there\r\nhttp://trapsecret%u.example.com/u?trapsecret%u\r\n",
             address, token, token, token, token, token, token);
    struct slice recipients[1] = {slice_cstr(address)};
    struct message_record m = {
        .head = *h,
        .number = number,
        .accepted_us = h->accepted_us + 500000 * (int64_t)number,
        .helo = S("bot\x1b[2J.example.com"),
        .protocol = S("ESMTP"),
        .mail_from = slice_cstr(verp),
        .recipients = recipients,
        .recipient_count = 1,
        .raw = slice_cstr(raw),
    };
    if (spool_append_message(w, &m, 1, 0) != SPOOL_OK) {
        exit(1);
    }
    completion_wait(w);
}

static void session_write(struct spool_writer *w, const struct session_head *h, uint32_t messages,
                          unsigned token)
{
    char rcpt[96], reply[96];
    snprintf(rcpt, sizeof rcpt, "rcpt to: <trapsecret%u@example.org>", token);
    snprintf(reply, sizeof reply, "250 trapsecret%u@example.org ok", token);
    struct session_step steps[] = {
        {.kind = STEP_REPLY, .code = 220, .text = S("220 mx.example.org ESMTP Postfix")},
        {.kind = STEP_COMMAND, .at_us = 100000, .text = S("EHLO bot\x1b[2J\0\xff.example.com")},
        {.kind = STEP_COMMAND, .at_us = 150000, .text = S("AUTH PLAIN dHJhcHNlY3JldAA=")},
        {.kind = STEP_COMMAND, .at_us = 200000, .ending = ENDING_LF, .text = slice_cstr(rcpt)},
        {.kind = STEP_REPLY, .at_us = 200100, .code = 250, .text = slice_cstr(reply)},
        {.kind = STEP_COMMAND, .at_us = 250000, .text = S("VRFY trapsecret")},
        {.kind = STEP_DATA, .at_us = 300000, .bytes = 512, .flags = DATA_HAS_CRLF | DATA_SMUGGLE},
        {.kind = STEP_END, .at_us = 2000000, .code = END_CLOSE},
    };
    struct session_record s = {.head = *h,
                               .ended_us = h->accepted_us + 2000000,
                               .end = END_CLOSE,
                               .helo = S("bot\x1b[2J.example.com"),
                               .auth_mechanism = S("PLAIN"),
                               .auth_user = S("trapsecret@example.org"),
                               .steps = steps,
                               .step_count = sizeof steps / sizeof *steps,
                               .steps_first = sizeof steps / sizeof *steps,
                               .messages = messages,
                               .recipients_accepted = messages,
                               .commands = 4,
                               .bytes_in = 700,
                               .bytes_out = 300};
    s.auth_password_hash.b[0] = 1;
    if (spool_append_session(w, &s, 1, 0) != SPOOL_OK) {
        exit(1);
    }
    completion_wait(w);
}

static void file_deliver(struct spool_writer *w, const char *path)
{
    char raw[4096];
    struct timespec now;
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(raw, 1, sizeof raw, f) : 0;
    clock_gettime(CLOCK_REALTIME, &now);
    struct message_record m = {
        .head = {.trap = S("mx1"), .site = S("north"), .client = ip_from_v4(0x55000000U)},
        .number = 1,
        .accepted_us = (int64_t)now.tv_sec * 1000000,
        .raw = slice_of(raw, n),
    };
    m.head.accepted_us = m.accepted_us;
    if (n == 0 || spool_append_message(w, &m, 1, 0) != SPOOL_OK) {
        exit(1);
    }
    fclose(f);
    completion_wait(w);
}

int main(int argc, char **argv)
{
    struct spool_writer *w;
    struct errbuf eb = {.text = ""};
    if (argc != 4 && argc != 5) {
        fputs("make_spool FOLDER SESSIONS SEED [MESSAGE]\n", stderr);
        return 2;
    }
    unsigned sessions = (unsigned)strtoul(argv[2], NULL, 10),
             seed = (unsigned)strtoul(argv[3], NULL, 10), token = 1000 * seed;
    struct spool_writer_options o = {
        .folder = argv[1], .segment_bytes = 32768, .compression_level = 1, .session_delay_ms = 1};
    if (spool_writer_open(&o, &w, &eb) != OK) {
        fprintf(stderr, "make_spool: %s\n", eb.text);
        return 1;
    }
    for (unsigned n = 0; n < sessions; n++) {
        struct session_head h = head_of(n, seed);
        uint32_t messages = (n + seed) % 4;
        for (uint32_t i = 1; i <= messages; i++) {
            message_write(w, &h, i, token++);
        }
        session_write(w, &h, messages, token ? token - 1 : 0);
    }
    if (argc == 5) {
        file_deliver(w, argv[4]);
    }
    spool_writer_close(w);
    printf("%u\n", token - 1000 * seed);
    return 0;
}
