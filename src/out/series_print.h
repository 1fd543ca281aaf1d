/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A series for people and for programs: docs/series.md has the columns. */
#ifndef OUT_SERIES_PRINT_H
#define OUT_SERIES_PRINT_H

#include "observe/index.h"
#include "observe/missing.h"
#include "observe/share.h"
#include "out/layout.h"
#include "out/printer.h"

enum series_kind {
    SERIES_INDEX,
    SERIES_LEVEL,
    SERIES_SHARE,
    SERIES_HOSTS,
    SERIES_EXPOSURE,
    SERIES_KIND_COUNT
};
const char *series_kind_name(enum series_kind k); /* "index" */
bool series_kind_parse(struct slice s, enum series_kind *out);

struct series_row {
    int64_t from, until;
    double value, low, high; /* NAN: missing, or without an interval */
    double observed;         /* counted, in the unit */
    double exposure;         /* 0..1: part of the usual volume that was watched and has come in */
    double completeness;     /* 0..1 of what is expected has come in */
    bool is_incomplete;      /* under 90 %: a nowcast */
    enum missing missing;
    /* SERIES_SHARE */
    double observed_all, level, level_low, level_high;
    enum share_reading reading;
};

struct series_document {
    enum series_kind kind;
    enum dimension dimension;
    struct slice value; /* of the dimension; "all" for everything; of `clusters` what was asked */
    const struct cluster_choice *clusters; /* it is of these, `dimension` is TOTAL; else NULL */
    struct slice trap, site;               /* of the filter; empty: all */
    unsigned generation;                   /* of the labels; 0: today's */
    enum unit unit;
    enum index_step step;
    struct index_options options;
    int64_t base_since, base_until; /* both 0: it has none */
    const struct index *index;      /* of SERIES_INDEX, SERIES_LEVEL; else NULL */
    size_t traps, sites;            /* that counted anything; 0: not known */
    const struct series_row *rows;
    size_t count;
};

/* "botnet", "campaign", ...: what `value` is one of; "total" for everything. */
const char *series_dimension_name(const struct series_document *d);

/* JSON, JSONL or CSV. False when writing failed. */
bool series_print(FILE *f, enum out_format format, const struct series_document *d) MUST_USE;
bool series_print_text(FILE *f, const struct series_document *d,
                       const struct report_style *style) MUST_USE;

/* What a reader must know before quoting it, a sentence each; the same for the same document. */
typedef void (*series_note_fn)(void *arg, struct slice sentence);
void series_notes(const struct series_document *d, series_note_fn fn, void *arg);

#endif
