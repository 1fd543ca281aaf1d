/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/mime_tree.h"

bool part_is_leaf(const struct mail *m, size_t i)
{
    return i + 1 >= m->part_count || m->parts[i + 1].parent != (int)i;
}

struct type_code {
    struct slice type;
    struct slice subtype; /* empty: any */
    char code;
};

static const struct type_code CODES[] = {
    {SLICE("text"), SLICE("plain"), 'p'},
    {SLICE("text"), SLICE("html"), 'h'},
    {SLICE("text"), SLICE("calendar"), 'c'},
    {SLICE("text"), {NULL, 0}, 't'},
    {SLICE("multipart"), SLICE("alternative"), 'a'},
    {SLICE("multipart"), SLICE("mixed"), 'm'},
    {SLICE("multipart"), SLICE("related"), 'r'},
    {SLICE("multipart"), SLICE("signed"), 's'},
    {SLICE("multipart"), SLICE("report"), 'R'},
    {SLICE("multipart"), SLICE("digest"), 'd'},
    {SLICE("multipart"), {NULL, 0}, 'y'},
    {SLICE("message"), SLICE("rfc822"), 'M'},
    {SLICE("message"), {NULL, 0}, 'n'},
    {SLICE("image"), {NULL, 0}, 'g'},
    {SLICE("audio"), {NULL, 0}, 'u'},
    {SLICE("video"), {NULL, 0}, 'v'},
    {SLICE("application"), SLICE("octet-stream"), 'o'},
    {SLICE("application"), SLICE("pdf"), 'P'},
    {SLICE("application"), SLICE("zip"), 'z'},
    {SLICE("application"), SLICE("x-zip-compressed"), 'z'},
    {SLICE("application"), SLICE("msword"), 'w'},
    {SLICE("application"), {NULL, 0}, 'x'},
};

static char part_code(const struct part *p)
{
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        if (slice_eq(p->type, CODES[i].type) &&
            (CODES[i].subtype.n == 0 || slice_eq(p->subtype, CODES[i].subtype))) {
            return CODES[i].code;
        }
    }
    return '?';
}

bool mime_tree_byte(char c)
{
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        if (c == CODES[i].code) {
            return true;
        }
    }
    return c == '?' || c == '(' || c == ')' || c == '+' || c == '~';
}

/* Parts are in pre-order, so one pass with the open levels counted by depth writes the tree. */
void mime_tree(const struct mail *m, struct shape_out *o)
{
    unsigned open = 0; /* brackets not yet closed: the depth of the part before, or one more */
    char last = 0;     /* the leaf just written at this level */
    for (size_t i = 0; i < m->part_count && !o->is_cut; i++) {
        const struct part *p = &m->parts[i];
        while (open > p->depth) {
            shape_put(o, ')');
            open--;
            last = 0;
        }
        char code = part_code(p);
        bool is_leaf = part_is_leaf(m, i);
        if (is_leaf && !part_is_multipart(p)) {
            if (code != last) {
                shape_put(o, code);
                last = code;
            } else if (o->n > 0 && o->p[o->n - 1] != '+') {
                shape_put(o, '+');
            }
            continue;
        }
        last = 0;
        shape_put(o, code);
        shape_put(o, '(');
        open++;
        if (is_leaf) {
            shape_put(o, ')');
            open--;
        }
    }
    for (; open > 0 && !o->is_cut; open--) {
        shape_put(o, ')');
    }
}
