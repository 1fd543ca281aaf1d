/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/value_class.h"

#include "print/shape.h"

#include <pthread.h>

static const struct value_class MSGIDS[] = {
#define MSGID(code, name, left, right, doc) {code, name, left, SLICE(right), doc},
#include "print/msgid_class.def"
#undef MSGID
};

static const struct value_class BOUNDARIES[] = {
#define BOUNDARY(code, name, pattern, doc) {code, name, pattern, SLICE(""), doc},
#include "print/boundary_class.def"
#undef BOUNDARY
};

static const struct value_class MAILERS[] = {
#define MAILER(code, name, prefix, part) {code, name, prefix, SLICE(part), ""},
#include "print/mailer_class.def"
#undef MAILER
};

static const struct {
    char code;
    struct slice name;
} CHARSETS[] = {
#define CHARSET(code, name) {code, SLICE(name)},
#include "print/charset.def"
#undef CHARSET
};

#define ROWS(t) (sizeof(t) / sizeof(t)[0])

/* For each first byte the rows that can match, as bits, and each row's lead: most values are tried
 * against one or two patterns instead of sixty. */
enum { DISPATCH_ROWS = 128 };
_Static_assert(ROWS(MSGIDS) <= DISPATCH_ROWS && ROWS(BOUNDARIES) <= DISPATCH_ROWS &&
                   ROWS(MAILERS) <= DISPATCH_ROWS,
               "a class table has too many rows");
struct dispatch {
    uint64_t rows[256][DISPATCH_ROWS / 64];
    struct shape_lead leads[DISPATCH_ROWS];
};
static struct dispatch msgid_rows, boundary_rows, mailer_rows;
static pthread_once_t dispatch_once = PTHREAD_ONCE_INIT;

static void dispatch_put(struct dispatch *d, size_t row, unsigned char c)
{
    d->rows[c][row / 64] |= UINT64_C(1) << row % 64;
}

static void dispatch_patterns(struct dispatch *d, const struct value_class *t, size_t n)
{
    for (size_t row = 0; row < n; row++) {
        d->leads[row] = shape_pattern_lead(t[row].pattern);
        for (unsigned c = 0; c < 256; c++) {
            if (shape_match_starts(t[row].pattern, (unsigned char)c)) {
                dispatch_put(d, row, (unsigned char)c);
            }
        }
    }
}

static void dispatch_make(void)
{
    dispatch_patterns(&msgid_rows, MSGIDS, ROWS(MSGIDS));
    dispatch_patterns(&boundary_rows, BOUNDARIES, ROWS(BOUNDARIES));
    for (size_t row = 0; row < ROWS(MAILERS); row++) {
        char c = MAILERS[row].pattern[0];
        dispatch_put(&mailer_rows, row, (unsigned char)c);
        dispatch_put(&mailer_rows, row, (unsigned char)ascii_lower(c));
    }
}

/* The next candidate row at or after `row`, or SIZE_MAX. */
static size_t dispatch_next(const uint64_t rows[DISPATCH_ROWS / 64], size_t row)
{
    for (size_t word = row / 64; word < DISPATCH_ROWS / 64; word++) {
        uint64_t bits = rows[word] & (word == row / 64 ? ~UINT64_C(0) << row % 64 : ~UINT64_C(0));
        if (bits) {
            return word * 64 + (size_t)__builtin_ctzll(bits);
        }
    }
    return SIZE_MAX;
}

const struct value_class *msgid_class(struct slice left, struct slice right)
{
    pthread_once(&dispatch_once, dispatch_make);
    if (left.n == 0) {
        return NULL;
    }
    const uint64_t *rows = msgid_rows.rows[(unsigned char)left.p[0]];
    struct shape_lead lead = shape_text_lead(left);
    for (size_t i = dispatch_next(rows, 0); i < ROWS(MSGIDS); i = dispatch_next(rows, i + 1)) {
        const struct value_class *c = &MSGIDS[i];
        if (shape_lead_fits(msgid_rows.leads[i], lead) &&
            (c->part.n == 0 || slice_iends(right, c->part)) &&
            shape_match(c->pattern, left, NULL)) {
            return c;
        }
    }
    return NULL;
}

const struct value_class *boundary_class(struct slice boundary)
{
    pthread_once(&dispatch_once, dispatch_make);
    if (boundary.n == 0) {
        return NULL;
    }
    const uint64_t *rows = boundary_rows.rows[(unsigned char)boundary.p[0]];
    struct shape_lead lead = shape_text_lead(boundary);
    for (size_t i = dispatch_next(rows, 0); i < ROWS(BOUNDARIES); i = dispatch_next(rows, i + 1)) {
        if (shape_lead_fits(boundary_rows.leads[i], lead) &&
            shape_match(BOUNDARIES[i].pattern, boundary, NULL)) {
            return &BOUNDARIES[i];
        }
    }
    return NULL;
}

const struct value_class *mailer_class(struct slice mailer)
{
    pthread_once(&dispatch_once, dispatch_make);
    if (mailer.n == 0) {
        return NULL;
    }
    const uint64_t *rows = mailer_rows.rows[(unsigned char)mailer.p[0]];
    for (size_t i = dispatch_next(rows, 0); i < ROWS(MAILERS); i = dispatch_next(rows, i + 1)) {
        const struct value_class *c = &MAILERS[i];
        if (slice_istarts(mailer, slice_cstr(c->pattern)) &&
            (c->part.n == 0 || slice_ifind(slice_sub(mailer, 0, 512), c->part) != SIZE_MAX)) {
            return c;
        }
    }
    return NULL;
}

char charset_code(struct slice charset)
{
    if (charset.n == 0) {
        return CLASS_CODE_NONE;
    }
    for (size_t i = 0; i < ROWS(CHARSETS); i++) {
        if (slice_eq(charset, CHARSETS[i].name)) {
            return CHARSETS[i].code;
        }
    }
    return CLASS_CODE_OTHER;
}

size_t msgid_classes(const struct value_class **out)
{
    *out = MSGIDS;
    return ROWS(MSGIDS);
}

size_t boundary_classes(const struct value_class **out)
{
    *out = BOUNDARIES;
    return ROWS(BOUNDARIES);
}

size_t mailer_classes(const struct value_class **out)
{
    *out = MAILERS;
    return ROWS(MAILERS);
}
