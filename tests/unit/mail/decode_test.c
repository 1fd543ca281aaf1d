/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/decode.h"
#include "mail/mail.h"

#include <stdlib.h>

/* cmocka.h wants these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

typedef size_t (*decode_fn)(struct slice in, char *out, uint64_t *quirks);

/* Decodes into exactly the room that the header promises, from a block that ends with the input. */
static void decode_is(decode_fn decode, struct slice in, size_t room, struct slice want,
                      uint64_t quirks_want)
{
    char *block = malloc(in.n + (in.n == 0)), *out = malloc(room + (room == 0));
    assert_true(block && out);
    if (in.n) {
        memcpy(block, in.p, in.n);
    }
    uint64_t quirks = 0;
    size_t n = decode(slice_of(block, in.n), out, &quirks);
    if (!slice_eq(slice_of(out, n), want) || quirks != quirks_want) {
        fail_msg("\"%.*s\": got \"%.*s\" %llx, want \"%.*s\" %llx", SLICE_ARG(in), (int)n, out,
                 (unsigned long long)quirks, SLICE_ARG(want), (unsigned long long)quirks_want);
    }
    free(block);
    free(out);
}

#define B64 QUIRK_BIT(BASE64_BAD)
#define QPB QUIRK_BIT(QP_BAD)
#define UUB QUIRK_BIT(UU_BAD)

static void base64_cases(void **state)
{
    (void)state;
    static const struct {
        struct slice in, out;
        uint64_t quirks;
    } CASES[] = {
        {SLICE(""), SLICE(""), 0},
        {SLICE("Zg=="), SLICE("f"), 0},
        {SLICE("Zm8="), SLICE("fo"), 0},
        {SLICE("Zm9v"), SLICE("foo"), 0},
        {SLICE("Zm9vYmFy\r\n"), SLICE("foobar"), 0},
        {SLICE(" Z m\t9\r\nv "), SLICE("foo"), 0},
        {SLICE("Zg"), SLICE("f"), B64},
        {SLICE("Zm8"), SLICE("fo"), B64},
        {SLICE("Z"), SLICE(""), B64},
        {SLICE("Zg="), SLICE("f"), B64},
        {SLICE("Zg==="), SLICE("f"), B64},
        {SLICE("Z==="), SLICE(""), B64},
        {SLICE("===="), SLICE(""), B64},
        {SLICE("Zg==Zm9v"), SLICE("ffoo"), B64},
        {SLICE("Zg=\n=\nZm9v"), SLICE("ffoo"), B64},
        {SLICE("Zm!9v"), SLICE("foo"), B64},
        {SLICE("Zm9v\x80\xff"), SLICE("foo"), B64},
        {SLICE("Zm9v\0Zg=="), SLICE("foof"), B64},
        {SLICE("-_-_Zm9v"), SLICE("foo"), B64}, /* the URL alphabet is not mail's */
        {SLICE("//79+/A="), SLICE("\xff\xfe\xfd\xfb\xf0"), 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        decode_is(base64_decode, CASES[i].in, base64_room(CASES[i].in.n), CASES[i].out,
                  CASES[i].quirks);
    }
}

/* All byte values, all lengths, lines of every width: what is encoded comes back. */
static void base64_round_trip(void **state)
{
    (void)state;
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t n = 0; n < 300; n++) {
        uint8_t bytes[300];
        char text[900];
        size_t width = 1 + n % 79, column = 0, t = 0;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(i * 37 + n * 11);
        }
        for (size_t i = 0; i < n; i += 3) {
            uint32_t v = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (i + 2 < n ? bytes[i + 2] : 0);
            for (size_t k = 0; k < 4; k++) {
                text[t++] = i + k > n ? '=' : ALPHABET[v >> (18 - 6 * k) & 63];
                if (++column == width) {
                    text[t++] = '\n';
                    column = 0;
                }
            }
        }
        decode_is(base64_decode, slice_of(text, t), base64_room(t),
                  slice_of((const char *)bytes, n), 0);
    }
}

static void qp_cases(void **state)
{
    (void)state;
    static const struct {
        struct slice in, out;
        uint64_t quirks;
    } CASES[] = {
        {SLICE(""), SLICE(""), 0},
        {SLICE("plain text\r\n"), SLICE("plain text\r\n"), 0},
        {SLICE("=41=4a=4B"), SLICE("AJK"), 0},
        {SLICE("a=\nb=\r\nc"), SLICE("abc"), 0},
        {SLICE("a= \t\nb"), SLICE("ab"), 0},
        {SLICE("a=\rb"), SLICE("ab"), 0},
        {SLICE("a="), SLICE("a"), 0},
        {SLICE("a=  "), SLICE("a"), 0},
        {SLICE("a=4"), SLICE("a=4"), QPB},
        {SLICE("a=G1"), SLICE("a=G1"), QPB},
        {SLICE("==41"), SLICE("=A"), QPB},
        {SLICE("= x"), SLICE("= x"), QPB},
        {SLICE("a_b"), SLICE("a_b"), 0},
        {SLICE("=00"), SLICE("\0"), 0},
        {SLICE("caf\xe9"), SLICE("caf\xe9"), 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        decode_is(qp_decode, CASES[i].in, CASES[i].in.n, CASES[i].out, CASES[i].quirks);
    }
    decode_is(q_word_decode, S("a_b=5F=20c"), 10, S("a b_ c"), 0);
    decode_is(q_word_decode, S("a=\n"), 3, S("a=\n"), QPB);
}

static void uu_cases(void **state)
{
    (void)state;
    static const struct {
        struct slice in, out;
        uint64_t quirks;
    } CASES[] = {
        {SLICE("begin 644 f\n#0V%T\n`\nend\n"), SLICE("Cat"), 0},
        {SLICE("text\r\nbegin 644 f\r\n#0V%T\r\n \r\nend\r\nafter\r\n"), SLICE("Cat"), 0},
        {SLICE("begin 644 f\n#0V%T\n#0V%T\n`\nend"), SLICE("CatCat"), 0},
        {SLICE("begin 644 f\n!0P\n`\nend\n"), SLICE("C"), 0}, /* the bitless rest left out */
        {SLICE("begin 644 f\n\"0V$\n`\nend\n"), SLICE("Ca"), 0},
        {SLICE("begin 644 f\n#0V%T\n"), SLICE("Cat"), UUB},
        {SLICE("begin 644 f\nM0V%T\n`\nend\n"), SLICE("Cat"), UUB},
        {SLICE("begin 644 f\nM\n`\nend\n"), SLICE(""), UUB},
        {SLICE("begin 644 f\n\x80zz\n`\nend\n"), SLICE(""), UUB},
        {SLICE("begin 644 f\n##"), SLICE(""), UUB},
        {SLICE("no data at all\n"), SLICE(""), UUB},
        {SLICE("begin the story\n#0V%T\n"), SLICE(""), UUB},
        {SLICE(""), SLICE(""), UUB},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        decode_is(uu_decode, CASES[i].in, CASES[i].in.n, CASES[i].out, CASES[i].quirks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_cases),
        cmocka_unit_test(base64_round_trip),
        cmocka_unit_test(qp_cases),
        cmocka_unit_test(uu_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
