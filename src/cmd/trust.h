/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --trust: which relays are of the user's own side, as said, as configured, or inferred from an
 * input. */
#ifndef CMD_TRUST_H
#define CMD_TRUST_H

#include "cmd/context.h"
#include "cmd/progress.h"

struct trust_choice {
    struct trust *given; /* what the user said; extended for each input when is_auto */
    bool is_auto;        /* relays are inferred from each input */
    bool is_quiet;
    struct strbuf inferred; /* for the report */
    struct progress *progress;
    const volatile bool *stop;
    int64_t now;
};

/* From --trust, else from the configuration. Says what is wrong and returns the exit status. */
int trust_choice_read(struct trust_choice *t, const struct command *c, const struct config *config);
void trust_choice_free(struct trust_choice *t);

/* The relays for one input; trust_free() them. ERR_CANCELLED when stopped. */
enum err trust_for(struct trust_choice *t, const char *path, struct trust **out,
                   struct errbuf *eb) MUST_USE;

#define TRUST_OPTION                                                                               \
    {                                                                                              \
        "trust", OPTION_NO_SHORT, "WHAT",                                                          \
            "Relays of your own side, whose Received lines are believed: a network "               \
            "(192.0.2.0/24), a host glob (*.example.org), auto (inferred from each input and "     \
            "printed), or none. May be given several times; default: auto."                        \
    }

#endif
