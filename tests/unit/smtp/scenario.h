/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenario files (tests/scenario/): dialogues with a trap, what must be answered, and what must be
 * recorded. Played against the bare machine under a clock that only the script moves, or against a
 * server on the loopback. docs/smtp.md has the format. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "core/arena.h"
#include "core/strbuf.h"
#include "smtp/persona.h"
#include "smtp/service.h"

struct scenario {
    struct slice name, script, expected; /* into the file's text */
    struct smtp_service service;
    bool is_loopback;   /* also played against a server */
    bool is_handshaken; /* TLS is done before the banner */
    uint64_t lag_us;
};

/* All files, in order of name, as one text; kept until the program ends. */
size_t scenario_files(struct slice texts[], char names[][64], size_t max);
/* Takes the next scenario off `*text`. False at the end. */
bool scenario_next(struct slice *text, struct scenario *out);
void scenario_free(struct scenario *s);

/* The next line of a script that is an act, cut off; false at the end. `word` is its first word. */
bool scenario_act(struct slice *script, struct slice *word, struct slice *rest);
/* \r \n \t \0 \\ \xHH into bytes. */
struct slice scenario_bytes(struct slice text, struct strbuf *out);

/* Plays it in pieces of at most `piece` bytes (0: as they are in the script; -1: pieces of random
 * length from `seed`) and appends what was recorded. Fails the test when an answer is wrong. */
void scenario_play(const struct scenario *s, int piece, unsigned seed, struct strbuf *recorded);
/* Appends SD1, its inputs and the steps of a session. */
void scenario_print(const struct session_record *r, bool with_steps, struct strbuf *out);

struct persona *scenario_persona(struct slice name);

#endif
