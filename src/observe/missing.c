/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "observe/missing.h"

static const struct {
    const char *name, *text;
} MISSINGS[MISSING_COUNT] = {
    [MISSING_NOT] = {"", ""},
    [MISSING_DOWN] = {"down", "traps down"},
    [MISSING_UNBORN] = {"unborn", "before the first trap"},
    [MISSING_DEAD] = {"dead", "after the last trap"},
    [MISSING_NOBODY] = {"nobody", "no trap then"},
    [MISSING_LATE] = {"late", "not delivered yet"},
    [MISSING_UNLINKED] = {"unlinked", "no trap in common with the base"},
    [MISSING_SILENT] = {"silent", "nothing came"},
};

const char *missing_name(enum missing m)
{
    return MISSINGS[m].name;
}

const char *missing_text(enum missing m)
{
    return MISSINGS[m].text;
}

enum missing missing_why(const struct trap_watch *w, int64_t from, int64_t until)
{
    bool has[TRAP_STATE_COUNT] = {false};
    size_t i = 0;
    while (i < w->count && trap_watch_time(w, i + 1) <= from) {
        i++;
    }
    for (; i < w->count && trap_watch_time(w, i) < until; i++) {
        for (size_t t = 0; t < w->trap_count; t++) {
            if (w->is_asked[t]) {
                has[trap_watch_state(w, t, i)] = true;
            }
        }
    }
    return has[TRAP_UP] || has[TRAP_DEGRADED]    ? MISSING_LATE
           : has[TRAP_DOWN]                      ? MISSING_DOWN
           : has[TRAP_UNBORN] && !has[TRAP_DEAD] ? MISSING_UNBORN
           : has[TRAP_DEAD] && !has[TRAP_UNBORN] ? MISSING_DEAD
                                                 : MISSING_NOBODY;
}
