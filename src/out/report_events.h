/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The events of a report's period: the section of the text form, and what all forms say of one. */
#ifndef OUT_REPORT_EVENTS_H
#define OUT_REPORT_EVENTS_H

#include "observe/report.h"
#include "out/layout.h"
#include "out/printer.h"

enum { REPORT_EVENTS = 12 }; /* in the text form; the structured forms have all */

/* Nothing at all when there are none. */
void report_events_text(struct page *p, const struct report *r);
/* The keys and values of one event, in a map that the caller has begun. */
void report_event_print(struct printer *p, const struct annotation *a);

#endif
