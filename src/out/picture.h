/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a script to a picture: in a file, whole or not at all, or on standard output. */
#ifndef OUT_PICTURE_H
#define OUT_PICTURE_H

#include "out/chart.h"

/* The options with every default filled in. ERR_USAGE without a path, or with one whose suffix does
 * not tell the image's kind. */
enum err chart_options_complete(const struct chart_options *in, struct chart_options *o,
                                struct errbuf *eb) MUST_USE;

/* Runs gnuplot (of completed options) on the script. Errors: chart_draw's. */
enum err picture_write(const struct chart_options *o, struct slice script,
                       struct errbuf *eb) MUST_USE;

#endif
