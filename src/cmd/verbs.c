/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/verbs.h"

#include <stddef.h>
