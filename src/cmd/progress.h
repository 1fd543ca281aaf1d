/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A progress bar with rate and remaining time on stderr, for work of more than a second; only on a
 * terminal. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "core/err.h"
#include "core/slice.h"

struct progress {
    bool is_shown;         /* stderr is a terminal and the user wants it */
    bool is_drawn;         /* something is on the line now */
    double started, drawn; /* monotonic seconds */
    const char *what;      /* "spam.mbox" */
};

void progress_start(struct progress *p, const char *what, bool is_quiet);
/* `done` of `total` (0: unknown) bytes, `count` messages so far. Draws at most ten times a second.
 */
void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t count);
/* Takes the bar off the screen. */
void progress_end(struct progress *p);

/* "1h02m", "3m20s", "45s" and NUL. */
void duration_text(double seconds, char out[16]);

#endif
