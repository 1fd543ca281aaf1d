/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a persona file: findings stand inside the file; what is accepted has all its texts,
 * and each prints as whole reply lines whatever a client's words are. */
#include "smtp/persona.h"

#include "core/limits.h"

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("%s", #x);                                                                       \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses a buffer when a long plain or quoted scalar turns out malformed. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static void reply_is_whole(struct slice text, unsigned code)
{
    CHECK(slice_ends(text, S("\r\n")) && code >= 200 && code <= 599);
    while (text.n > 0) {
        struct slice line = slice_cut(&text, '\n');
        CHECK(line.n >= 5 && line.p[line.n - 1] == '\r');
        CHECK((line.p[3] == '-') == (text.n > 0) && (line.p[3] == ' ') == (text.n == 0));
        CHECK(memchr(line.p, '\r', line.n) == line.p + line.n - 1);
    }
}

static void persona_prints(const struct persona *p)
{
    struct slice odd = S("a\r\nb\0c\x7f\xff");
    struct persona_words w = {S("mx"), odd, odd, odd, odd, odd, odd, 1, 2, 1285891200000000, 3};
    struct strbuf out = STRBUF_INIT;
    for (enum reply_id r = 0; r < REPLY_COUNT; r++) {
        strbuf_clear(&out);
        unsigned code = persona_reply(p, r, &w, &out);
        reply_is_whole(strbuf_slice(&out), code);
    }
    strbuf_clear(&out);
    unsigned code = persona_ehlo(p, 0, false, &w, &out);
    reply_is_whole(strbuf_slice(&out), code);
    strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 20);
    struct findings findings = {.arena = arena, .file = "fuzz"};
    CHECK(arena);
    struct persona *p = persona_read(slice_of((const char *)data, size), &findings);
    CHECK(p || findings.count > 0 || findings.is_exhausted);
    for (size_t i = 0; i < findings.count; i++) {
        CHECK(findings.items[i].line >= 1 && findings.items[i].column >= 1);
    }
    if (p) {
        persona_prints(p);
    }
    persona_free(p);
    findings_free(&findings);
    arena_free(arena);
    return 0;
}
