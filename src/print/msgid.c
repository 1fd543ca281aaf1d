/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/msgid.h"

#include "core/ip.h"

bool msgid_parse(struct slice value, struct msgid *out)
{
    struct slice s = slice_trim(value);
    *out = (struct msgid){.text = s};
    if (s.n == 0) {
        return false;
    }
    struct slice id = s;
    if (s.p[0] == '<') {
        size_t close = slice_find_byte(s, '>');
        out->has_brackets = close < s.n;
        out->is_bad = close + 1 < s.n; /* text behind it: "(added by ...)" */
        id = slice_sub(s, 1, (close < s.n ? close : s.n) - 1);
    }
    size_t at = id.n;
    while (at > 0 && id.p[at - 1] != '@') {
        at--;
    }
    if (at == 0) {
        out->left = id;
        out->right = slice_sub(id, id.n, 0);
        out->is_bad = true;
    } else {
        out->left = slice_sub(id, 0, at - 1);
        out->right = slice_sub(id, at, id.n);
        out->is_bad |= slice_find_byte(out->left, '@') < out->left.n || out->right.n == 0;
    }
    out->is_bad |= !out->has_brackets;
    out->class = msgid_class(out->left, out->right);
    return true;
}

static bool host_is_ip(struct slice host)
{
    struct ip ip;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = slice_sub(host, 1, host.n - 2);
    }
    return ip_parse(host, &ip);
}

/* Free text with the first of the words that stands in it, and so on, as a letter. */
static void masked_shape(struct shape_out *o, struct slice s, const struct msgid_words *w)
{
    const struct {
        struct slice word;
        char letter;
    } masks[] = {
        {w->rcpt_local, 'R'}, {w->rcpt_domain, 'D'}, {w->from_local, 'F'}, {w->from_domain, 'E'}};
    enum { WORD_MIN = 4, LEFT_MAX = 512 }; /* shorter words are found in anything */
    s = slice_sub(s, 0, LEFT_MAX);
    while (s.n > 0) {
        size_t first = SIZE_MAX, which = 0;
        for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
            size_t at = masks[i].word.n < WORD_MIN ? SIZE_MAX : slice_ifind(s, masks[i].word);
            if (at < first) {
                first = at;
                which = i;
            }
        }
        if (first == SIZE_MAX) {
            shape_text(o, s);
            return;
        }
        shape_text(o, slice_sub(s, 0, first));
        shape_put(o, masks[which].letter);
        s = slice_sub(s, first + masks[which].word.n, s.n);
    }
}

void msgid_shape(const struct msgid *m, const struct msgid_words *w, struct shape_out *o)
{
    if (!m->has_brackets) {
        shape_put(o, '!');
    }
    if (!m->class || !shape_match(m->class->pattern, m->left, o)) {
        masked_shape(o, m->left, w);
    }
    if (m->right.n == 0 && m->left.p + m->left.n == m->right.p) {
        return; /* no @ at all */
    }
    shape_put(o, '@');
    if (m->right.n == 0) {
        return;
    }
    if (host_is_ip(m->right)) {
        shape_put_slice(o, S("ip"));
    } else if (slice_find_byte(m->right, '.') < m->right.n) {
        shape_put_slice(o, S("host"));
    } else {
        shape_put_slice(o, S("label"));
    }
}

const char *msgid_host_form(const struct msgid *m, struct slice from_domain,
                            struct slice from_local)
{
    if (m->right.n == 0) {
        return "empty";
    }
    if (host_is_ip(m->right)) {
        return "ip";
    }
    if (from_domain.n > 0 && slice_ieq(m->right, from_domain)) {
        return "from-domain";
    }
    if (from_local.n > 0 && slice_ieq(m->right, from_local)) {
        return "from-local";
    }
    return slice_find_byte(m->right, '.') < m->right.n ? "fqdn" : "label";
}

void boundary_shape(struct slice boundary, const struct value_class *c, struct shape_out *o)
{
    if (!c || !shape_match(c->pattern, boundary, o)) {
        shape_text(o, boundary);
    }
}

static bool hex8(struct slice s, size_t at, uint32_t *out)
{
    uint32_t v = 0;
    if (s.n < at + 8) {
        return false;
    }
    for (size_t i = at; i < at + 8; i++) {
        int digit = ascii_hex(s.p[i]);
        if (digit < 0) {
            return false;
        }
        v = v << 4 | (uint32_t)digit;
    }
    *out = v;
    return true;
}

bool msgid_clock(const struct msgid *m, struct windows_clock *out)
{
    return m->class && m->class->code == 'o' && hex8(m->left, 4, &out->high) &&
           hex8(m->left, 13, &out->low);
}

bool boundary_clock(struct slice boundary, struct windows_clock *out)
{
    /* From the end, so that the forms of Outlook and of Exchange are one. */
    if (boundary.n < 17 || slice_find(slice_sub(boundary, 0, 16), S("_NextPart_")) == SIZE_MAX) {
        return false;
    }
    size_t at = boundary.n - 17;
    return boundary.p[at + 8] == '.' && hex8(boundary, at, &out->high) &&
           hex8(boundary, at + 9, &out->low);
}

int64_t windows_clock_at(int64_t t)
{
    /* In 128 bits, so that no date of a hostile message overflows. */
    __int128 ticks = ((__int128)t + INT64_C(11644473600)) * 10000000; /* 1601 to 1970, 100 ns */
    return (int64_t)(ticks >> 32);
}

static bool clock_near(struct windows_clock c, int64_t t)
{
    int64_t off = (int64_t)c.high - windows_clock_at(t);
    return off < WINDOWS_CLOCK_TOLERANCE && off > -WINDOWS_CLOCK_TOLERANCE;
}

bool windows_clock_check(struct windows_clock c, bool has_date, int64_t date, bool has_received,
                         int64_t received, enum clock_state *out)
{
    if (!has_date && !has_received) {
        return false;
    }
    if ((has_date && clock_near(c, date)) || (has_received && clock_near(c, received))) {
        *out = CLOCK_STATE_OK;
        return true;
    }
    int64_t expected = windows_clock_at(has_date ? date : received);
    *out = (int64_t)c.high <= expected - WINDOWS_CLOCK_OLD ? CLOCK_STATE_OLD : CLOCK_STATE_OFF;
    return true;
}

bool windows_clock_collides(struct windows_clock id, struct windows_clock boundary,
                            int zone_minutes)
{
    if (boundary.low == id.low && boundary.low != 0) {
        return true;
    }
    return boundary.high == id.high && (zone_minutes >= 30 || zone_minutes <= -30);
}
