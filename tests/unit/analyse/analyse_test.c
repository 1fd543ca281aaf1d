/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that are analysed together: each has the row it has alone, whatever stands beside it. */
#include "testing.h"

#include "analyse/analyse.h"
#include "analyse/row.h"

#include <stdio.h>
#include <stdlib.h>

enum { KINDS = 7, MESSAGES = 3 * ANALYSE_TOGETHER, NOW = 1300000000 };

static const uint8_t KEY[SECRET_KEY_BYTES] = {7};

static struct url_context *urls;
static struct strbuf texts[MESSAGES];
static struct source_message messages[MESSAGES];

/* Of each seven messages the last is nothing at all. */
static void message_write(struct strbuf *out, int n)
{
    if (n % KINDS == KINDS - 1) {
        return;
    }
    strbuf_printf(out,
                  "Received: from h%d (unknown [192.0.2.%d]) by mx.trap.example with ESMTP\r\n"
                  "\tfor <trap%d@trap.example>; Fri, 1 Oct 2010 00:00:%02d +0000\r\n"
                  "To: \"Trap %d\" <trap%d@trap.example>\r\nSubject: for trap%d\r\n",
                  n, n, n, n % 60, n, n, n);
    switch (n % KINDS) {
    case 0:
        strbuf_printf(out, "\r\nBuy now at http://shop%d.example/a?b=%d\r\n", n, n);
        break;
    case 1:
        strbuf_printf(out,
                      "X-Mailer: The Bat! (v3.%d)\r\nContent-Type: text/html\r\n\r\n"
                      "<p>Offer %d<a href=x>y</a>",
                      n, n);
        break;
    case 2:
        strbuf_printf(out,
                      "Content-Type: multipart/mixed; boundary=\"--%d\"\r\n\r\n----%d\r\n"
                      "Content-Type: image/gif; name=a.gif\r\n\r\nGIF89a\r\n",
                      n, n);
        break;
    case 3:
        strbuf_printf(out, "Content-Transfer-Encoding: base64\r\n\r\n%d?%d!!", n, n);
        break;
    case 4:
        strbuf_printf(out,
                      "Content-Type: text/plain; charset=koi8-r\r\n\r\n"
                      "\xf0\xd2\xc9\xd7\xc5\xd4 %d trap%d",
                      n, n);
        break;
    default:
        strbuf_printf(out, ": %d\r\n\r\n\x01\xff%d", n, n);
    }
    for (int i = 0; i < n * 7 && n % KINDS < 2; i++) {
        strbuf_printf(out, "word%d ", i * n);
    }
}

static int set_up(void **state)
{
    struct errbuf eb = {.text = ""};
    (void)state;
    urls = url_context_new(&eb);
    for (int n = 0; n < MESSAGES; n++) {
        message_write(&texts[n], n);
        messages[n] = (struct source_message){
            .raw = slice_of(texts[n].p, texts[n].n), .bytes = texts[n].n, .ordinal = (uint64_t)n};
    }
    return urls ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    url_context_free(urls);
    for (int n = 0; n < MESSAGES; n++) {
        strbuf_free(&texts[n]);
    }
    return 0;
}

static struct analyser *analyser(void)
{
    struct analyse_config config = {.trap = S("t"), .urls = urls, .recipient_key = KEY};
    struct analyser *a = analyser_new(&config);
    assert_non_null(a);
    return a;
}

static void slice_write(struct strbuf *out, const char *name, struct slice s)
{
    strbuf_printf(out, "%s %zu ", name, s.n);
    strbuf_add(out, s);
    strbuf_printf(out, "\n");
}

/* All that a row says, as text. */
static void row_write(struct strbuf *out, const struct message_row *r)
{
    char id[33];
    id128_hex(r->id, id);
    strbuf_printf(out, "%s %lld %d %llu %u %llx %lld\n", id, (long long)r->received, (int)r->clock,
                  (unsigned long long)r->bytes, r->recipients, (unsigned long long)r->quirks,
                  (long long)r->date_offset);
    slice_write(out, "client", slice_of((const char *)r->client.b, sizeof r->client.b));
    slice_write(out, "trap", r->trap);
    slice_write(out, "helo", r->helo);
    slice_write(out, "protocol", r->protocol);
    slice_write(out, "hd1", r->hd1);
    slice_write(out, "sketch", r->sketch);
    slice_write(out, "tree", r->mime_tree);
    slice_write(out, "mailer", r->mailer);
    slice_write(out, "charsets", r->charsets);
    slice_write(out, "subject", r->subject);
    for (size_t i = 0; i < r->recipients && r->recipient_hashes; i++) {
        id128_hex(r->recipient_hashes[i], id);
        strbuf_printf(out, "to %s\n", id);
    }
    for (size_t i = 0; i < r->domain_count; i++) {
        slice_write(out, "domain", r->domains[i]);
    }
    for (size_t i = 0; i < r->attachment_count; i++) {
        slice_write(out, "file", r->attachments[i].type);
    }
}

static void alone_write(struct strbuf *out, struct analyser *a, const struct source_message *m)
{
    const struct analysis *r;
    assert_int_equal(analyse_message(a, m, NOW, &r), OK);
    row_write(out, &r->row);
}

/* Frees both. */
static void assert_same(struct strbuf *have, struct strbuf *want)
{
    assert_int_equal(have->n, want->n);
    assert_memory_equal(have->p, want->p, want->n);
    strbuf_free(have);
    strbuf_free(want);
}

static void test_together_as_alone(void **state)
{
    (void)state;
    struct analyser *one = analyser(), *many = analyser();
    unsigned seed = 7;
    for (int round = 0; round < 40; round++) {
        struct source_message group[ANALYSE_TOGETHER];
        size_t count = 1 + (size_t)(rand_r(&seed) % ANALYSE_TOGETHER);
        for (size_t i = 0; i < count; i++) {
            group[i] = messages[rand_r(&seed) % MESSAGES];
        }
        assert_int_equal(analyse_messages(many, group, count, NOW), OK);
        for (size_t i = 0; i < count; i++) {
            struct strbuf want = STRBUF_INIT, have = STRBUF_INIT;
            const struct analysis *r;
            alone_write(&want, one, &group[i]);
            assert_int_equal(analysis_of(many, i, &r), OK);
            row_write(&have, &r->row);
            assert_same(&have, &want);
        }
    }
    analyser_free(one);
    analyser_free(many);
}

static void test_a_copy_outlives_its_group(void **state)
{
    (void)state;
    struct analyser *a = analyser();
    struct arena *arena = arena_new(SIZE_MAX);
    struct strbuf want = STRBUF_INIT, have = STRBUF_INIT;
    const struct analysis *r;
    struct message_row copies[ANALYSE_TOGETHER];
    assert_int_equal(analyse_messages(a, messages, ANALYSE_TOGETHER, NOW), OK);
    for (size_t i = 0; i < ANALYSE_TOGETHER; i++) {
        assert_int_equal(analysis_of(a, i, &r), OK);
        row_write(&want, &r->row);
        assert_int_equal(row_copy(&copies[i], &r->row, arena), OK);
    }
    assert_int_equal(analyse_messages(a, messages + ANALYSE_TOGETHER, ANALYSE_TOGETHER, NOW), OK);
    for (size_t i = 0; i < ANALYSE_TOGETHER; i++) {
        row_write(&have, &copies[i]);
    }
    assert_same(&have, &want);
    arena_free(arena);
    analyser_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together_as_alone),
        cmocka_unit_test(test_a_copy_outlives_its_group),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
