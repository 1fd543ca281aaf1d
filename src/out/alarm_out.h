/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Alarms for people and for programs. */
#ifndef OUT_ALARM_OUT_H
#define OUT_ALARM_OUT_H

#include "observe/alarm.h"
#include "out/printer.h"

/* One alarm as a sentence of a line and one of evidence, text of the store escaped; ASCII without
 * `use_utf8`. */
void alarm_print_text(FILE *f, const struct alarm *a, bool use_utf8);
/* One alarm as a map (docs/alarms.md has the keys). */
void alarm_print(struct printer *p, const struct alarm *a);
/* All of them: text, JSON, JSONL or CSV. False when writing failed. */
bool alarms_print(FILE *f, enum out_format format, const struct alarms *alarms,
                  bool use_utf8) MUST_USE;

/* "day" or "week"; "drop" or "rise". */
const char *alarm_kind_name(enum alarm_kind k);
const char *alarm_direction(const struct alarm *a);

#endif
