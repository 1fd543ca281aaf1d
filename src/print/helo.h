/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form letter of a HELO/EHLO argument (METHODS B1, SD1): L address literal, I bare address, T
 * the trap's own name, P the client's reverse name, R random-looking, M another name with a dot, S
 * a single label; in this order, the first that holds. */
#ifndef PRINT_HELO_H
#define PRINT_HELO_H

#include "core/slice.h"

/* `ptr` and `own` (the name of the server that was spoken to) may be empty. '-' for no argument. */
char helo_form(struct slice helo, struct slice ptr, struct slice own);

#endif
