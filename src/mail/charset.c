/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/charset.h"

#include "core/utf8.h"
#include "mail/mail.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>

enum charset_kind {
    KIND_ASCII,
    KIND_UTF8,
    KIND_GUESS,
    KIND_CP1252,
    KIND_SINGLE,
    KIND_MULTI,
    KIND_CODED
};

struct charset_row {
    const char *name;
    const char *iconv_name;
    enum charset_kind kind;
};

static const struct charset_row ROWS[] = {
#define CHARSET(name, iconv_name, kind) {name, iconv_name, KIND_##kind},
#include "mail/charset.def"
#undef CHARSET
};
enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0], NAME_BYTES = 32 };

static const struct charset_row GUESS = {"", "", KIND_GUESS};
static const char REPLACEMENT[] = "\xef\xbf\xbd";
enum { REPLACEMENT_BYTES = 3 };

/* ---- names ---- */

/* The key of charset.def; false when it is too long to be one. */
static bool name_fold(struct slice name, char out[NAME_BYTES])
{
    char folded[NAME_BYTES + 8];
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (ascii_is_alnum(name.p[i])) {
            if (n == NAME_BYTES - 1) {
                return false;
            }
            folded[n++] = ascii_lower(name.p[i]);
        }
    }
    struct slice s = slice_of(folded, n);
    if (s.n > 2 && s.p[0] == 'x') {
        s = slice_sub(s, 1, SIZE_MAX);
    }
    static const struct slice PAGES[] = {SLICE("windowscp"), SLICE("windows"), SLICE("win"),
                                         SLICE("mscp"),      SLICE("ms"),      SLICE("cs")};
    char *o = out;
    for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++) {
        struct slice rest = slice_sub(s, PAGES[i].n, SIZE_MAX);
        uint64_t page;
        if (slice_starts(s, PAGES[i]) && rest.n >= 3 && slice_to_u64(rest, &page)) {
            *o++ = 'c';
            *o++ = 'p';
            s = rest;
            break;
        }
    }
    memcpy(o, s.p, s.n);
    o[s.n] = '\0';
    return true;
}

static int row_compare(const void *key, const void *row)
{
    return strcmp(key, ((const struct charset_row *)row)->name);
}

static const struct charset_row *row_find(struct slice name)
{
    char key[NAME_BYTES + 2];
    if (!name_fold(name, key)) {
        return NULL;
    }
    const struct charset_row *row = bsearch(key, ROWS, ROW_COUNT, sizeof ROWS[0], row_compare);
    if (!row && slice_starts(slice_cstr(key), S("iso2022jp"))) {
        /* "_iso-2022-jp$ESC" and kin: what old Japanese mailers append */
        row = bsearch("iso2022jp", ROWS, ROW_COUNT, sizeof ROWS[0], row_compare);
    }
    return row;
}

bool charset_is_known(struct slice charset)
{
    return row_find(charset) != NULL;
}

/* ---- converters, one set a thread ---- */

struct glyph {
    uint8_t n; /* 0: no such character */
    char bytes[3];
};

/* One row's means of conversion: a table of the upper half, or an iconv descriptor. */
struct converter {
    const char *iconv_name;
    iconv_t cd;
    struct glyph *upper;
    size_t unit; /* bytes of a code unit, to pass over a bad one */
};

enum { CONVERTERS = 64 }; /* more than there are iconv names in charset.def */
struct converter_set {
    struct converter items[CONVERTERS];
    size_t count;
};

static pthread_key_t set_key;
static pthread_once_t set_once = PTHREAD_ONCE_INIT;
static bool set_key_made;
static _Thread_local struct converter_set *thread_set;

static void set_free(void *arg)
{
    struct converter_set *set = arg;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].cd != (iconv_t)-1) {
            iconv_close(set->items[i].cd);
        }
        free(set->items[i].upper);
    }
    free(set);
}

static void set_key_make(void)
{
    set_key_made = pthread_key_create(&set_key, set_free) == 0;
}

static struct converter_set *set_get(void)
{
    if (!thread_set) {
        (void)pthread_once(&set_once, set_key_make);
        struct converter_set *set = calloc(1, sizeof *set);
        if (set && (!set_key_made || pthread_setspecific(set_key, set) != 0)) {
            free(set);
            set = NULL;
        }
        thread_set = set;
    }
    return thread_set;
}

/* The upper half of a single-byte charset, asked of iconv one byte at a time. */
static struct glyph *upper_from_iconv(iconv_t cd)
{
    struct glyph *upper = calloc(128, sizeof *upper);
    for (unsigned i = 0; upper && i < 128; i++) {
        char in = (char)(128 + i), out[8];
        char *from = &in, *to = out;
        size_t from_n = 1, to_n = sizeof out;
        size_t r = iconv(cd, &from, &from_n, &to, &to_n);
        /* Some converters hold a base letter back for a combining mark: ask for it. */
        if (r != (size_t)-1) {
            (void)iconv(cd, NULL, NULL, &to, &to_n);
        } else {
            (void)iconv(cd, NULL, NULL, NULL, NULL);
        }
        size_t n = sizeof out - to_n;
        if (r != (size_t)-1 && !from_n && n && n <= sizeof upper[i].bytes) {
            upper[i].n = (uint8_t)n;
            memcpy(upper[i].bytes, out, n);
        }
    }
    return upper;
}

/* windows-1252 needs no iconv; its five holes are no characters. */
static struct glyph *upper_cp1252(void)
{
    static const uint16_t LOW[32] = {
        0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};
    struct glyph *upper = calloc(128, sizeof *upper);
    for (unsigned i = 0; upper && i < 128; i++) {
        uint32_t c = i < 32 ? LOW[i] : 128 + i;
        char out[4];
        if (c) {
            upper[i].n = (uint8_t)utf8_encode(c, out);
            memcpy(upper[i].bytes, out, sizeof upper[i].bytes);
        }
    }
    return upper;
}

static struct converter *converter_get(const struct charset_row *row)
{
    struct converter_set *set = set_get();
    if (!set) {
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i].iconv_name, row->iconv_name) == 0) {
            return &set->items[i];
        }
    }
    if (set->count == CONVERTERS) {
        return NULL;
    }
    struct converter *c = &set->items[set->count];
    *c = (struct converter){.iconv_name = row->iconv_name, .cd = (iconv_t)-1, .unit = 1};
    struct slice name = slice_cstr(row->iconv_name);
    if (slice_starts(name, S("UTF-16")) || slice_starts(name, S("UTF-32"))) {
        c->unit = name.p[4] == '1' ? 2 : 4;
    }
    if (row->kind == KIND_CP1252) {
        c->upper = upper_cp1252();
    } else {
        c->cd = iconv_open("UTF-8", row->iconv_name);
        if (row->kind == KIND_SINGLE && c->cd != (iconv_t)-1) {
            c->upper = upper_from_iconv(c->cd);
            iconv_close(c->cd);
            c->cd = (iconv_t)-1;
        }
    }
    set->count++; /* also a failure is remembered */
    return c;
}

/* ---- UTF-8 ---- */

size_t utf8_prefix(struct slice s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    size_t i = ascii_prefix(s);
    while (i < s.n) {
        uint8_t c = p[i];
        size_t left = s.n - i;
        if (c < 0x80) {
            i++;
            if (left > 8 && p[i] < 0x80 && p[i + 1] < 0x80) {
                i += ascii_prefix(slice_sub(s, i, SIZE_MAX));
            }
        } else if (c >= 0xc2 && c < 0xe0 && left >= 2 && (p[i + 1] & 0xc0) == 0x80) {
            i += 2;
        } else if (c >= 0xe0 && c < 0xf0 && left >= 3 && (p[i + 1] & 0xc0) == 0x80 &&
                   (p[i + 2] & 0xc0) == 0x80 && (c != 0xe0 || p[i + 1] >= 0xa0) &&
                   (c != 0xed || p[i + 1] < 0xa0)) {
            i += 3;
        } else {
            uint32_t code_point;
            size_t n = utf8_sequence(slice_sub(s, i, 4), &code_point);
            if (!n) {
                break;
            }
            i += n;
        }
    }
    return i;
}

/* At most `max` bytes of what is valid UTF-8 up to there, not inside a character: as utf8_cut(),
 * but of what is not valid no more than a character gets lost. */
static struct slice text_cut(struct slice s, size_t max, uint64_t *quirks)
{
    if (s.n <= max) {
        return s;
    }
    *quirks |= QUIRK_BIT(DECODE_LIMIT);
    size_t n = max;
    while (n && ((uint8_t)s.p[n] & 0xc0) == 0x80 && max - n < 3) {
        n--;
    }
    return slice_of(s.p, n);
}

struct out {
    char *p;
    size_t n, max; /* max: bytes_max or the room, whichever is less */
    bool is_full;
};

static void out_add(struct out *o, const char *p, size_t n)
{
    if (o->is_full || n > o->max - o->n) {
        o->is_full = true;
        return;
    }
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

/* Bytes of an ill-formed sequence that become one U+FFFD (Unicode section 3.9: maximal subpart). */
static size_t utf8_bad_bytes(struct slice s)
{
    uint8_t c = (uint8_t)s.p[0];
    if (c < 0xc2 || c > 0xf4 || s.n < 2) {
        return 1;
    }
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    uint8_t second = (uint8_t)s.p[1];
    if (c < 0xe0 || second < low || second > high) {
        return 1;
    }
    return c >= 0xf0 && s.n >= 3 && ((uint8_t)s.p[2] & 0xc0) == 0x80 ? 3 : 2;
}

static struct slice out_end(struct out *o, struct arena *arena, uint64_t *quirks)
{
    if (o->is_full) {
        *quirks |= QUIRK_BIT(DECODE_LIMIT);
    }
    (void)!arena_resize_last(arena, o->p, o->n);
    return slice_of(o->p, o->n);
}

static struct slice utf8_repair(struct slice in, size_t bytes_max, struct arena *arena,
                                uint64_t *quirks)
{
    *quirks |= QUIRK_BIT(CHARSET_BAD);
    size_t room = in.n < bytes_max / REPLACEMENT_BYTES ? in.n * REPLACEMENT_BYTES : bytes_max;
    struct out o = {.p = arena_alloc(arena, room), .max = room};
    if (!o.p) {
        *quirks |= QUIRK_BIT(DECODE_LIMIT);
        return slice_of(NULL, 0);
    }
    while (in.n && !o.is_full) {
        size_t good = utf8_prefix(slice_sub(in, 0, bytes_max - o.n + 4));
        struct slice run = slice_sub(in, 0, good);
        if (good > o.max - o.n) {
            run = text_cut(run, o.max - o.n, quirks);
            o.is_full = true;
            memcpy(o.p + o.n, run.p, run.n);
            o.n += run.n;
            break;
        }
        out_add(&o, run.p, run.n);
        in = slice_sub(in, good, SIZE_MAX);
        if (in.n) {
            out_add(&o, REPLACEMENT, REPLACEMENT_BYTES);
            in = slice_sub(in, utf8_bad_bytes(in), SIZE_MAX);
        }
    }
    return out_end(&o, arena, quirks);
}

/* ---- single bytes ---- */

static struct slice single_convert(struct slice in, const struct glyph *upper, size_t bytes_max,
                                   struct arena *arena, uint64_t *quirks)
{
    size_t high = 0;
    in = slice_sub(in, 0, bytes_max + 1); /* each byte gives one or more */
    for (size_t i = 0; i < in.n; i++) {
        high += (uint8_t)in.p[i] >> 7;
    }
    size_t need = in.n + 2 * high;
    struct out o = {.p = arena_alloc(arena, need + 4), .max = need};
    if (!o.p) {
        *quirks |= QUIRK_BIT(DECODE_LIMIT);
        return slice_of(NULL, 0);
    }
    char *to = o.p;
    bool is_bad = false;
    for (const char *p = in.p, *end = p + in.n; p < end;) {
        uint64_t word;
        if (end - p >= 8 && (memcpy(&word, p, 8), !(word & UINT64_C(0x8080808080808080)))) {
            memcpy(to, p, 8);
            to += 8;
            p += 8;
            continue;
        }
        uint8_t c = (uint8_t)*p++;
        if (c < 0x80) {
            *to++ = (char)c;
            continue;
        }
        const struct glyph *g = &upper[c - 128];
        memcpy(to, g->n ? g->bytes : REPLACEMENT, 3);
        to += g->n ? g->n : REPLACEMENT_BYTES;
        is_bad |= !g->n;
    }
    o.n = (size_t)(to - o.p);
    *quirks |= is_bad ? QUIRK_BIT(CHARSET_BAD) : 0;
    struct slice text = text_cut(slice_of(o.p, o.n), bytes_max, quirks);
    (void)!arena_resize_last(arena, o.p, text.n);
    return text;
}

/* ---- iconv ---- */

static bool out_grow(struct out *o, size_t bytes_max, struct arena *arena)
{
    size_t room = o->max < bytes_max / 2 ? o->max * 2 : bytes_max;
    if (room == o->max) {
        return false;
    }
    if (!arena_resize_last(arena, o->p, room)) {
        char *p = arena_alloc(arena, room);
        if (!p) {
            return false;
        }
        memcpy(p, o->p, o->n);
        o->p = p;
    }
    o->max = room;
    return true;
}

static struct slice iconv_convert(struct slice in, const struct converter *c, size_t bytes_max,
                                  struct arena *arena, uint64_t *quirks)
{
    size_t room = in.n < bytes_max / 4 ? in.n * 2 + 16 : bytes_max;
    struct out o = {.p = arena_alloc(arena, room), .max = room};
    if (!o.p) {
        *quirks |= QUIRK_BIT(DECODE_LIMIT);
        return slice_of(NULL, 0);
    }
    (void)iconv(c->cd, NULL, NULL, NULL, NULL);
    char *from;
    memcpy(&from, &in.p, sizeof from); /* iconv reads through a pointer it declares writable */
    size_t from_n = in.n;
    while (from_n || !o.is_full) {
        char *to = o.p + o.n;
        size_t to_n = o.max - o.n;
        bool is_last = !from_n;
        size_t r = is_last ? iconv(c->cd, NULL, NULL, &to, &to_n)
                           : iconv(c->cd, &from, &from_n, &to, &to_n);
        int why = r == (size_t)-1 ? errno : 0;
        o.n = (size_t)(to - o.p);
        if (why == E2BIG) {
            if (!out_grow(&o, bytes_max, arena)) {
                o.is_full = true;
                break;
            }
        } else if (why) {
            *quirks |= QUIRK_BIT(CHARSET_BAD);
            if (REPLACEMENT_BYTES > o.max - o.n && !out_grow(&o, bytes_max, arena)) {
                o.is_full = true;
                break;
            }
            out_add(&o, REPLACEMENT, REPLACEMENT_BYTES);
            size_t skip = why == EINVAL || from_n < c->unit ? from_n : c->unit;
            from += skip;
            from_n -= skip;
        }
        if (is_last && why != E2BIG) {
            break;
        }
    }
    return out_end(&o, arena, quirks);
}

/* ---- all ---- */

static struct slice convert_with(const struct charset_row *row, struct slice in, size_t bytes_max,
                                 struct arena *arena, uint64_t *quirks)
{
    const struct converter *c = converter_get(row);
    if (c && c->upper) {
        return single_convert(in, c->upper, bytes_max, arena, quirks);
    }
    if (c && c->cd != (iconv_t)-1) {
        return iconv_convert(in, c, bytes_max, arena, quirks);
    }
    /* This system's iconv does not have it. */
    *quirks |= QUIRK_BIT(CHARSET_UNKNOWN);
    return utf8_repair(in, bytes_max, arena, quirks);
}

struct slice charset_to_utf8(struct slice in, struct slice charset, size_t bytes_max,
                             struct arena *arena, uint64_t *quirks)
{
    const struct charset_row *row = charset.n ? row_find(charset) : &GUESS;
    if (!row) {
        *quirks |= QUIRK_BIT(CHARSET_UNKNOWN);
        row = &GUESS;
    }
    if (row->kind != KIND_CODED) {
        /* One byte past what is wanted is enough to know that there is more. */
        struct slice head = slice_sub(in, 0, bytes_max + 4);
        size_t ascii = ascii_prefix(head);
        if (ascii == head.n) {
            return text_cut(head, bytes_max, quirks);
        }
        if (row->kind == KIND_UTF8 || row->kind == KIND_GUESS || row->kind == KIND_ASCII) {
            /* Cut first, so that what stands behind the limit does not decide. */
            struct slice cut = head.n < in.n ? text_cut(head, bytes_max + 1, quirks) : head;
            bool is_valid = utf8_prefix(cut) == cut.n;
            if (row->kind == KIND_ASCII || (row->kind == KIND_GUESS && !charset.n)) {
                *quirks |= QUIRK_BIT(CHARSET_BAD); /* 8-bit bytes where 7 bits were promised */
            }
            if (is_valid) {
                return text_cut(cut, bytes_max, quirks);
            }
            if (row->kind == KIND_UTF8) {
                return utf8_repair(in, bytes_max, arena, quirks);
            }
            static const struct charset_row WESTERN = {"cp1252", "", KIND_CP1252};
            row = &WESTERN;
        }
    }
    return convert_with(row, in, bytes_max, arena, quirks);
}
