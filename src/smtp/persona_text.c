/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/persona_text.h"

#include "core/clock.h"
#include "core/hash.h"

enum { WORD_BYTES_MAX = 320, PIECES_MAX = 64 };

static const struct slice WORDS[WORD_COUNT] = {
    [WORD_HOST] = SLICE("host"),  [WORD_CLIENT] = SLICE("client"), [WORD_HELO] = SLICE("helo"),
    [WORD_FROM] = SLICE("from"),  [WORD_RCPT] = SLICE("rcpt"),     [WORD_LINE] = SLICE("line"),
    [WORD_VERB] = SLICE("verb"),  [WORD_SIZE] = SLICE("size"),     [WORD_BYTES] = SLICE("bytes"),
    [WORD_DATE] = SLICE("date"),  [WORD_TIME] = SLICE("time"),     [WORD_ID] = SLICE("id"),
    [WORD_LITERAL] = SLICE("\n"), /* never written in braces */
};

static enum persona_word word_by_name(struct slice name)
{
    for (enum persona_word w = WORD_HOST; w < WORD_COUNT; w++) {
        if (slice_eq(name, WORDS[w])) {
            return w;
        }
    }
    return WORD_LITERAL;
}

bool persona_text_compile(struct slice text, struct arena *arena, struct persona_text *out,
                          struct slice *bad)
{
    struct text_piece pieces[PIECES_MAX];
    size_t count = 0;
    *bad = S("");
    while (text.n > 0) {
        size_t open = slice_find_byte(text, '{');
        if (count + 2 > PIECES_MAX) {
            *bad = text;
            return false;
        }
        if (open > 0) {
            struct slice literal = arena_copy(arena, slice_sub(text, 0, open));
            if (!literal.p) {
                return false;
            }
            pieces[count++] = (struct text_piece){WORD_LITERAL, literal};
            text = slice_sub(text, open, text.n);
            continue;
        }
        size_t close = slice_find_byte(text, '}');
        struct slice name = slice_sub(text, 1, close - 1);
        enum persona_word word = word_by_name(name);
        if (close == text.n || word == WORD_LITERAL) {
            *bad = slice_sub(text, 0, close + 1);
            return false;
        }
        pieces[count++] = (struct text_piece){word, {NULL, 0}};
        text = slice_sub(text, close + 1, text.n);
    }
    struct text_piece *kept = arena_alloc(arena, (count + 1) * sizeof *kept);
    if (!kept) {
        return false;
    }
    memcpy(kept, pieces, count * sizeof *kept);
    out->pieces = kept;
    out->count = count;
    return true;
}

/* A client's words must not make lines of ours. */
static void print_word(struct slice word, struct strbuf *out)
{
    word = slice_sub(word, 0, WORD_BYTES_MAX);
    size_t from = out->n;
    strbuf_add(out, word);
    for (size_t i = from; i < out->n; i++) {
        unsigned char c = (unsigned char)out->p[i];
        if (c < 0x20 || c == 0x7f) {
            out->p[i] = '?';
        }
    }
}

static void print_number(uint64_t v, struct strbuf *out)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    strbuf_add(out, slice_of(digits + n, sizeof digits - n));
}

static void print_date(int64_t time_us, struct strbuf *out)
{
    static const char *const DAYS[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = time_us / 1000000, day = day_of(seconds), rest = seconds - day * 86400;
    int year = 0, month = 1, mday = 1;
    days_to_civil(day, &year, &month, &mday);
    strbuf_printf(out, "%s, %d %s %d %02d:%02d:%02d +0000", DAYS[((day % 7) + 7) % 7], mday,
                  MONTHS[month - 1], year, (int)(rest / 3600), (int)(rest / 60 % 60),
                  (int)(rest % 60));
}

/* splitmix64: queue ids must differ, not be secret. */
static uint64_t mix(uint64_t x)
{
    return hash_mix(x + 0x9e3779b97f4a7c15u);
}

static void print_id(const char *form, const struct persona_words *w, struct strbuf *out)
{
    static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char HEX[] = "0123456789abcdef";
    uint64_t state = mix(w->seed), bits = state;
    unsigned left = 10;
    for (const char *f = form; *f; f++) {
        if (left-- == 0) {
            state = bits = mix(state);
            left = 10;
        }
        unsigned base = *f == 'X' || *f == 'x' ? 16 : *f == '9' ? 10 : *f == 'b' ? 62 : 60;
        unsigned digit = (unsigned)(bits % base);
        if (strncmp(f, "{host}", 6) == 0) {
            print_word(w->host, out);
            f += 5;
        } else if (strncmp(f, "{time}", 6) == 0) {
            print_number((uint64_t)(w->time_us / 1000000), out);
            f += 5;
        } else if (*f == 'x') {
            strbuf_add_byte(out, HEX[digit]);
        } else if (*f == 'X' || *f == '9' || *f == 'b' || *f == 'c') {
            strbuf_add_byte(out, DIGITS[digit]);
        } else {
            strbuf_add_byte(out, *f);
            continue;
        }
        bits /= base;
    }
}

void persona_text_print(const struct persona_text *t, const struct persona_words *w,
                        const char *id_form, struct strbuf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        switch (t->pieces[i].word) {
        case WORD_LITERAL:
            strbuf_add(out, t->pieces[i].literal);
            break;
        case WORD_HOST:
            print_word(w->host, out);
            break;
        case WORD_CLIENT:
            print_word(w->client, out);
            break;
        case WORD_HELO:
            print_word(w->helo, out);
            break;
        case WORD_FROM:
            print_word(w->from, out);
            break;
        case WORD_RCPT:
            print_word(w->rcpt, out);
            break;
        case WORD_LINE:
            print_word(w->line, out);
            break;
        case WORD_VERB:
            print_word(w->verb, out);
            break;
        case WORD_SIZE:
            print_number(w->size, out);
            break;
        case WORD_BYTES:
            print_number(w->bytes, out);
            break;
        case WORD_DATE:
            print_date(w->time_us, out);
            break;
        case WORD_TIME:
            print_number((uint64_t)(w->time_us / 1000000), out);
            break;
        case WORD_ID:
            print_id(id_form, w, out);
            break;
        case WORD_COUNT:
            break;
        }
    }
}
