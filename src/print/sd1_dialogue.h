/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to SD1: a session's steps as turns, a client's act and the reply it got. */
#ifndef PRINT_SD1_DIALOGUE_H
#define PRINT_SD1_DIALOGUE_H

#include "core/limits.h"
#include "print/sd1.h"
#include "print/shape.h"
#include "spool/command.h"

enum { TURNS_MAX = LIMIT_SMTP_STEPS_FIRST + LIMIT_SMTP_STEPS_LAST };

struct turn {
    const struct session_step *step; /* COMMAND, DATA, TLS, AUTH_LINE, EARLY */
    struct command command;          /* of a COMMAND */
    unsigned code;                   /* of the reply; 0: none is known */
    bool is_behind_gap;              /* steps that were not kept lie before it */
};

struct dialogue {
    struct turn turns[TURNS_MAX];
    size_t count;
    bool has_end;
    enum session_end end;
};

/* What a relay of ours said, up to its XCLIENT, is left out; so are lines that never ended. */
void dialogue_read(struct dialogue *d, const struct session_record *r);

static inline bool turn_is(const struct turn *t, enum smtp_verb v)
{
    return t->step->kind == STEP_COMMAND && t->command.verb == v;
}
static inline bool turn_is_greeting(const struct turn *t)
{
    return turn_is(t, VERB_EHLO) || turn_is(t, VERB_HELO) || turn_is(t, VERB_LHLO);
}

/* Part a. */
void sd1_traits(const struct dialogue *d, const struct session_record *r, struct slice ptr,
                char a[SD1_TRAIT_COUNT + 1]);
/* The texts that parts b and c are hashes of. */
void sd1_sequence(const struct dialogue *d, struct shape_out *o);
void sd1_skeleton(const struct dialogue *d, struct shape_out *o);

#endif
