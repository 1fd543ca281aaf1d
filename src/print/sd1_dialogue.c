/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/sd1_dialogue.h"

static bool step_is_turn(const struct session_step *s)
{
    return s->kind != STEP_REPLY && s->kind != STEP_END &&
           !(s->kind == STEP_COMMAND && s->ending != ENDING_CRLF && s->ending != ENDING_LF);
}

void dialogue_read(struct dialogue *d, const struct session_record *r)
{
    bool is_hidden = false; /* the last command was XCLIENT */
    bool has_gap = false;
    d->count = 0;
    d->has_end = false;
    for (size_t i = 0; i < r->step_count; i++) {
        const struct session_step *s = &r->steps[i];
        has_gap |= r->steps_dropped > 0 && i == r->steps_first;
        if (s->kind == STEP_END) {
            d->has_end = true;
            d->end = (enum session_end)s->code;
        } else if (s->kind == STEP_REPLY && d->count > 0 && !is_hidden && !has_gap) {
            struct turn *last = &d->turns[d->count - 1];
            if (last->code == 0 && last->step->kind != STEP_EARLY) {
                last->code = s->code;
            }
        } else if (step_is_turn(s) && d->count < TURNS_MAX) {
            struct turn *t = &d->turns[d->count];
            *t = (struct turn){.step = s, .is_behind_gap = has_gap};
            if (s->kind == STEP_COMMAND) {
                command_read(s->text, &t->command);
            }
            is_hidden = turn_is(t, VERB_XCLIENT);
            if (!is_hidden) {
                d->count++;
                has_gap = false;
            }
        }
    }
}
