/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/slice.h"

bool bytes_ieq(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_of(s.p, prefix.n), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_sub(s, s.n - suffix.n, suffix.n), suffix);
}

bool slice_iends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_ieq(slice_sub(s, s.n - suffix.n, suffix.n), suffix);
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

size_t slice_find(struct slice s, struct slice needle)
{
    const char *hit = s.n && needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    if (needle.n == 0) {
        return 0;
    }
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t slice_ifind(struct slice s, struct slice needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (slice_ieq(slice_of(s.p + i, needle.n), needle)) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct slice slice_trim(struct slice s)
{
    while (s.n && ascii_is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && ascii_is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

struct slice slice_cut(struct slice *s, char sep)
{
    size_t at = slice_find_byte(*s, sep);
    struct slice head = slice_of(s->p, at);
    *s = at < s->n ? slice_sub(*s, at + 1, SIZE_MAX) : slice_sub(*s, s->n, 0);
    return head;
}

bool slice_to_u64(struct slice s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

bool slice_glob(struct slice s, struct slice pattern)
{
    /* The last star is the only place worth going back to, so this is O(n * m) at worst. */
    size_t i = 0, j = 0, star = SIZE_MAX, star_i = 0;
    while (i < s.n) {
        if (j < pattern.n && pattern.p[j] == '*') {
            star = j++;
            star_i = i;
        } else if (j < pattern.n &&
                   (pattern.p[j] == '?' || ascii_lower(pattern.p[j]) == ascii_lower(s.p[i]))) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            j = star + 1;
            i = ++star_i;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.p[j] == '*') {
        j++;
    }
    return j == pattern.n;
}
