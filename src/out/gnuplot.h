/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run of gnuplot as a child process. */
#ifndef OUT_GNUPLOT_H
#define OUT_GNUPLOT_H

#include "core/err.h"
#include "core/slice.h"

/* Feeds `script` and lets the picture be written to `out_fd` (not closed). The user's own start-up
 * file is not read and the locale is fixed, so that the same script gives the same picture.
 * ERR_NOTFOUND when there is no such program, ERR_IO with its first words when it fails or runs
 * longer than `seconds_max`; it is killed then. */
enum err gnuplot_run(const char *program, struct slice script, int out_fd, unsigned seconds_max,
                     struct errbuf *eb) MUST_USE;

#endif
