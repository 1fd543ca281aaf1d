/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SD1, the SMTP dialect fingerprint (docs/sd1.md): "SD1:EMUnS1011cc0cQ_0123456789ab_ba9876543210".
 * It tells the software that spoke, whatever the recipients, dates, addresses and bodies are. */
#ifndef PRINT_SD1_H
#define PRINT_SD1_H

#include "core/arena.h"
#include "spool/record.h"

/* The places of part a, in order: SD1_TRAIT(ID, "letters it may have", "meaning"). */
enum sd1_trait {
#define SD1_TRAIT(id, letters, doc) SD1_##id,
#include "print/sd1_trait.def"
#undef SD1_TRAIT
    SD1_TRAIT_COUNT
};

enum { SD1_TEXT_BYTES = 4 + SD1_TRAIT_COUNT + 1 + 12 + 1 + 12 };

struct sd1 {
    char a[SD1_TRAIT_COUNT + 1]; /* one letter a trait; '-' is unknown */
    char b[13];                  /* hash of the sequence; "-" when nothing was said */
    char c[13];                  /* hash of the skeleton; the same */
};

/* What was hashed, for people who ask why two prints differ. Arena. */
struct sd1_inputs {
    struct slice sequence, skeleton;
};

/* From a session's record, ended or not (then the traits of the end are '-'). `ptr` is the client's
 * reverse name when it is known. `inputs` may be NULL. ERR_NOMEM only. */
enum err sd1_make(struct sd1 *out, const struct session_record *r, struct slice ptr,
                  struct sd1_inputs *inputs, struct arena *arena) MUST_USE;

/* Writes the text (no NUL) and returns its length. */
size_t sd1_print(const struct sd1 *s, char out[SD1_TEXT_BYTES]);
/* The inverse; false for what sd1_print never writes. */
bool sd1_parse(struct slice text, struct sd1 *out);

#endif
