/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmocka with what it must have before it; include this first. */
#ifndef TESTING_H
#define TESTING_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
