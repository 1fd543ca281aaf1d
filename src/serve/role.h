/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What roles have in common: they say that they are set up. Private to serve/. */
#ifndef SERVE_ROLE_H
#define SERVE_ROLE_H

#include "net/sandbox.h"

/* READY, with what the sandbox is. */
void role_ready(int channel, const struct sandbox_report *report);

#endif
