/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message-IDs, boundaries, dates, HELO names and the other values that get a shape or a class. */
#include "print/date_style.h"
#include "print/hd1_shape.h"
#include "print/helo.h"
#include "print/macro.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable_check(struct slice s, size_t max)
{
    assert(s.n <= max);
    for (size_t i = 0; i < s.n; i++) {
        assert(s.p[i] >= 0x20 && s.p[i] < 0x7f);
    }
}

static void text_shape(struct slice s, struct shape_out *o)
{
    shape_text(o, s);
}

static void type_shape(struct slice s, struct shape_out *o)
{
    shape_type(s, NULL, o);
}

/* The same by trying each row: the look-up's short cuts must not lose one. */
static const struct value_class *brute_force(const struct value_class *t, size_t n, struct slice s,
                                             struct slice right)
{
    for (size_t i = 0; i < n; i++) {
        if (s.n > 0 && (t[i].part.n == 0 || slice_iends(right, t[i].part)) &&
            shape_match(t[i].pattern, s, NULL)) {
            return &t[i];
        }
    }
    return NULL;
}

static void boundary_check(struct slice s, struct shape_out *o)
{
    const struct value_class *c = boundary_class(s);
    /* A class is a pattern that matches, so its shape is the pattern's and no class is lost twice.
     */
    const struct value_class *table;
    size_t n = boundary_classes(&table);
    assert(c == brute_force(table, n, s, s));
    boundary_shape(s, c, o);
}

static void msgid_check(struct slice s, struct shape_out *o)
{
    struct msgid id;
    struct windows_clock clock;
    struct msgid_words words = {slice_sub(s, 0, 5), slice_sub(s, 5, 5), {NULL, 0}, {NULL, 0}};
    if (!msgid_parse(s, &id)) {
        return;
    }
    assert(id.left.p >= s.p && id.left.p + id.left.n <= s.p + s.n);
    assert(id.right.p >= s.p && id.right.p + id.right.n <= s.p + s.n);
    assert(id.left.n + id.right.n <= id.text.n);
    const struct value_class *table;
    size_t n = msgid_classes(&table);
    assert(id.class == brute_force(table, n, id.left, id.right));
    assert(!msgid_clock(&id, &clock) || (id.class && strcmp(id.class->name, "outlook") == 0));
    assert(msgid_host_form(&id, words.rcpt_domain, words.rcpt_local));
    msgid_shape(&id, &words, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const SHAPES[])(struct slice, struct shape_out *) = {
        text_shape,  shape_words, shape_runs,     shape_address, type_shape,
        shape_trace, date_style,  boundary_check, msgid_check};
    struct slice s = slice_of((const char *)data, size);
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        char first[SHAPE_BYTES], again[SHAPE_BYTES];
        struct shape_out a = {first, 0, sizeof first, false}, b = {again, 0, sizeof again, false};
        SHAPES[i](s, &a);
        SHAPES[i](s, &b);
        assert(slice_eq(shape_end(&a), shape_end(&b)));
        printable_check(shape_end(&a), SHAPE_BYTES);
    }
    struct slice rest = s, helo = slice_cut(&rest, '\n');
    char form = helo_form(helo, rest, helo);
    assert(strchr("-LITPRMS", form) && (form == '-') == (helo.n == 0));
    struct slice macro = macro_find(s);
    assert(macro.n == 0 || (macro.p >= s.p && macro.p + macro.n <= s.p + s.n && macro.n > 3));
    assert(!mailer_class(s) || ascii_is_alnum(mailer_class(s)->code));
    return 0;
}
