/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address fields (RFC 5322 section 3.4 and 4.4), read the way clients show them. */
#include "core/limits.h"
#include "mail/mail.h"
#include "mail/parameter.h"

/* Steps over one quoted string, comment or character; quotes and comments that never end are
 * single characters. */
static size_t address_step(struct slice s, size_t i)
{
    char c = s.p[i];
    if (c == '"') {
        for (size_t j = i + 1; j < s.n; j++) {
            if (s.p[j] == '\\') {
                j++;
            } else if (s.p[j] == '"') {
                return j + 1;
            }
        }
    } else if (c == '(') {
        struct slice rest = cfws_skip(slice_sub(s, i, SIZE_MAX));
        size_t next = s.n - rest.n;
        return next > i ? next : i + 1;
    }
    return i + 1;
}

/* Steps with the memory that a quote never ends, so that hostile rows of quotes stay linear.
 * Comments are bounded by cfws_skip. */
struct address_scan {
    struct slice s;
    bool has_open_quote;
};

static size_t scan_step(struct address_scan *a, size_t i)
{
    char c = a->s.p[i];
    if (c == '"' && a->has_open_quote) {
        return i + 1;
    }
    size_t next = address_step(a->s, i);
    a->has_open_quote |= c == '"' && next == i + 1;
    return next;
}

/* The first address of the list with what stands around it; *rest is what follows its comma. */
static struct slice address_cut(struct slice *rest)
{
    struct address_scan a = {.s = *rest};
    bool is_in_angle = false;
    size_t i = 0;
    while (i < a.s.n) {
        char c = a.s.p[i];
        if (c == '<') {
            is_in_angle = true;
        } else if (c == '>') {
            is_in_angle = false;
        } else if ((c == ',' || c == ';') && !is_in_angle) {
            break;
        }
        i = scan_step(&a, i);
    }
    struct slice head = slice_sub(a.s, 0, i);
    *rest = slice_sub(a.s, i + 1, SIZE_MAX);
    return head;
}

/* "Group name: a@example.com, ..." without the group's name. */
static struct slice group_strip(struct slice s)
{
    struct address_scan a = {.s = s};
    for (size_t i = 0; i < s.n; i = scan_step(&a, i)) {
        if (s.p[i] == ':') {
            return slice_sub(s, i + 1, SIZE_MAX);
        }
        if (s.p[i] == '<' || s.p[i] == '@' || s.p[i] == ',' || s.p[i] == '[') {
            break;
        }
    }
    return s;
}

/* Quotes off, backslashes off, encoded words decoded. */
static struct slice phrase_decode(struct slice s, struct arena *arena)
{
    s = slice_trim(s);
    if (s.n && (memchr(s.p, '"', s.n) || memchr(s.p, '\\', s.n))) {
        char *out = arena_alloc(arena, s.n);
        size_t n = 0;
        bool is_quoted = false;
        for (size_t i = 0; out && i < s.n; i++) {
            if (s.p[i] == '"') {
                is_quoted = !is_quoted;
                continue;
            }
            i += is_quoted && s.p[i] == '\\' && i + 1 < s.n;
            out[n++] = s.p[i];
        }
        s = slice_of(out, n);
    }
    return slice_trim(header_decode(s, arena, NULL));
}

/* The last "@" outside quotes parts the two. */
static void addr_split(struct mailbox *m)
{
    struct address_scan a = {.s = m->addr};
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < m->addr.n; i = scan_step(&a, i)) {
        at = m->addr.p[i] == '@' ? i : at;
    }
    m->local = at == SIZE_MAX ? m->addr : slice_sub(m->addr, 0, at);
    m->domain = at == SIZE_MAX ? slice_of(NULL, 0) : slice_sub(m->addr, at + 1, SIZE_MAX);
}

/* Without angle brackets: the word with the "@", else the first word; a comment is the name. */
static void bare_read(struct mailbox *m, struct slice s, struct arena *arena)
{
    struct address_scan a = {.s = s};
    size_t start = 0;
    bool has_at = false, is_first = true;
    for (size_t i = 0; i < s.n && !has_at;) {
        if (ascii_is_space(s.p[i]) || s.p[i] == '(') {
            i = scan_step(&a, i);
            continue;
        }
        start = i;
        while (i < s.n && !ascii_is_space(s.p[i]) && s.p[i] != '(') {
            has_at |= s.p[i] == '@';
            i = scan_step(&a, i);
        }
        if (has_at || is_first) {
            m->addr = slice_sub(s, start, i - start);
        }
        is_first = false;
    }
    size_t open = slice_find_byte(s, '(');
    if (open < s.n) {
        struct slice comment = slice_sub(s, open + 1, SIZE_MAX);
        size_t close = slice_find_byte(comment, ')');
        if (close < comment.n) {
            m->name = phrase_decode(slice_sub(comment, 0, close), arena);
        }
    }
}

struct mailbox mailbox_first(struct slice value, struct arena *arena)
{
    struct mailbox m = {0};
    struct slice rest = group_strip(header_unfold(value, arena));
    struct slice s = {0};
    while (rest.n && !s.n) {
        s = slice_trim(address_cut(&rest));
    }
    struct address_scan a = {.s = s};
    size_t open = SIZE_MAX;
    for (size_t i = 0; i < s.n && open == SIZE_MAX;) {
        open = s.p[i] == '<' ? i : SIZE_MAX;
        i = scan_step(&a, i);
    }
    if (open == SIZE_MAX) {
        bare_read(&m, s, arena);
    } else {
        m.name = phrase_decode(slice_sub(s, 0, open), arena);
        struct slice inside = slice_sub(s, open + 1, SIZE_MAX);
        m.addr = slice_trim(slice_sub(inside, 0, slice_find_byte(inside, '>')));
        size_t colon = slice_find_byte(m.addr, ':');
        if (m.addr.n && m.addr.p[0] == '@' && colon < m.addr.n) {
            m.addr = slice_sub(m.addr, colon + 1, SIZE_MAX); /* a source route, RFC 5322 4.4 */
        }
    }
    addr_split(&m);
    return m;
}

size_t mailbox_count(struct slice value)
{
    struct slice rest = group_strip(slice_trim(slice_sub(value, 0, LIMIT_HEADER_VALUE_BYTES)));
    size_t count = 0;
    struct address_scan a = {.s = rest};
    bool is_in_angle = false, has_text = false;
    for (size_t i = 0; i < rest.n;) {
        char c = rest.p[i];
        if ((c == ',' || c == ';') && !is_in_angle) {
            count += has_text;
            has_text = false;
        } else if (!ascii_is_space(c)) {
            has_text = true;
            is_in_angle = c == '<' || (is_in_angle && c != '>');
        }
        i = scan_step(&a, i);
    }
    return count + has_text;
}
