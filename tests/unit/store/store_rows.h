/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random message rows for the store's tests, from a seed, with few enough values that all of them
 * repeat; and a scratch folder. */
#ifndef TESTS_STORE_ROWS_H
#define TESTS_STORE_ROWS_H

#include "print/cd1.h"
#include "store/store.h"

/* cmocka wants these before it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS_START_DAY = 14850, ROWS_DAYS = 75 }; /* 2010-08-29 on: four months, two in full */

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

/* Strings that live as long as the test program. */
static inline struct slice pool(const char *const *texts, struct random *r, size_t n)
{
    return slice_cstr(texts[random_below(r, n)]);
}

struct row_store {
    struct slice domains[4], shapes[2], rules[2];
    char texts[4][32];
    char cd1[CD1_TEXT_BYTES];
    char hd1[48];
    struct row_attachment attachment;
    struct id128 recipients[3];
};

static inline struct row_label label_random(struct random *r, const char *const *names)
{
    struct row_label l = {.unknown = 1.0};
    switch (random_below(r, 5)) {
    case 0:
        break;
    case 1: /* undecided */
        l.best = pool(names, r, 4);
        l.runner_up = slice_cstr(names[4]);
        l.posterior = 0.6;
        l.runner_up_posterior = 0.25;
        l.unknown = 0.1;
        l.is_conflict = true;
        break;
    default:
        l.name = l.best = pool(names, r, 4);
        l.posterior = 0.9 + 0.01 * (double)random_below(r, 10);
        l.unknown = 1 - l.posterior;
        break;
    }
    return l;
}

static inline void row_random(struct random *r, struct message_row *row, struct row_store *t)
{
    static const char *const TRAPS[] = {"alpha", "beta", "gamma"};
    static const char *const COUNTRIES[] = {"DE", "US", "BR", "", "A1"};
    static const char *const BOTNETS[] = {"rustock", "srizbi", "cutwail", "grum", "mega-d"};
    static const char *const MAILERS[] = {"reactor", "mailer-1", "mailer-2", "mailer-3", "xm"};
    static const char *const PROGRAMS[] = {"glavmed", "evapharmacy", "rx", "herbal", "watches"};
    static const char *const TEXTS[] = {"", "x", "a longer text with some words in it", "y\"z"};
    *row = (struct message_row){
        .trap = pool(TRAPS, r, 3),
        .clock = random_below(r, 12) ? (enum clock_source)(CLOCK_RECEIVED + random_below(r, 3))
                                     : CLOCK_NONE,
        .has_client = random_below(r, 10) != 0,
        .country = pool(COUNTRIES, r, 5),
        .asn = (uint32_t)random_below(r, 6) * 1000,
        .helo = pool(TEXTS, r, 4),
        .ptr = pool(TEXTS, r, 4),
        .protocol = S("ESMTP"),
        .envelope_from = S("someone@example.com"),
        .recipient_hashes = t->recipients,
        .recipients = 1 + (uint32_t)random_below(r, 3),
        .bytes = random_below(r, 40000),
        .msgid_shape = pool(TEXTS, r, 4),
        .boundary_shape = pool(TEXTS, r, 4),
        .subject = pool(TEXTS, r, 4),
        .cd1 = pool(TEXTS, r, 4),
        .charsets = S("utf-8"),
        .has_date_offset = random_below(r, 2),
        .domains = t->domains,
        .domain_count = random_below(r, 4),
        .url_shapes = t->shapes,
        .url_shape_count = random_below(r, 3),
        .attachments = &t->attachment,
        .attachment_count = random_below(r, 2),
        .quirks = random_next(r) & random_next(r) & random_next(r) & 0xffffff,
        .rule_ids = t->rules,
        .rule_count = random_below(r, 3),
        .pack_version = S("pack-1"),
    };
    for (size_t b = 0; b < sizeof row->id.b; b++) {
        row->id.b[b] = (uint8_t)random_next(r);
    }
    if (row->clock != CLOCK_NONE) {
        row->received = (int64_t)ROWS_START_DAY * SECONDS_PER_DAY +
                        (int64_t)random_below(r, (uint64_t)ROWS_DAYS * SECONDS_PER_DAY);
    }
    if (row->has_client) {
        uint64_t n = random_below(r, 300);
        row->client = ip_from_v4((uint32_t)(0x0a000000 + n % 40 * 0x04000107 + n));
        if (random_below(r, 8) == 0) {
            row->client.b[0] = 0x20;
            row->client.b[1] = 1;
            row->client.b[6] = (uint8_t)random_below(r, 5);
        }
    }
    row->date_offset = row->has_date_offset ? (int64_t)random_below(r, 9000) - 4500 : 0;
    (void)snprintf(t->hd1, sizeof t->hd1, "HD1/%u/from,to,subject", (unsigned)random_below(r, 50));
    row->hd1 = slice_cstr(t->hd1);
    for (size_t i = 0; i < 4; i++) {
        /* A domain may stand in a message twice. */
        (void)snprintf(t->texts[i], sizeof t->texts[i], "domain%u.example",
                       (unsigned)random_below(r, 20));
        t->domains[i] = slice_cstr(t->texts[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        memset(t->recipients[i].b, (int)random_below(r, 256), sizeof t->recipients[i].b);
    }
    t->shapes[0] = S("http://d/6x");
    t->shapes[1] = S("http://i/");
    t->rules[0] = S("11111111-1111-4111-8111-111111111111");
    t->rules[1] = S("22222222-2222-4222-8222-222222222222");
    t->attachment = (struct row_attachment){S("image/gif"), S("8x.gif"), row->id, row->bytes};
    row->botnet = label_random(r, BOTNETS);
    row->mailer_label = label_random(r, MAILERS);
    row->program = label_random(r, PROGRAMS);
    if (random_below(r, 2)) { /* a sketch as it is printed; else any text, which is kept too */
        struct cd1 sketch = {.kind = CD1_TEXT,
                             .has_call = random_below(r, 2),
                             .has_html = random_below(r, 2),
                             .shingles = (unsigned)random_below(r, 65536),
                             .exact = random_next(r)};
        for (size_t i = 0; i < CD1_TEXT_LANES; i++) {
            sketch.text[i] = (uint32_t)random_below(r, 16);
        }
        for (size_t i = 0; i < CD1_CALL_LANES; i++) {
            sketch.call[i] = (uint32_t)random_below(r, 16);
        }
        for (size_t i = 0; i < CD1_HTML_LANES; i++) {
            sketch.html[i] = (uint32_t)random_below(r, 16);
        }
        row->cd1 = slice_of(t->cd1, cd1_print(&sketch, t->cd1));
    }
    /* Few variants and many wordings; keys are 64 bits, also those with the highest bit. */
    uint64_t variant = random_below(r, 12), wording = random_below(r, 60);
    row->part[0] = variant * UINT64_C(0x9e3779b97f4a7c15);
    row->part[1] = wording * UINT64_C(0xc2b2ae3d27d4eb4f);
}

struct rows {
    struct message_row *rows;
    struct row_store *stores;
    size_t n;
};

static inline struct rows rows_make(uint64_t seed, size_t n)
{
    struct random r = {seed};
    struct rows rows = {calloc(n, sizeof *rows.rows), calloc(n, sizeof *rows.stores), n};
    assert_non_null(rows.rows);
    assert_non_null(rows.stores);
    for (size_t i = 0; i < n; i++) {
        row_random(&r, &rows.rows[i], &rows.stores[i]);
    }
    return rows;
}

static inline void rows_free(struct rows *rows)
{
    free(rows->rows);
    free(rows->stores);
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct errbuf eb_ = {0};                                                                   \
        struct errbuf *eb = &eb_;                                                                  \
        enum err e_ = (call);                                                                      \
        if (e_ != OK) {                                                                            \
            fail_msg("%s: %s: %s", #call, err_name(e_), eb_.text);                                 \
        }                                                                                          \
    } while (0)

struct scratch {
    char folder[64], path[96];
};

static inline struct scratch scratch_make(void)
{
    struct scratch s = {.folder = "/tmp/store_test.XXXXXX"};
    assert_non_null(mkdtemp(s.folder));
    (void)snprintf(s.path, sizeof s.path, "%s/store.db", s.folder);
    return s;
}

static inline void scratch_remove(const struct scratch *s)
{
    DIR *d = opendir(s->folder);
    assert_non_null(d);
    for (struct dirent *f; (f = readdir(d));) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", s->folder, f->d_name);
        (void)unlink(path);
    }
    closedir(d);
    (void)rmdir(s->folder);
}

static inline struct store *open_as(const char *path, enum store_mode mode)
{
    struct store *s = NULL;
    assert_ok(store_open(&(struct store_options){.path = path, .mode = mode}, &s, eb));
    return s;
}

/* Appends rows [from, to) in batches of `batch`. */
static inline size_t append_all(struct store *s, const struct message_row *rows, size_t n,
                                size_t batch)
{
    size_t added = 0;
    for (size_t i = 0; i < n; i += batch) {
        struct append_result result = {0};
        assert_ok(store_append(s, rows + i, n - i < batch ? n - i : batch, NULL, &result, eb));
        added += result.added;
    }
    return added;
}

static inline void verify_say(void *arg, const char *line)
{
    (void)arg;
    print_message("# verify: %s\n", line);
}

static inline size_t verify_count(struct store *s)
{
    size_t problems = SIZE_MAX;
    assert_ok(store_verify(s, verify_say, NULL, &problems, eb));
    return problems;
}

#endif
