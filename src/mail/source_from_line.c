/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "From " line of an mbox. Nothing defines it; RFC 4155 comes closest. Seen in archives:
 *   From joe@example.com Mon Sep 13 10:00:00 2004          (asctime: nearly all)
 *   From joe@example.com  Mon, 13 Sep 2004 10:00:00 +0200
 *   From joe at example.com  Mon Sep 13 10:00:00 2004      (Mailman's archives)
 *   From 1234@xxx Mon Sep 13 10:00:00 +0000 2004           (Google Takeout)
 *   From MAILER-DAEMON Mon Sep 13 10:00 MET DST 2004       (System V)
 *   From joe Mon Sep 13 10:00:00 2004 remote from host     (UUCP)
 *   From - Mon Sep 13 10:00:00 2004, and "From -" alone    (Netscape, Mozilla)
 *   From joe@example.com 2004-09-13T10:00:00Z              (scripts) */
#include "mail/source_kind.h"

enum { TOKENS_MAX = 32, SENDER_TOKENS_MAX = 12, DATE_TOKENS_MAX = 10 };

enum date_token {
    TOKEN_OTHER,
    TOKEN_WEEKDAY,
    TOKEN_MONTH,
    TOKEN_DAY,
    TOKEN_YEAR,
    TOKEN_TIME,
    TOKEN_ZONE,
    TOKEN_ISO_DAY,
    TOKEN_ISO_MOMENT,
};

static bool token_is_one_of(struct slice t, const char *names)
{
    char a = ascii_lower(t.p[0]), b = ascii_lower(t.p[1]), c = ascii_lower(t.p[2]);
    for (; *names; names += 3) {
        if (a == names[0] && b == names[1] && c == names[2]) {
            return true;
        }
    }
    return false;
}

/* "d" is a digit, all else stands for itself; true if `t` begins so. */
static bool token_looks_like(struct slice t, const char *shape)
{
    size_t i = 0;
    for (; shape[i]; i++) {
        if (i >= t.n || !(shape[i] == 'd' ? ascii_is_digit(t.p[i]) : t.p[i] == shape[i])) {
            return false;
        }
    }
    return true;
}

static bool token_is_time(struct slice t)
{
    size_t digits = t.n > 0 && ascii_is_digit(t.p[0]) ? 1 : 0;
    digits += digits && t.n > 1 && ascii_is_digit(t.p[1]);
    struct slice rest = slice_sub(t, digits, SIZE_MAX);
    return digits > 0 && token_looks_like(rest, ":dd") && (rest.n == 3 || rest.p[3] == ':');
}

static bool token_is_zone_byte(char c)
{
    return ascii_is_upper(c) || c == '(' || c == ')' || c == '\0';
}

static enum date_token token_kind(struct slice t)
{
    if (t.n > 1 && t.p[t.n - 1] == ',') {
        t.n--;
    }
    if (t.n == 3 && token_is_one_of(t, "montuewedthufrisatsun")) {
        return TOKEN_WEEKDAY;
    }
    if (t.n == 3 && token_is_one_of(t, "janfebmaraprmayjunjulaugsepoctnovdec")) {
        return TOKEN_MONTH;
    }
    if (token_is_time(t)) {
        return TOKEN_TIME;
    }
    if (token_looks_like(t, "dddd-dd-dd")) {
        return t.n > 10 ? TOKEN_ISO_MOMENT : TOKEN_ISO_DAY;
    }
    if (t.n == 4 && token_looks_like(t, "dddd")) {
        return TOKEN_YEAR;
    }
    if (t.n <= 2 && token_looks_like(t, t.n == 2 ? "dd" : "d")) {
        return TOKEN_DAY;
    }
    if (t.n == 5 && (t.p[0] == '+' || t.p[0] == '-') &&
        token_looks_like(slice_sub(t, 1, 4), "dddd")) {
        return TOKEN_ZONE;
    }
    size_t letters = 0;
    while (letters < t.n && token_is_zone_byte(t.p[letters])) {
        letters++;
    }
    return letters == t.n && t.n <= 6 ? TOKEN_ZONE : TOKEN_OTHER;
}

/* Are these tokens a date and nothing else? */
static bool tokens_are_date(const struct slice *token, size_t n)
{
    unsigned seen = 0;
    if (n > DATE_TOKENS_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        enum date_token kind = token_kind(token[i]);
        if (kind == TOKEN_OTHER) {
            return false;
        }
        seen |= 1U << kind;
    }
    unsigned asctime_needs = 1U << TOKEN_MONTH | 1U << TOKEN_DAY | 1U << TOKEN_TIME;
    unsigned iso_needs = 1U << TOKEN_ISO_DAY | 1U << TOKEN_TIME;
    return (seen & asctime_needs) == asctime_needs || (seen & iso_needs) == iso_needs ||
           (seen & 1U << TOKEN_ISO_MOMENT);
}

static size_t tokens_split(struct slice line, struct slice *token)
{
    size_t n = 0, i = 0;
    while (n < TOKENS_MAX) {
        while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '\r')) {
            i++;
        }
        size_t start = i;
        while (i < line.n && ((uint8_t)line.p[i] > ' ' ||
                              (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r'))) {
            i++;
        }
        if (i == start) {
            break;
        }
        token[n++] = slice_of(line.p + start, i - start);
    }
    return n;
}

/* A sender of several words is one only with a sign of an address; else the line is prose
 * ("From the meeting on Mon Sep 13 10:00"). */
static bool tokens_are_sender(const struct slice *token, size_t n)
{
    if (n <= 1) {
        return n == 0 || !slice_eq(token[0], S(":"));
    }
    if (n > SENDER_TOKENS_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (slice_find_byte(token[i], '@') < token[i].n) {
            return true;
        }
    }
    return n == 3 && slice_eq(token[1], S("at"));
}

enum from_line source_from_line(struct slice line, struct slice *sender, struct slice *date)
{
    UNCLEARED struct slice token[TOKENS_MAX];
    size_t n;
    if (line.n < 6 || line.n > FROM_LINE_BYTES_MAX || memcmp(line.p, "From ", 5) != 0) {
        return FROM_LINE_NONE;
    }
    n = tokens_split(slice_sub(line, 5, SIZE_MAX), token);
    *sender = *date = slice_of(line.p, 0);
    for (size_t i = 0; i + 2 < n; i++) {
        if (slice_eq(token[i], S("remote")) && slice_eq(token[i + 1], S("from"))) {
            n = i;
        }
    }
    if (n == 0) {
        return FROM_LINE_NONE;
    }
    for (size_t i = 0; i < n; i++) {
        enum date_token kind = token_kind(token[i]);
        if (kind != TOKEN_OTHER && kind != TOKEN_ZONE && tokens_are_date(token + i, n - i) &&
            tokens_are_sender(token, i)) {
            *sender = i ? slice_span(token[0].p, token[i - 1].p + token[i - 1].n) : *sender;
            *date = slice_span(token[i].p, token[n - 1].p + token[n - 1].n);
            return FROM_LINE_STRONG;
        }
    }
    bool is_address = slice_find_byte(token[0], '@') < token[0].n || slice_eq(token[0], S("-"));
    bool has_time = false;
    for (size_t i = 1; i < n; i++) {
        has_time = has_time || token_is_time(token[i]);
    }
    if (!is_address || (n > 1 && !has_time)) {
        return FROM_LINE_NONE;
    }
    *sender = token[0];
    *date = n > 1 ? slice_span(token[1].p, token[n - 1].p + token[n - 1].n) : *date;
    return FROM_LINE_WEAK;
}
