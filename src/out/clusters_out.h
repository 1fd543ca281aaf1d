/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mailers and campaigns for terminals and as JSON, JSONL and CSV. What senders wrote is escaped,
 * and freed of addresses. */
#ifndef OUT_CLUSTERS_OUT_H
#define OUT_CLUSTERS_OUT_H

#include "observe/clusters.h"
#include "out/layout.h"
#include "out/printer.h"

enum { CLUSTERS_FORMAT_VERSION = 1 };

/* All: false when writing failed or memory ran out. */
bool clusters_list_print_text(FILE *f, const struct clusters_list *l,
                              const struct report_style *style);
bool clusters_list_print(FILE *f, enum out_format format, const struct clusters_list *l);
bool cluster_page_print_text(FILE *f, const struct cluster_page *c,
                             const struct report_style *style);
/* CSV: the volume over time. */
bool cluster_page_print(FILE *f, enum out_format format, const struct cluster_page *c);

/* The lines of a list alone, for a section of a report; of a list of new ones with what is known of
 * each. */
void clusters_lines_text(struct page *p, const struct clusters_list *l);
void clusters_lines_print(struct printer *p, const struct clusters_list *l);

/* "rules", "person", "mixed" or "none". */
const char *cluster_namer_text(enum cluster_namer n);

/* Appends the print of a part. Its fingerprints and shapes hold no address, and their '@' is to be
 * seen; what stands behind "mailer:" a sender wrote, and there addresses are redacted. */
void cluster_part_redact(struct strbuf *out, struct slice print);

#endif
