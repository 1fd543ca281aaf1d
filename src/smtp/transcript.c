/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/transcript.h"

#include "core/limits.h"

#include <stdlib.h>

enum { STEPS_AT_FIRST = 12 };

struct transcript_last {
    struct session_step steps[LIMIT_SMTP_STEPS_LAST];
    char texts[LIMIT_SMTP_STEPS_LAST][LIMIT_SMTP_STEP_LAST_BYTES];
};

/* Room for one more among the first: false past the limit or out of memory. */
static bool first_has_room(struct transcript *t)
{
    if (t->count < t->capacity) {
        return true;
    }
    if (t->capacity == LIMIT_SMTP_STEPS_FIRST) {
        return false;
    }
    size_t capacity = t->capacity ? 2 * t->capacity : STEPS_AT_FIRST;
    capacity = capacity < LIMIT_SMTP_STEPS_FIRST ? capacity : LIMIT_SMTP_STEPS_FIRST;
    /* The array is grown to its full size at the end, when the last steps are put behind it. */
    struct session_step *steps = realloc(t->first, capacity * sizeof *steps);
    if (steps) {
        t->first = steps;
    }
    uint32_t *offset = realloc(t->offset, capacity * sizeof *offset);
    if (offset) {
        t->offset = offset;
    }
    t->has_failed |= !steps || !offset;
    t->capacity = steps && offset ? capacity : t->capacity;
    return steps && offset;
}

void transcript_add(struct transcript *t, const struct session_step *step)
{
    size_t index = (size_t)t->total++;
    if (t->has_failed) {
        return;
    }
    if (index == t->count && first_has_room(t)) {
        size_t room = LIMIT_SMTP_STEPS_BYTES - t->texts.n;
        struct slice text = slice_sub(step->text, 0, LIMIT_SMTP_STEP_BYTES);
        text = slice_sub(text, 0, room);
        t->offset[t->count] = (uint32_t)t->texts.n;
        strbuf_add(&t->texts, text);
        t->has_failed |= t->texts.failed;
        t->first[t->count] = *step;
        t->first[t->count++].text = slice_of(NULL, t->texts.failed ? 0 : text.n);
        return;
    }
    if (!t->last && !(t->last = malloc(sizeof *t->last))) {
        t->has_failed = true;
        return;
    }
    size_t slot = index % LIMIT_SMTP_STEPS_LAST;
    struct slice text = slice_sub(step->text, 0, LIMIT_SMTP_STEP_LAST_BYTES);
    t->last->steps[slot] = *step;
    if (text.n > 0) {
        memcpy(t->last->texts[slot], text.p, text.n);
    }
    t->last->steps[slot].text = slice_of(t->last->texts[slot], text.n);
}

void transcript_add_bytes(struct transcript *t, size_t index, uint64_t bytes)
{
    if (index < t->count) {
        t->first[index].bytes += bytes;
    }
}

const struct session_step *transcript_steps(struct transcript *t, size_t *count, size_t *first,
                                            uint64_t *dropped)
{
    size_t behind = (size_t)(t->total - t->count);
    if (t->has_failed || !t->last) {
        behind = 0;
    } else if (behind > LIMIT_SMTP_STEPS_LAST) {
        behind = LIMIT_SMTP_STEPS_LAST;
    }
    if (behind > 0) {
        struct session_step *all = realloc(t->first, (t->count + behind) * sizeof *all);
        if (all) {
            t->first = all;
        } else {
            behind = 0;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        t->first[i].text.p = t->texts.p + t->offset[i];
        if (t->first[i].text.n == 0) {
            t->first[i].text.p = "";
        }
    }
    for (size_t i = 0; i < behind; i++) {
        size_t slot = (size_t)((t->total - behind + i) % LIMIT_SMTP_STEPS_LAST);
        t->first[t->count + i] = t->last->steps[slot];
    }
    *count = t->count + behind;
    *first = t->count;
    *dropped = t->total - *count;
    return t->first;
}

void transcript_free(struct transcript *t)
{
    free(t->first);
    free(t->offset);
    free(t->last);
    strbuf_free(&t->texts);
    *t = (struct transcript){0};
}
