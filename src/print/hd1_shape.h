/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How each mode of value_shape.def turns a value into what HD1's part c hashes. */
#ifndef PRINT_HD1_SHAPE_H
#define PRINT_HD1_SHAPE_H

#include "print/sender.h"

/* All take raw (folded) or unfolded values; line breaks count as white space except in TYPE. */
void shape_words(struct slice value, struct shape_out *o);
void shape_runs(struct slice value, struct shape_out *o);
void shape_address(struct slice value, struct shape_out *o);
void shape_type(struct slice value, const struct value_class *boundary_class, struct shape_out *o);
void shape_trace(struct slice value, struct shape_out *o);

#endif
