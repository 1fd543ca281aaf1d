/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report for programs: share/report.schema.json describes the JSON document, docs/report.md the
 * rows of JSONL and CSV. */
#ifndef OUT_REPORT_JSON_H
#define OUT_REPORT_JSON_H

#include "observe/report.h"
#include "out/printer.h"

/* Raised when a reader of the old form would misread the new one; new keys do not raise it. CSV
 * columns are only ever added at the right. */
enum { REPORT_FORMAT_VERSION = 1 };

/* JSON, JSONL or CSV; the same report gives the same bytes. False when writing failed. */
bool report_print(FILE *f, enum out_format format, const struct report *r) MUST_USE;

#endif
