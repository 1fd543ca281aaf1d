/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random records from a seed, hostile bytes and all, and scratch folders. */
#ifndef TESTS_SPOOL_RECORDS_H
#define TESTS_SPOOL_RECORDS_H

#include "testing.h"

#include "spool/codec.h"
#include "spool/record.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t random_below(struct random *r, uint64_t n)
{
    return random_next(r) % n;
}

/* Numbers of all lengths. */
static inline uint64_t random_number(struct random *r)
{
    return random_next(r) >> random_below(r, 64);
}

enum { RANDOM_POOL = 1 << 16, RANDOM_RECIPIENTS = 8, RANDOM_STEPS = 40 };

struct random_record {
    char pool[RANDOM_POOL]; /* what texts borrow from */
    struct slice recipients[RANDOM_RECIPIENTS];
    struct session_step steps[RANDOM_STEPS];
    struct message_record message;
    struct session_record session;
};

static inline struct slice random_text(struct random_record *x, struct random *r, size_t most)
{
    size_t n = (size_t)random_below(r, most + 1);
    return slice_of(x->pool + random_below(r, RANDOM_POOL - n), n);
}

static inline struct ip random_ip(struct random *r)
{
    struct ip a = ip_from_v4((uint32_t)random_next(r));
    if (random_below(r, 2)) {
        for (size_t i = 0; i < sizeof a.b; i++) {
            a.b[i] = (uint8_t)random_next(r);
        }
    }
    return a;
}

static inline struct id128 random_id(struct random *r)
{
    struct id128 id;
    for (size_t i = 0; i < sizeof id.b; i++) {
        id.b[i] = (uint8_t)random_next(r);
    }
    return id;
}

static inline void random_head(struct random_record *x, struct random *r, struct session_head *h)
{
    *h = (struct session_head){
        .session = random_id(r),
        .trap = random_text(x, r, 20),
        .site = random_text(x, r, 20),
        .listener = random_text(x, r, 20),
        .persona = random_text(x, r, 20),
        .server_name = random_text(x, r, 20),
        .client = random_ip(r),
        .server = random_ip(r),
        .client_port = (uint16_t)random_next(r),
        .server_port = (uint16_t)random_next(r),
        .has_proxy = random_below(r, 2),
        .accepted_us = (int64_t)random_number(r) * (random_below(r, 2) ? 1 : -1),
    };
}

static inline void random_record_make(struct random_record *x, struct random *r, size_t raw_most)
{
    for (size_t i = 0; i < RANDOM_POOL; i++) {
        x->pool[i] = (char)random_next(r);
    }
    for (size_t i = 0; i < RANDOM_RECIPIENTS; i++) {
        x->recipients[i] = random_text(x, r, 60);
    }
    random_head(x, r, &x->message.head);
    x->message.number = (uint32_t)random_number(r);
    x->message.accepted_us = (int64_t)random_number(r);
    x->message.helo = random_text(x, r, 30);
    x->message.protocol = random_text(x, r, 8);
    x->message.mail_from = random_text(x, r, 60);
    x->message.mail_parameters = random_text(x, r, 30);
    x->message.tls = random_text(x, r, 30);
    x->message.recipients = x->recipients;
    x->message.recipient_count = random_below(r, RANDOM_RECIPIENTS + 1);
    x->message.data_flags = (uint8_t)random_next(r);
    x->message.raw = random_text(x, r, raw_most);
    for (size_t i = 0; i < RANDOM_STEPS; i++) {
        x->steps[i] = (struct session_step){
            .at_us = random_number(r),
            .kind = (enum step_kind)random_below(r, STEP_END + 1),
            .ending = (enum line_ending)random_below(r, ENDING_NONE + 1),
            .code = (uint16_t)random_next(r),
            .flags = (uint8_t)random_next(r),
            .was_buffered = random_below(r, 2),
            .bytes = random_number(r),
            .text = random_text(x, r, 80),
        };
    }
    random_head(x, r, &x->session.head);
    x->session.ended_us = (int64_t)random_number(r);
    x->session.end = (enum session_end)random_below(r, END_DROPPED + 1);
    x->session.syn = random_text(x, r, 80);
    x->session.tls_hello = random_text(x, r, 500);
    x->session.tls_version = random_text(x, r, 8);
    x->session.tls_cipher = random_text(x, r, 20);
    x->session.tls_sni = random_text(x, r, 20);
    x->session.helo = random_text(x, r, 30);
    x->session.auth_mechanism = random_text(x, r, 8);
    x->session.auth_user = random_text(x, r, 20);
    x->session.auth_password_hash = random_id(r);
    x->session.steps = x->steps;
    x->session.step_count = random_below(r, RANDOM_STEPS + 1);
    x->session.steps_dropped = random_number(r);
    x->session.steps_first = random_below(r, x->session.step_count + 1);
    x->session.offered = (uint16_t)random_next(r);
    x->session.messages = (uint32_t)random_number(r);
    x->session.recipients_accepted = (uint32_t)random_number(r);
    x->session.recipients_refused = (uint32_t)random_number(r);
    x->session.commands = (uint32_t)random_number(r);
    x->session.errors = (uint32_t)random_number(r);
    x->session.bytes_in = random_number(r);
    x->session.bytes_out = random_number(r);
    x->session.client_name = random_text(x, r, 30);
}

/* A folder of its own; deleted with its files by scratch_delete(). */
static inline void scratch_make(char path[64])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 64, "%s/spool-XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void scratch_delete(const char *path)
{
    char name[512];
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') {
            unlink(name);
        }
    }
    if (d) {
        closedir(d);
    }
    rmdir(path);
}

#endif
