/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/sd1_dialogue.h"

static bool step_is_turn(const struct session_step *s)
{
    return s->kind != STEP_REPLY && s->kind != STEP_END &&
           !(s->kind == STEP_COMMAND && s->ending != ENDING_CRLF && s->ending != ENDING_LF);
}

/* An XCLIENT that was taken: a relay of ours spoke up to here. */
static bool step_is_xclient(const struct session_record *r, size_t i)
{
    struct command c;
    if (r->steps[i].kind != STEP_COMMAND || i + 1 == r->step_count ||
        r->steps[i + 1].kind != STEP_REPLY || r->steps[i + 1].code / 100 != 2) {
        return false;
    }
    command_read(r->steps[i].text, &c);
    return c.verb == VERB_XCLIENT;
}

/* A reply belongs to the turn before it; the banner, and what bytes came too early, have none. */
static void reply_take(struct dialogue *d, unsigned code)
{
    struct turn *last = d->count > 0 ? &d->turns[d->count - 1] : NULL;
    if (last && last->code == 0 && last->step->kind != STEP_EARLY) {
        last->code = code;
    }
}

void dialogue_read(struct dialogue *d, const struct session_record *r)
{
    bool has_gap = false;
    d->count = 0;
    d->has_end = false;
    for (size_t i = 0; i < r->step_count; i++) {
        const struct session_step *s = &r->steps[i];
        if (r->steps_dropped > 0 && i == r->steps_first) {
            has_gap = true;
            d->count -= d->count > 0 && d->turns[d->count - 1].code == 0; /* its reply is lost */
        }
        if (s->kind == STEP_END) {
            d->has_end = true;
            d->end = (enum session_end)s->code;
        } else if (s->kind == STEP_REPLY && !has_gap) {
            reply_take(d, s->code);
        } else if (step_is_xclient(r, i)) {
            d->count = 0;
        } else if (step_is_turn(s) && d->count < TURNS_MAX) {
            struct turn *t = &d->turns[d->count++];
            *t = (struct turn){.step = s, .is_behind_gap = has_gap};
            if (s->kind == STEP_COMMAND) {
                command_read(s->text, &t->command);
            }
            has_gap = false;
        }
    }
}
