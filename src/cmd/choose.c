/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/choose.h"

enum { CANDIDATES_MAX = 10 };

struct candidates {
    struct id128 ids[CANDIDATES_MAX];
    size_t count;
};

static void candidate_add(void *arg, struct id128 id)
{
    struct candidates *all = arg;
    if (all->count < CANDIDATES_MAX) {
        all->ids[all->count++] = id;
    }
}

int id_choose(const struct command *c, struct store *s, find_fn find, const char *what,
              const char *text, struct id128 *out)
{
    struct candidates all = {.count = 0};
    struct errbuf eb = {.text = ""};
    char hex[33];
    enum err e = find(s, slice_cstr(text), CANDIDATES_MAX, candidate_add, &all, &eb);
    if (e != OK) {
        return command_fail(c, e, &eb);
    }
    if (all.count == 1) {
        *out = all.ids[0];
        return EXIT_STATUS_OK;
    }
    say(all.count ? "spamgauge %s: %s: several %ss begin so:" : "spamgauge %s: %s: no such %s",
        c->verb->name, text, what);
    for (size_t i = 0; i < all.count; i++) {
        id128_hex(all.ids[i], hex);
        fprintf(stderr, "  %s\n", hex);
    }
    return EXIT_STATUS_NEGATIVE;
}
