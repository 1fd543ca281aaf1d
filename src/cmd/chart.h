/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb chart in two files: pictures of the report (chart.c) and of series (chart_series.c). */
#ifndef CMD_CHART_H
#define CMD_CHART_H

#include "cmd/verb.h"
#include "out/chart.h"

/* Output, image, unit, size, --log. False after saying what is wrong. */
bool chart_size_read(const struct command *c, struct chart_options *o);

/* "index", "level" */
bool chart_is_of_series(const char *kind);
int chart_series_run(struct command *c);

#endif
