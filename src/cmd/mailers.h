/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verbs of mailers and of campaigns share. */
#ifndef CMD_MAILERS_H
#define CMD_MAILERS_H

#include "cluster/part.h"
#include "cmd/verb.h"

/* As the verb's name says. */
enum cluster_kind command_kind(const struct command *c);
/* An id of that kind; false, and told, for anything else. */
bool command_cluster(const struct command *c, const char *text, uint32_t *id);

#endif
