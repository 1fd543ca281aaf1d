/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testing.h"

#include "core/limits.h"
#include "core/strbuf.h"
#include "print/cd1.h"
#include "print/minhash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;
static struct url_context *urls;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 * 1024 * 1024);
    urls = url_context_new(NULL);
    return arena && urls ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    url_context_free(urls);
    return 0;
}

static void sketch_text(struct slice text, struct slice me, struct cd1 *out)
{
    struct words w;
    const struct features none = {.mail = NULL};
    assert_int_equal(words_split(&w, text, &me, me.n > 0, arena), OK);
    assert_int_equal(cd1_make(out, &w, &none, arena), OK);
}

static void sketch_mail(struct slice raw, struct slice me, struct cd1 *out)
{
    struct mail m;
    struct features f;
    struct words w;
    const struct envelope e = {{NULL, 0}, raw.n};
    assert_int_equal(mail_parse(&m, raw, arena), OK);
    assert_int_equal(features_extract(&f, &m, NULL, urls, &e, arena), OK);
    assert_int_equal(words_of(&w, &f, &me, me.n > 0, arena), OK);
    assert_int_equal(cd1_make(out, &w, &f, arena), OK);
}

static unsigned word_lane(const uint64_t *words, size_t i)
{
    return words[i / 16] >> 4 * (i % 16) & 15;
}

static void assert_lanes_unpacked(struct slice packed, const struct cd1 *c)
{
    struct cd1_lanes l;
    assert_int_equal(cd1_unpack_lanes(packed, &l), c->kind != CD1_NONE);
    if (c->kind == CD1_NONE) {
        return;
    }
    assert_true(l.kind == c->kind && l.shingles == c->shingles && l.exact == c->exact &&
                l.has_call == c->has_call && l.has_html == c->has_html);
    for (size_t i = 0; i < CD1_TEXT_LANES; i++) {
        assert_int_equal(word_lane(l.text, i), c->text[i]);
    }
    for (size_t i = 0; i < CD1_OPEN_LANES; i++) {
        assert_int_equal(word_lane(&l.open, i), c->open[i]);
        assert_int_equal(word_lane(&l.close, i), c->close[i]);
        assert_int_equal(word_lane(&l.call, i), c->call[i]);
        assert_int_equal(word_lane(&l.html, i), c->html[i]);
    }
    assert_false(cd1_unpack_lanes(slice_sub(packed, 0, packed.n - 1), &l));
}

/* What print and pack keep is all that a parsed sketch has. */
static void round_trip(const struct cd1 *c)
{
    char text[CD1_TEXT_BYTES], again[CD1_TEXT_BYTES];
    uint8_t packed[CD1_PACKED_BYTES], repacked[CD1_PACKED_BYTES];
    struct cd1 parsed, unpacked;
    size_t n = cd1_print(c, text), k = cd1_pack(c, packed);
    assert_true(cd1_parse(slice_of(text, n), &parsed));
    assert_int_equal(cd1_print(&parsed, again), n);
    assert_memory_equal(text, again, n);
    assert_true(cd1_unpack(slice_of((const char *)packed, k), &unpacked));
    assert_int_equal(cd1_pack(&unpacked, repacked), k);
    assert_lanes_unpacked(slice_of((const char *)packed, k), &unpacked);
    assert_memory_equal(packed, repacked, k);
    assert_int_equal(cd1_print(&unpacked, again), n);
    assert_memory_equal(text, again, n);
    assert_true(k == 0 || !cd1_unpack(slice_of((const char *)packed, k - 1), &unpacked));
    for (size_t i = 0; i < n; i++) { /* no prefix is another print */
        assert_true(!cd1_parse(slice_of(text, i), &parsed));
    }
}

/* tests/golden/cd1/vectors.txt: blocks of "text NAME [RECIPIENT]" or "mail NAME [RECIPIENT]", the
 * lines of it, each behind "| ", and "= CD1:..."; "#" begins a comment. */
static void test_golden(void **state)
{
    (void)state;
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/golden/cd1/vectors.txt", getenv("SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct strbuf body = STRBUF_INIT;
    char line[4096], name[80] = "", me[200] = "";
    bool is_mail = false;
    unsigned vectors = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        size_t n = strcspn(line, "\n");
        line[n] = '\0';
        if (line[0] == '|') {
            strbuf_add_cstr(&body, n > 1 ? line + 2 : "");
            strbuf_add_byte(&body, '\n');
        } else if (line[0] == '=') {
            struct cd1 c;
            char text[CD1_TEXT_BYTES + 1];
            arena_reset(arena);
            (is_mail ? sketch_mail : sketch_text)(strbuf_slice(&body), slice_cstr(me), &c);
            text[cd1_print(&c, text)] = '\0';
            round_trip(&c);
            vectors++;
            if (strcmp(text, line + 2) != 0) {
                wrong++;
                print_error("%s: %s\n", name, text);
            }
        } else if (line[0] && line[0] != '#') {
            me[0] = '\0';
            char kind[5];
            assert_in_range(sscanf(line, "%4s %79s %199s", kind, name, me), 2, 3);
            is_mail = strcmp(kind, "mail") == 0;
            assert_true(is_mail || strcmp(kind, "text") == 0);
            strbuf_clear(&body);
        }
    }
    (void)fclose(file);
    strbuf_free(&body);
    assert_int_equal(wrong, 0);
    assert_in_range(vectors, 40, 1000);
}

/* A letter with holes for what differs from one message to the next. */
struct hole {
    const char *me, *name, *host, *token, *amount, *date;
};

static void letter(struct strbuf *b, const struct hole *h)
{
    strbuf_clear(b);
    strbuf_printf(b,
                  "Dear %s,\n\nyour pharmacy order number %s of %s is waiting for you. We have "
                  "the best prices on the whole internet and ship to every country of the world "
                  "without any prescription. Only today all of our customers get a discount of %s "
                  "when they order more than one package.\n\nhttp://%s/order/?id=%s\n\nOur doctors "
                  "answer your questions day and night, and every package comes in a plain "
                  "envelope. If you are not happy with what you got, write to us and we send your "
                  "money back. Thousands of men have tried it and none of them has gone back to "
                  "the old pills. This letter was sent to %s because you asked for it; if you do "
                  "not want any more of them please follow the link and tell us %s\n",
                  h->name, h->token, h->date, h->amount, h->host, h->token, h->me, h->token);
}

static void test_what_varies(void **state)
{
    (void)state;
    static const struct hole HOLES[] = {
        {"john@example.org", "john", "www.pills.example.com", "8812", "$20.00", "21 Oct 2010"},
        {"m.meyer@example.net", "Meyer", "www.pills.example.com", "8812", "$20.00", "21 Oct 2010"},
        {"john@example.org", "john", "bestmeds.example.ru", "8812", "$20.00", "21 Oct 2010"},
        {"john@example.org", "john", "www.pills.example.com", "x7k2q9zf", "$20.00", "21 Oct 2010"},
        {"john@example.org", "john", "www.pills.example.com", "a81f00cd", "$5", "21 Oct 2010"},
        {"john@example.org", "john", "www.pills.example.com", "9", "€1,299.99", "2010-11-03"},
        {"xaver99@example.info", "xaver", "192.0.2.7", "QZXJ8812KW", "99 $", "Monday, May 3rd"},
    };
    struct strbuf b = STRBUF_INIT;
    struct cd1 first, c;
    letter(&b, &HOLES[0]);
    sketch_text(strbuf_slice(&b), slice_cstr(HOLES[0].me), &first);
    assert_int_equal(first.kind, CD1_TEXT);
    assert_true(first.has_call);
    for (size_t i = 1; i < sizeof HOLES / sizeof HOLES[0]; i++) {
        letter(&b, &HOLES[i]);
        sketch_text(strbuf_slice(&b), slice_cstr(HOLES[i].me), &c);
        assert_true(cd1_text_likeness(&first, &c) >= 0.9);
        assert_true(cd1_call_likeness(&first, &c) >= 0.8); /* sixteen lanes */
        round_trip(&c);
    }
    /* lines broken elsewhere, capitals, and marks that nobody sees: the same */
    letter(&b, &HOLES[0]);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = b.p[i] == ' ' && i % 7 == 0 ? '\n' : b.p[i];
        b.p[i] = ascii_is_lower(b.p[i]) && i % 97 == 0 ? (char)(b.p[i] - 32) : b.p[i];
    }
    sketch_text(strbuf_slice(&b), slice_cstr(HOLES[0].me), &c);
    assert_true(cd1_text_likeness(&first, &c) >= 0.9);
    strbuf_free(&b);
}

/* The generator of minstd; tests only. */
static uint32_t draw(uint32_t *seed)
{
    *seed = (uint32_t)(*seed * UINT64_C(48271) % 2147483647);
    return *seed;
}

/* Words that look like a language's, of a vocabulary. */
static void book(struct strbuf *b, uint32_t *seed, size_t words)
{
    static const char *const PART[] = {"re",  "con", "der", "ing", "ta", "lo", "man", "se",
                                       "ver", "ti",  "on",  "ra",  "ne", "li", "des", "al"};
    for (size_t i = 0; i < words; i++) {
        for (uint32_t n = 1 + draw(seed) % 3; n > 0; n--) {
            strbuf_add_cstr(b, PART[draw(seed) / 7 % 16]);
        }
        strbuf_add_byte(b, ' ');
    }
}

static void test_different_texts(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct cd1 c[30];
    uint32_t seed = 7;
    double most = 0;
    for (size_t i = 0; i < 30; i++) {
        strbuf_clear(&b);
        book(&b, &seed, 40 + 20 * i);
        sketch_text(strbuf_slice(&b), S(""), &c[i]);
        char text[CD1_TEXT_BYTES];
        size_t n = cd1_print(&c[i], text);
        assert_true(cd1_parse(slice_of(text, n), &c[i])); /* with the chance of 4 bits */
        for (size_t k = 0; k < i; k++) {
            most = fmax(most, cd1_text_likeness(&c[i], &c[k]));
        }
    }
    assert_true(most < 0.2);
    strbuf_free(&b);
}

/* A book's page around the same offer: the text differs, the call does not. */
static void test_call_survives_padding(void **state)
{
    (void)state;
    static const char OFFER[] =
        "\n\nThe best watches of the world for a tenth of their price, all of them with a letter "
        "of "
        "origin and two years of guarantee. See them all and choose yours before the holidays "
        "come: http://example.com/a The offer ends on Sunday night so do not wait any longer, "
        "thousands of people have bought one of ours this month and were happy with it ever since "
        "they wear it every day and show it to all their friends who then want the same one "
        "too\n\n";
    struct strbuf b = STRBUF_INIT;
    struct cd1 c[2];
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t seed = 100 + i;
        strbuf_clear(&b);
        book(&b, &seed, 300);
        strbuf_add_cstr(&b, OFFER);
        book(&b, &seed, 300);
        sketch_text(strbuf_slice(&b), S(""), &c[i]);
    }
    assert_true(cd1_text_likeness(&c[0], &c[1]) < 0.4);
    assert_true(cd1_call_likeness(&c[0], &c[1]) > 0.9);
    strbuf_free(&b);
}

/* Two sets of `each` shingles that share so many that their Jaccard likeness is `j`. */
static void planted(uint32_t *seed, size_t each, double j, struct cd1 c[2])
{
    size_t shared = (size_t)lround(2.0 * (double)each * j / (1 + j));
    for (int side = 0; side < 2; side++) {
        c[side] = (struct cd1){.kind = CD1_TEXT, .is_full = true, .exact = (uint64_t)side};
    }
    struct minhash m[2];
    minhash_begin(&m[0], 6, c[0].text);
    minhash_begin(&m[1], 6, c[1].text);
    for (size_t i = 0; i < 2 * each - shared; i++) {
        uint64_t a = (uint64_t)draw(seed) << 32 | draw(seed);
        uint64_t hash = minhash_shingle(a, a + 1, a + 2);
        bool is_shared = i < shared;
        if (is_shared || (i - shared) % 2 == 0) {
            minhash_add(&m[0], hash);
        }
        if (is_shared || (i - shared) % 2 == 1) {
            minhash_add(&m[1], hash);
        }
    }
    minhash_end(&m[0]);
    minhash_end(&m[1]);
}

/* METHODS B3: sd 0.054 at J = 0.75 with 64 lanes; with 4 bits a lane the chance of 1/16 adds to it.
 * A mean of 2,000 runs has a standard error of 0.0015 at most. */
static void test_estimator(void **state)
{
    (void)state;
    enum { RUNS = 2000 };
    static const double J[] = {0, 0.3, 0.5, 0.75, 0.9};
    static const size_t EACH[] = {20, 200, 800};
    uint32_t seed = 1;
    for (size_t k = 0; k < sizeof J / sizeof J[0]; k++) {
        for (size_t e = 0; e < sizeof EACH / sizeof EACH[0]; e++) {
            double sum[2] = {0, 0}, squares[2] = {0, 0};
            double shared = (double)lround(2.0 * (double)EACH[e] * J[k] / (1 + J[k]));
            double truth = shared / (2.0 * (double)EACH[e] - shared);
            for (int run = 0; run < RUNS; run++) {
                struct cd1 c[2], printed;
                char text[CD1_TEXT_BYTES];
                planted(&seed, EACH[e], J[k], c);
                c[0].shingles = c[1].shingles = (unsigned)EACH[e];
                assert_true(cd1_parse(slice_of(text, cd1_print(&c[1], text)), &printed));
                double full = cd1_text_likeness(&c[0], &c[1]);
                double low = cd1_text_likeness(&c[0], &printed);
                sum[0] += full;
                squares[0] += full * full;
                sum[1] += low;
                squares[1] += low * low;
            }
            double mean = sum[0] / RUNS, sd = sqrt(squares[0] / RUNS - mean * mean);
            double mean4 = sum[1] / RUNS, sd4 = sqrt(squares[1] / RUNS - mean4 * mean4);
            double want = sqrt(truth * (1 - truth) / 64);
            assert_true(fabs(mean - truth) < 0.006);
            assert_true(J[k] == 0 || fabs(mean4 - truth) < 0.007); /* cut at 0 it cannot be fair */
            assert_true(J[k] > 0 || mean4 < 0.02);
            if (EACH[e] >= 200 && J[k] > 0) {
                assert_true(sd > 0.8 * want && sd < 1.15 * want);
                double p = 1.0 / 16 + truth * 15 / 16;
                double want4 = sqrt(p * (1 - p) / 64) * 16 / 15;
                assert_true(sd4 > 0.8 * want4 && sd4 < 1.15 * want4);
            } else if (J[k] > 0) {
                assert_true(sd < 2 * want); /* 44 lanes of 64 are copies */
            }
        }
    }
}

static void test_short(void **state)
{
    (void)state;
    struct cd1 a, b, c, none;
    sketch_text(S("Hello john, look at http://a.example.com/1 now"), S("john@example.org"), &a);
    sketch_text(S("Hello mary, look at http://b.example.org/2 now!"), S("mary@example.org"), &b);
    sketch_text(S("Hello mary, look at this now"), S("mary@example.org"), &c);
    sketch_text(S(" \n "), S(""), &none);
    assert_int_equal(a.kind, CD1_SHORT);
    assert_true(cd1_text_likeness(&a, &b) == 1.0);
    assert_in_range(cd1_text_likeness(&a, &c) * 100, 20, 50); /* 2 of 6 */
    struct cd1 d, e;
    sketch_text(S("Ticker: NGRB. Call your good broker now"), S(""), &d);
    sketch_text(S("Ticker: NGRB. Call your good broker on Monday"), S(""), &e);
    assert_int_equal(d.kind, CD1_SHORT);
    assert_in_range(cd1_text_likeness(&d, &e) * 100, 40, 80); /* 4 of 7 */
    round_trip(&d);
    assert_int_equal(none.kind, CD1_NONE);
    assert_true(cd1_text_likeness(&none, &none) == -1.0);
    assert_true(cd1_text_likeness(&none, &a) == -1.0);
    assert_true(cd1_call_likeness(&a, &none) == -1.0);
    assert_true(cd1_html_likeness(&a, &b) == -1.0);
    round_trip(&a);
    round_trip(&none);
}

/* Two pictures of one run: other noise, so another hash, and other random names. */
static void picture_mail(struct strbuf *b, const char *name, const char *data, const char *type)
{
    strbuf_clear(b);
    strbuf_printf(b,
                  "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n"
                  "--b\nContent-Type: text/html\n\n<html><body><a href=\"http://%s.example.com/\">"
                  "<img src=\"cid:1\"></a></body></html>\n--b\nContent-Type: %s; name=\"%s.gif\"\n"
                  "Content-Transfer-Encoding: base64\n\n%s\n--b--\n",
                  name, type, name, data);
}

static void test_shape(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct cd1 a, same, noise, other;
    static const char DATA[] = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    static const char NOISE[] = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRBB7";
    picture_mail(&b, "kqzx", DATA, "image/gif");
    sketch_mail(strbuf_slice(&b), S(""), &a);
    picture_mail(&b, "wpvj", DATA, "image/gif");
    sketch_mail(strbuf_slice(&b), S(""), &same);
    picture_mail(&b, "mdtb", NOISE, "image/gif");
    sketch_mail(strbuf_slice(&b), S(""), &noise);
    sketch_mail(S("Subject: x\nContent-Type: application/pdf; name=\"invoice 77.pdf\"\n"
                  "Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKJcfs\n"),
                S(""), &other);
    assert_int_equal(a.kind, CD1_SHAPE);
    assert_int_equal(other.kind, CD1_SHAPE);
    assert_int_equal(a.exact, same.exact);
    assert_int_not_equal(a.exact, noise.exact);
    assert_true(cd1_text_likeness(&a, &noise) > 0.5);
    assert_true(cd1_text_likeness(&a, &other) < 0.2);
    round_trip(&a);
    strbuf_free(&b);
}

/* What comes before a book's pages, or behind them, is like what comes before others, and like
 * nothing else. */
static void test_edges_survive_padding(void **state)
{
    (void)state;
    static const char TIP[] =
        "Market report for today: volume is building and insiders are buying. "
        "Call your broker on Monday.\n\n";
    struct strbuf b = STRBUF_INIT;
    struct cd1 c[3];
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t seed = 200 + i;
        strbuf_clear(&b);
        strbuf_add_cstr(&b, i < 2 ? TIP : "");
        book(&b, &seed, 150);
        sketch_text(strbuf_slice(&b), S(""), &c[i]);
        assert_int_equal(c[i].kind, CD1_TEXT);
    }
    assert_true(cd1_text_likeness(&c[0], &c[1]) < 0.3);
    assert_true(cd1_open_likeness(&c[0], &c[1]) > 0.6);
    assert_true(cd1_open_likeness(&c[0], &c[2]) < 0.2);
    sketch_text(S("too short"), S(""), &c[2]);
    assert_true(cd1_open_likeness(&c[0], &c[2]) == -1.0);
    assert_true(cd1_close_likeness(&c[0], &c[1]) < 0.2);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t seed = 210 + i;
        strbuf_clear(&b);
        book(&b, &seed, 150);
        strbuf_printf(&b, "\n\n%s", TIP);
        sketch_text(strbuf_slice(&b), S(""), &c[i]);
    }
    assert_true(cd1_close_likeness(&c[0], &c[1]) > 0.6);
    assert_true(cd1_open_likeness(&c[0], &c[1]) < 0.2);
    sketch_text(S("too short"), S(""), &c[2]);
    assert_true(cd1_close_likeness(&c[0], &c[2]) == -1.0);
    strbuf_free(&b);
}

/* The plain variant of an HTML text is not seen, and a link of HTML makes a call. */
static void test_html(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    struct cd1 c[2];
    static const char HTML[] =
        "<html><body><table><tr><td><b>Best prices</b> for you and all of your good friends today"
        "</td></tr></table><ul><li>now</li></ul><p>We ship <i>everything</i> that you want to <a "
        "href=\"http://e.example/"
        "\">every place</a> of this wide and wonderful world of ours</p></body></html>";
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t seed = 100 + i;
        strbuf_clear(&b);
        strbuf_add_cstr(&b, "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
                            "--b\nContent-Type: text/plain\n\n");
        book(&b, &seed, 100);
        strbuf_printf(&b, "\n--b\nContent-Type: text/html\n\n%s\n--b--\n", HTML);
        sketch_mail(strbuf_slice(&b), S(""), &c[i]);
    }
    assert_int_equal(c[0].kind, CD1_TEXT);
    assert_int_equal(c[0].exact, c[1].exact);
    assert_true(c[0].has_html && c[0].has_call);
    assert_true(cd1_html_likeness(&c[0], &c[1]) == 1.0);
    assert_true(cd1_call_likeness(&c[0], &c[1]) == 1.0);
    strbuf_free(&b);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char L64[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char L16[] = "0123456789abcdef";
    static const char *const BAD[] = {
        "",
        "CD1:",
        "CD1:n0",
        "CD1:x",
        "CD2:n",
        "cd1:n",
        "CD1:s5",
        "CD1:s5.0123456789abcdef",
        "CD1:s5.0123456789abcdef.-.-.-",
        "CD1:s2.0123456789ABCDEF.-.-.-.-.-",
        "CD1:s02.0123456789abcdef.-.-.-.-.-",
        "CD1:s12.0123456789abcdef.-.-.-.-.-",
        "CD1:s65536.0123456789abcdef.-.-.-.-.-",
        "CD1:s2.0123456789abcde.-.-.-.-.-",
        "CD1:t50.0123456789abcdef.-.-.-.-.-",
        "CD1:f0.0123456789abcdef.-.-.-.-.-",
        "CD1:s2.0123456789abcdef.-.-.-.-",
        "CD1:s2.0123456789abcdef.-.-.-.-.-.-",
        "CD1:s2.0123456789abcdef.-.-.-.-.- ",
        "CD1:s-2.0123456789abcdef.-.-.-.-.-",
    };
    struct cd1 c;
    char text[200];
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        assert_false(cd1_parse(slice_cstr(BAD[i]), &c));
    }
    static const struct {
        const char *head, *open;
        bool is_good;
    } made[] = {
        {"t50", L16, true}, {"t50", "-", false}, {"t50", "0123456789abcde", false},
        {"s5", L16, false}, {"s5", "-", true},   {"t11", L16, false},
        {"s2", "-", false}, {"f5", L16, false},  {"f5", "-", true},
    };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        (void)snprintf(text, sizeof text, "CD1:%s.0123456789abcdef.%s.%s.%s.-.-", made[i].head, L64,
                       made[i].open, made[i].open);
        assert_int_equal(cd1_parse(slice_cstr(text), &c), made[i].is_good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),          cmocka_unit_test(test_what_varies),
        cmocka_unit_test(test_different_texts), cmocka_unit_test(test_call_survives_padding),
        cmocka_unit_test(test_estimator),       cmocka_unit_test(test_short),
        cmocka_unit_test(test_shape),           cmocka_unit_test(test_html),
        cmocka_unit_test(test_parse_refuses),   cmocka_unit_test(test_edges_survive_padding),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
