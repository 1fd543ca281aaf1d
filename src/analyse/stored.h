/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The features of a message out of its stored row: those that are as the message had them, and
 * which these are. */
#ifndef ANALYSE_STORED_H
#define ANALYSE_STORED_H

#include "sig/rematch.h"
#include "store/store.h"

/* A text that was cut or freed of addresses when it was stored is left out, and so is a list that
 * was cut. Slices are borrowed from the row or in the arena. ERR_NOMEM. */
enum err stored_features(const struct message_row *row, struct features *f, feature_set *known,
                         struct arena *arena) MUST_USE;
/* Features of which a row can hold the whole: what rules may look at to be asked again. */
feature_set stored_features_all(void);

#endif
