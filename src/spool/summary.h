/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in a segment: counted by reading it, or taken from the head of its compressed form. */
#ifndef SPOOL_SUMMARY_H
#define SPOOL_SUMMARY_H

#include "core/err.h"
#include "spool/reader.h"
#include "spool/segment.h"

/* Reads the whole segment. `bytes` ends with its last whole record. */
enum err segment_summarise(int dir, uint64_t number, struct segment_summary *out,
                           struct errbuf *eb) MUST_USE;
/* The summary at the head of a compressed segment when there is a good one, else by reading. */
enum err segment_summary_get(int dir, uint64_t number, bool is_compressed,
                             struct segment_summary *out, struct errbuf *eb) MUST_USE;

#endif
