/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/human.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Copies a number with its thousands separated; only digits before the point are counted. */
static void group(char *to, const char *digits)
{
    size_t n = strspn(digits, "0123456789");
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    memcpy(to, digits + n, strlen(digits + n) + 1);
}

const char *human_count(char out[HUMAN_BYTES], uint64_t v)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    group(out, digits);
    return out;
}

static const char *signed_figure(char out[HUMAN_BYTES], double v, int decimals, bool use_utf8,
                                 const char *plus)
{
    char digits[24];
    if (!isfinite(v)) {
        snprintf(out, HUMAN_BYTES, "-");
        return out;
    }
    /* The bound keeps sign, separators and decimals within HUMAN_BYTES. */
    snprintf(digits, sizeof digits, "%.*f", decimals < 3 ? decimals : 3, fmin(fabs(v), 1e15));
    bool is_nothing = strspn(digits, "0.") == strlen(digits);
    const char *sign = is_nothing ? "" : v > 0 ? plus : use_utf8 ? "−" : "-";
    size_t n = strlen(sign);
    memcpy(out, sign, n);
    group(out + n, digits);
    return out;
}

const char *human_figure(char out[HUMAN_BYTES], double v, int decimals, bool use_utf8)
{
    return signed_figure(out, v, decimals, use_utf8, "");
}

const char *human_change(char out[HUMAN_BYTES], double v, int decimals, bool use_utf8)
{
    return signed_figure(out, v, decimals, use_utf8, "+");
}

/* Three figures: 3.14 is "3.1", 31.4 is "31.4", 314 is "314". */
static const char *scaled(char out[HUMAN_BYTES], double v, const char *const *suffixes, size_t n)
{
    size_t i = 0;
    while (i + 1 < n && v >= 999.5) {
        v /= 1000.0;
        i++;
    }
    snprintf(out, HUMAN_BYTES, i && v < 99.95 ? "%.1f%s" : "%.0f%s", v, suffixes[i]);
    return out;
}

const char *human_bytes(char out[HUMAN_BYTES], uint64_t v)
{
    static const char *const SUFFIXES[] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
    return scaled(out, (double)v, SUFFIXES, sizeof SUFFIXES / sizeof *SUFFIXES);
}

const char *human_short(char out[HUMAN_BYTES], double v)
{
    static const char *const SUFFIXES[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;
    while (i + 1 < sizeof SUFFIXES / sizeof *SUFFIXES && v >= 999.5) {
        v /= 1000.0;
        i++;
    }
    /* %g leaves "2" of 2.0 and keeps "2.5". */
    snprintf(out, HUMAN_BYTES, "%.3g%s%s", v, i ? " " : "", SUFFIXES[i]);
    return out;
}

const char *human_percent(char out[HUMAN_BYTES], double share)
{
    if (!isfinite(share)) {
        snprintf(out, HUMAN_BYTES, "-");
    } else if (share > 0 && share < 0.0005) {
        snprintf(out, HUMAN_BYTES, "<0.1 %%");
    } else if (share < 1 && share >= 0.9995) {
        snprintf(out, HUMAN_BYTES, ">99.9 %%");
    } else {
        snprintf(out, HUMAN_BYTES, "%.1f %%", share * 100.0);
    }
    return out;
}

const char *human_duration(char out[64], uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } UNITS[] = {{31557600, "year"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    enum { COUNT = sizeof UNITS / sizeof *UNITS };
    size_t i = 0;
    while (i + 1 < COUNT && seconds < UNITS[i].seconds) {
        i++;
    }
    uint64_t first = seconds / UNITS[i].seconds;
    int n = snprintf(out, 64, "%llu %s%s", (unsigned long long)first, UNITS[i].name,
                     first == 1 ? "" : "s");
    if (i + 1 < COUNT) {
        uint64_t second = seconds % UNITS[i].seconds / UNITS[i + 1].seconds;
        if (second && n > 0) {
            snprintf(out + n, 64 - (size_t)n, " %llu %s%s", (unsigned long long)second,
                     UNITS[i + 1].name, second == 1 ? "" : "s");
        }
    }
    return out;
}
