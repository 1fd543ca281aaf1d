/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outages found in the counts alone, told from drops of the spam itself: an outage silences all
 * labels of a trap at once while other traps go on; a botnet that stops is silent everywhere. Of
 * use to observe/trap_state.c only; docs/traps.md has the reasoning. */
#ifndef OBSERVE_TRAP_SILENCE_H
#define OBSERVE_TRAP_SILENCE_H

#include "observe/trap_state.h"

/* Gaps of source GAP_SILENCE that touch the period of `w` (of which period and traps are set), by
 * trap and time. A gap without an end (until INT64_MAX) lasts to the end of the store's mail. */
enum err trap_silences(struct store *s, const struct trap_watch *w, struct arena *arena,
                       struct trap_gap **out, size_t *count, struct errbuf *eb) MUST_USE;

#endif
