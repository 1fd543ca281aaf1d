/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Character references of HTML. Inside the HTML code only. */
#ifndef MAIL_HTML_ENTITY_H
#define MAIL_HTML_ENTITY_H

#include "core/slice.h"

/* `s` starts with '&'. The bytes that the reference takes (0: it is none, the '&' stands for
 * itself) and what it means. In an attribute's value names need more care than in text. */
size_t html_entity(struct slice s, bool is_attribute, uint32_t *code_point);

#endif
