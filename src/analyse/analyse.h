/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From raw bytes to a row: mail, chain, prints, geo, signatures, content. The one way of every
 * message, imported or trapped. An analyser belongs to one thread; what it is configured with is
 * shared and read-only. */
#ifndef ANALYSE_ANALYSE_H
#define ANALYSE_ANALYSE_H

#include "analyse/geo.h"
#include "core/arena.h"
#include "mail/source.h"
#include "print/cd1.h"
#include "print/features.h"
#include "sig/rules.h"
#include "store/store.h"

struct analyse_config { /* all borrowed */
    struct slice trap;
    const struct trust *trust; /* NULL: the topmost Received line alone */
    const struct url_context *urls;
    const struct geo *geo;
    struct rules_live *rules;     /* NULL: no labels */
    const uint8_t *recipient_key; /* SECRET_KEY_BYTES */
};

struct analyser;
struct analyser *analyser_new(const struct analyse_config *config) MUST_USE;
void analyser_free(struct analyser *a);

/* Everything known of one message; valid until the next call on the analyser. */
struct analysis {
    struct mail mail;
    struct chain chain;
    struct features features;
    struct words words; /* of its text; what is the recipient's own is known as such */
    struct cd1 cd1;     /* of its content */
    struct attribution attribution;
    struct rules *rules; /* the set that was matched, NULL without rules; borrowed */
    struct message_row row;
};

enum { ANALYSE_TOGETHER = 16 };
/* Analyses messages[0..count), at most ANALYSE_TOGETHER. Each step is done for all of them before
 * the next: its code and tables stay in the caches, and one message's wait for memory is another's
 * work. What becomes of one does not depend on the others. `now` bounds what receipt times can be
 * believed. ERR_NOMEM: none was analysed. */
enum err analyse_messages(struct analyser *a, const struct source_message *messages, size_t count,
                          int64_t now) MUST_USE;
/* What became of message `i` of that call. ERR_NOMEM (also when the message would take more than
 * LIMIT_MESSAGE_ARENA_BYTES). */
enum err analysis_of(const struct analyser *a, size_t i, const struct analysis **out) MUST_USE;

/* Both for one message. */
enum err analyse_message(struct analyser *a, const struct source_message *m, int64_t now,
                         const struct analysis **out) MUST_USE;

/* The id of a live message. The time is in microseconds here, and each delivery counts: bots send
 * the same bytes several times in a moment. */
struct id128 live_message_id(const struct live_envelope *live, struct slice raw, uint64_t bytes);

#endif
