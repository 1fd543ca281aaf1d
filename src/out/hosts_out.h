/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The figures of `hosts` for people and for programs. share/hosts.schema.json describes the JSON,
 * docs/hosts.md what the figures mean. */
#ifndef OUT_HOSTS_OUT_H
#define OUT_HOSTS_OUT_H

#include "observe/hosts.h"
#include "out/layout.h"
#include "out/printer.h"

enum { HOSTS_FORMAT_VERSION = 1 };

/* One number with its interval, where it has one (else NAN). */
struct hosts_figure {
    const char *name;  /* "machines_estimated" */
    const char *label; /* "machines alive at a time, estimated" */
    double value, low, high;
    int decimals;
};
enum { HOSTS_FIGURES_MAX = 24 };
/* The figures in the order in which they are shown; all of them, NAN where not known. Returns how
 * many. */
size_t hosts_figures(const struct hosts *h, struct hosts_figure out[HOSTS_FIGURES_MAX]);

/* What has to be said with the figures, in sentences, one call each. Minus signs of changes are
 * typographic with `use_utf8`. */
typedef void (*hosts_note_fn)(void *arg, const char *key, struct slice sentence);
void hosts_notes(const struct hosts *h, hosts_note_fn fn, void *arg);
void hosts_change_notes(const struct hosts_change *c, bool use_utf8, hosts_note_fn fn, void *arg);

/* False when writing failed or memory ran out. */
bool hosts_print_text(FILE *f, const struct hosts *h, const struct report_style *style) MUST_USE;
bool hosts_change_print_text(FILE *f, const struct hosts_change *c,
                             const struct report_style *style) MUST_USE;
/* JSON, JSONL or CSV. */
bool hosts_print(FILE *f, enum out_format format, const struct hosts *h) MUST_USE;
bool hosts_change_print(FILE *f, enum out_format format, const struct hosts_change *c) MUST_USE;

#endif
