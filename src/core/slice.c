/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/slice.h"

static inline uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Eight bytes each: do they differ in nothing but the case of letters? */
static inline bool word_ieq(uint64_t a, uint64_t b)
{
    static const uint64_t ONES = UINT64_C(0x0101010101010101);
    uint64_t differ = a ^ b;
    if (differ & ~(0x20 * ONES)) {
        return false;
    }
    /* the high bit of each byte that is a letter: no sum of seven bits runs into its neighbour */
    uint64_t folded = a | 0x20 * ONES, low = folded & 0x7f * ONES;
    uint64_t letters = (low + (0x80 - 'a') * ONES) & ~(low + (0x7f - 'z') * ONES) & ~folded;
    return (differ & ~(letters >> 2)) == 0;
}

bool bytes_ieq(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8) {
            if (!word_ieq(load8(a + i), load8(b + i))) {
                return false;
            }
        }
        return word_ieq(load8(a + n - 8), load8(b + n - 8));
    }
    if (n >= 4) {
        return word_ieq(load4(a) | load4(a + n - 4) << 32, load4(b) | load4(b + n - 4) << 32);
    }
    for (size_t i = 0; i < n; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
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
