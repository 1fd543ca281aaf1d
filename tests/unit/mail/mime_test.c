/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MIME tree: golden samples, limits, and that nothing depends on where the bytes lie. */
#include "core/limits.h"
#include "core/strbuf.h"
#include "mail/mail.h"
#include "unit/mail/golden.h"

/* cmocka.h wants these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- golden ---- */

static void escaped_add(struct strbuf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c < ' ' || c > '~' || c == '\\') {
            strbuf_printf(b, "\\x%02x", c);
        } else {
            strbuf_add_byte(b, (char)c);
        }
    }
}

static void field_add(struct strbuf *b, const char *name, struct slice s)
{
    strbuf_printf(b, "  %s: ", name);
    escaped_add(b, s);
    strbuf_add_byte(b, '\n');
}

static void part_dump(struct strbuf *out, struct strbuf *diag, struct mail *m, size_t index)
{
    static const char *const CTES[] = {"7bit",   "8bit", "binary",  "quoted-printable",
                                       "base64", "uu",   "unknown", "none"};
    struct part *p = &m->parts[index];
    strbuf_printf(out, "part %zu in %d: %.*s/%.*s, %s%s\n", index, p->parent, SLICE_ARG(p->type),
                  SLICE_ARG(p->subtype), CTES[p->cte], p->is_attachment ? ", attachment" : "");
    for (size_t i = 0; i < p->header.count; i++) {
        const struct header *f = &p->header.fields[i];
        strbuf_add_cstr(out, "  ");
        escaped_add(out, f->name);
        strbuf_add_byte(out, '|');
        escaped_add(out, f->value);
        strbuf_add_byte(out, '\n');
    }
    field_add(out, "charset", p->charset);
    field_add(out, "boundary", p->boundary);
    field_add(out, "filename", p->filename);
    field_add(out, "decoded", part_decode(m, p));
    struct slice text = part_text(m, p);
    strbuf_add_cstr(out, "  text: ");
    strbuf_add(out, text);
    strbuf_add_cstr(out, "\n");
    strbuf_printf(diag, "part %zu:", index);
    for (unsigned q = 0; q < QUIRK_COUNT; q++) {
        if (p->quirks >> q & 1) {
            strbuf_printf(diag, " %s", quirk_name(q));
        }
    }
    strbuf_add_byte(diag, '\n');
}

static void mail_dump(struct strbuf *out, struct strbuf *diag, struct slice raw)
{
    struct mail m;
    arena_reset(arena);
    assert_int_equal(mail_parse(&m, raw, arena), OK);
    uint64_t quirks = 0;
    for (size_t i = 0; i < m.part_count; i++) {
        part_dump(out, diag, &m, i);
        quirks |= m.parts[i].quirks;
    }
    assert_true(quirks == m.quirks);
    assert_false(out->failed || diag->failed);
}

/* Compares with the golden file, or writes it when GOLDEN_WRITE is set. */
static bool golden_is(const char *name, const char *suffix, struct slice got)
{
    char path[1024];
    golden_path(path, sizeof path, name, suffix);
    if (getenv("GOLDEN_WRITE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
        assert_int_equal(fclose(f), 0);
        return true;
    }
    struct slice want = file_read(path);
    bool is_same = slice_eq(want, got);
    if (!is_same) {
        print_message("# %s%s: want\n%.*s# got\n%.*s", name, suffix, SLICE_ARG(want),
                      SLICE_ARG(got));
    }
    free((void *)(uintptr_t)want.p);
    return is_same;
}

static void golden_samples(void **state)
{
    (void)state;
    static struct golden samples[GOLDEN_MAX];
    size_t count = golden_load(samples), bad = 0;
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++) {
        struct strbuf out = STRBUF_INIT, diag = STRBUF_INIT;
        mail_dump(&out, &diag, samples[i].in);
        bad += !golden_is(samples[i].name, ".out", strbuf_slice(&out));
        bad += !golden_is(samples[i].name, ".diag", strbuf_slice(&diag));
        strbuf_free(&out);
        strbuf_free(&diag);
        free((void *)(uintptr_t)samples[i].in.p);
    }
    assert_int_equal(bad, 0);
}

/* The same bytes at every alignment, ending where their block ends: the sanitizer sees a read past
 * the end, and the result must be the same each time. */
static void place_does_not_matter(void **state)
{
    (void)state;
    static struct golden samples[GOLDEN_MAX];
    size_t count = golden_load(samples);
    for (size_t i = 0; i < count; i++) {
        struct strbuf first = STRBUF_INIT;
        for (size_t offset = 0; offset < 9; offset++) {
            struct slice in = samples[i].in;
            char *block = malloc(offset + in.n + (offset + in.n == 0));
            assert_non_null(block);
            if (in.n) {
                memcpy(block + offset, in.p, in.n);
            }
            struct strbuf got = STRBUF_INIT;
            mail_dump(&got, &got, slice_of(block + offset, in.n));
            if (offset == 0) {
                first = got;
            } else {
                assert_true(slice_eq(strbuf_slice(&first), strbuf_slice(&got)));
                strbuf_free(&got);
            }
            free(block);
        }
        strbuf_free(&first);
        free((void *)(uintptr_t)samples[i].in.p);
    }
}

/* Every prefix of every sample parses, reads nothing past its end and keeps its slices inside. */
static void every_prefix_parses(void **state)
{
    (void)state;
    static struct golden samples[GOLDEN_MAX];
    size_t count = golden_load(samples);
    for (size_t i = 0; i < count; i++) {
        size_t most = samples[i].in.n < 700 ? samples[i].in.n : 700;
        for (size_t n = 0; n < most; n++) {
            char *block = malloc(n + (n == 0));
            assert_non_null(block);
            memcpy(block, samples[i].in.p, n);
            struct mail m;
            arena_reset(arena);
            assert_int_equal(mail_parse(&m, slice_of(block, n), arena), OK);
            for (size_t k = 0; k < m.part_count; k++) {
                (void)part_text(&m, &m.parts[k]);
                assert_true(m.parts[k].body.p >= block);
                assert_true(m.parts[k].body.p + m.parts[k].body.n <= block + n);
            }
            free(block);
        }
        free((void *)(uintptr_t)samples[i].in.p);
    }
}

/* ---- limits ---- */

static struct mail parsed(const struct strbuf *b)
{
    struct mail m;
    arena_reset(arena);
    assert_false(b->failed);
    assert_int_equal(mail_parse(&m, strbuf_slice(b), arena), OK);
    return m;
}

static void limit_parts(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "Content-Type: multipart/mixed; boundary=b\n\n");
        for (int i = 1; i < LIMIT_MIME_PARTS + over; i++) { /* part 0 is the multipart */
            strbuf_printf(&b, "--b\n\npart %d\n", i);
        }
        strbuf_add_cstr(&b, "--b--\n");
        struct mail m = parsed(&b);
        assert_int_equal(m.part_count, LIMIT_MIME_PARTS + (over < 0 ? -1 : 0));
        assert_int_equal(!!(m.quirks & QUIRK_BIT(MIME_PARTS)), over > 0);
        assert_false(m.quirks & QUIRK_BIT(MIME_NO_CLOSE));
        strbuf_free(&b);
    }
}

static void limit_depth(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        int depth = LIMIT_MIME_DEPTH + over;
        for (int i = 0; i < depth; i++) {
            strbuf_printf(&b, "Content-Type: multipart/mixed; boundary=l%d\n\n--l%d\n", i, i);
        }
        strbuf_add_cstr(&b, "\ndeep\n");
        struct mail m = parsed(&b);
        assert_int_equal(m.part_count, depth + 1 - (over > 0));
        assert_int_equal(m.parts[m.part_count - 1].depth, depth - (over > 0));
        assert_int_equal(!!(m.quirks & QUIRK_BIT(MIME_DEPTH)), over > 0);
        strbuf_free(&b);
    }
}

static void limit_rfc822_depth(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 1000; i++) {
        strbuf_add_cstr(&b, "Content-Type: message/rfc822\n\n");
    }
    struct mail m = parsed(&b);
    assert_int_equal(m.part_count, LIMIT_MIME_DEPTH + 1);
    assert_true(m.quirks & QUIRK_BIT(MIME_DEPTH));
    strbuf_free(&b);
}

static void limit_boundary(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        char boundary[LIMIT_BOUNDARY_BYTES + 2];
        int n = LIMIT_BOUNDARY_BYTES + over;
        memset(boundary, 'x', sizeof boundary);
        struct strbuf b = STRBUF_INIT;
        strbuf_printf(&b, "Content-Type: multipart/mixed; boundary=%.*s\n\n--%.*s\n\nx\n--%.*s--\n",
                      n, boundary, n, boundary, n, boundary);
        struct mail m = parsed(&b);
        assert_int_equal(m.part_count, 2); /* longer ones work; they are marked */
        assert_int_equal(!!(m.quirks & QUIRK_BIT(MIME_BOUNDARY_LONG)), over > 0);
        strbuf_free(&b);
    }
}

static void limit_text(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "Content-Type: text/plain; charset=utf-8\n\n");
        size_t head = b.n;
        while (b.n - head + 2 <= (size_t)LIMIT_TEXT_BYTES - 2) {
            strbuf_add_cstr(&b, "\xc3\xa9");
        }
        strbuf_add_cstr(&b, over < 0 ? "x" : over ? "x\xc3\xa9" : "\xc3\xa9");
        struct mail m = parsed(&b);
        struct slice text = part_text(&m, &m.parts[0]);
        /* the character that does not fit whole is left out */
        assert_int_equal(text.n, LIMIT_TEXT_BYTES - (over != 0));
        assert_int_equal(!!(m.quirks & QUIRK_BIT(DECODE_LIMIT)), over > 0);
        assert_false(m.quirks & QUIRK_BIT(CHARSET_BAD));
        strbuf_free(&b);
    }
}

static void limit_decoded(void **state)
{
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct strbuf b = STRBUF_INIT;
        strbuf_add_cstr(&b, "Content-Transfer-Encoding: base64\n\nZm9vYmFy\n");
        struct mail m = parsed(&b);
        m.decoded_bytes = (size_t)LIMIT_DECODED_BYTES - 6 + (size_t)over; /* other parts' share */
        struct slice got = part_decode(&m, &m.parts[0]);
        assert_int_equal(got.n, over > 0 ? 5 : 6);
        assert_int_equal(!!(m.quirks & QUIRK_BIT(DECODE_LIMIT)), over > 0);
        assert_true(m.decoded_bytes <= LIMIT_DECODED_BYTES);
        strbuf_free(&b);
    }
}

/* ---- behaviour ---- */

static void second_call_is_free(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    strbuf_add_cstr(&b, "Content-Type: text/plain; charset=iso-8859-1\n"
                        "Content-Transfer-Encoding: base64\n\nY2Fm6Q==\n");
    struct mail m = parsed(&b);
    struct slice bytes = part_decode(&m, &m.parts[0]), text = part_text(&m, &m.parts[0]);
    size_t used = arena_used(arena), spent = m.decoded_bytes;
    assert_ptr_equal(part_decode(&m, &m.parts[0]).p, bytes.p);
    assert_ptr_equal(part_text(&m, &m.parts[0]).p, text.p);
    assert_int_equal(arena_used(arena), used);
    assert_int_equal(m.decoded_bytes, spent);
    assert_true(slice_eq(text, S("caf\xc3\xa9")));
    strbuf_free(&b);
}

static void nothing_is_copied(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    strbuf_add_cstr(&b, "Subject: a\n b\nContent-Type: text/plain\n\nbody\n");
    struct mail m = parsed(&b);
    const char *end = b.p + b.n;
    for (size_t i = 0; i < m.parts[0].header.count; i++) {
        const struct header *f = &m.parts[0].header.fields[i];
        assert_true(f->name.p >= b.p && f->name.p + f->name.n <= end);
        assert_true(f->value.p >= b.p && f->value.p + f->value.n <= end);
    }
    struct slice text = part_text(&m, &m.parts[0]);
    assert_true(text.p >= b.p && text.p + text.n == end);
    strbuf_free(&b);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    static const char RAW[] = "Content-Type: multipart/mixed; boundary=b\n\n"
                              "--b\nContent-Type: TEXT/PLAIN\nContent-Transfer-Encoding: base64\n\n"
                              "Zm9v\n--b\n\nx\n--b\n\nx\n--b\n\nx\n--b\n\nx\n--b--\n";
    for (size_t limit = 0; limit < 32768; limit += 112) {
        struct arena *small = arena_new(limit);
        assert_non_null(small);
        struct mail m;
        enum err e = mail_parse(&m, slice_cstr(RAW), small);
        assert_true(e == OK || e == ERR_NOMEM);
        for (size_t i = 0; e == OK && i < m.part_count; i++) {
            (void)part_text(&m, &m.parts[i]);
        }
        arena_free(small);
    }
}

/* A message made to be slow: thousands of lines that are nearly a delimiter of 16 levels. */
static void near_delimiters_are_linear(void **state)
{
    (void)state;
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < LIMIT_MIME_DEPTH; i++) {
        strbuf_printf(&b, "Content-Type: multipart/mixed; boundary=%063d\n\n--%063d\n", i, i);
    }
    strbuf_add_cstr(&b, "\n");
    for (int i = 0; i < 60000; i++) {
        strbuf_printf(&b, "--%062dx\n", 0);
    }
    struct mail m = parsed(&b);
    assert_int_equal(m.part_count, LIMIT_MIME_DEPTH + 1);
    strbuf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_samples),
        cmocka_unit_test(place_does_not_matter),
        cmocka_unit_test(every_prefix_parses),
        cmocka_unit_test(limit_parts),
        cmocka_unit_test(limit_depth),
        cmocka_unit_test(limit_rfc822_depth),
        cmocka_unit_test(limit_boundary),
        cmocka_unit_test(limit_text),
        cmocka_unit_test(limit_decoded),
        cmocka_unit_test(second_call_is_free),
        cmocka_unit_test(nothing_is_copied),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(near_delimiters_are_linear),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
