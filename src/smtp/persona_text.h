/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the room: reply texts with words in braces, compiled once, printed often. */
#ifndef SMTP_PERSONA_TEXT_H
#define SMTP_PERSONA_TEXT_H

#include "core/arena.h"
#include "smtp/persona.h"

enum persona_word {
    WORD_LITERAL, /* text as it stands */
    WORD_HOST,
    WORD_CLIENT,
    WORD_HELO,
    WORD_FROM,
    WORD_RCPT,
    WORD_LINE,
    WORD_VERB,
    WORD_SIZE,
    WORD_BYTES,
    WORD_DATE,
    WORD_TIME,
    WORD_ID,
    WORD_COUNT
};

struct text_piece {
    enum persona_word word;
    struct slice literal;
};

struct persona_text {
    const struct text_piece *pieces;
    size_t count;
    unsigned code; /* of a reply */
};

/* Compiles `text` into `arena`. False: *bad is the word in braces that is none, or empty when out
 * of memory. */
bool persona_text_compile(struct slice text, struct arena *arena, struct persona_text *out,
                          struct slice *bad);
/* `id_form` is a form of queue_id.def. */
void persona_text_print(const struct persona_text *t, const struct persona_words *w,
                        const char *id_form, struct strbuf *out);

#endif
