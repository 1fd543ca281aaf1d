/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/helo.h"

#include "core/ip.h"

static bool is_vowel(char c)
{
    return c != '\0' && strchr("aeiouy", ascii_lower(c)) != NULL;
}

/* A first label that nobody would name a machine: eight or more letters and digits in one run, with
 * six consonants in a row, or changing between letters and digits three times. Host names that hold
 * an address or a serial number have hyphens or dots in them, and those end the run. */
static bool label_is_random(struct slice label)
{
    enum { LENGTH_MIN = 8, CONSONANTS = 6, CHANGES = 3 };
    unsigned consonants = 0, most = 0, changes = 0;
    if (label.n < LENGTH_MIN) {
        return false;
    }
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!ascii_is_alnum(c)) {
            return false;
        }
        consonants = ascii_is_alpha(c) && !is_vowel(c) ? consonants + 1 : 0;
        most = consonants > most ? consonants : most;
        changes += i > 0 && ascii_is_digit(c) != ascii_is_digit(label.p[i - 1]);
    }
    return most >= CONSONANTS || changes >= CHANGES;
}

char helo_form(struct slice helo, struct slice ptr, struct slice own)
{
    struct ip ip;
    if (helo.n == 0) {
        return '-';
    }
    if (helo.p[0] == '[') {
        return 'L';
    }
    if (ip_parse(helo, &ip)) {
        return 'I';
    }
    if (own.n > 0 && slice_ieq(helo, own)) {
        return 'T';
    }
    if (ptr.n > 0 && slice_ieq(helo, ptr)) {
        return 'P';
    }
    size_t dot = slice_find_byte(helo, '.');
    if (label_is_random(slice_sub(helo, 0, dot))) {
        return 'R';
    }
    return dot < helo.n ? 'M' : 'S';
}
