/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a Date is written, whatever the date is: w weekday, d day, m month name, n month number, y
 * year, q year not of four digits, t h:m:s, s h:m, z +hhmm, Z another zone offset, g zone name,
 * (c) a comment, p AM/PM, a another word, 9 another number; ww and mm are full names, ! marks names
 * that are not capitalised as in RFC 5322. Padding of days and hours is left out: it shows on some
 * days only. */
#ifndef PRINT_DATE_STYLE_H
#define PRINT_DATE_STYLE_H

#include "print/shape.h"

/* Appends the style of an unfolded Date; nothing for an empty one. */
void date_style(struct slice date, struct shape_out *o);

/* The letter of date_style.def, '?' for a style that is not in it, '-' for an empty one. */
char date_style_code(struct slice style);

#endif
