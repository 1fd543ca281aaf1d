/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/mail.h"

_Static_assert(QUIRK_COUNT <= 64, "quirks are bits of one stored 64-bit number");

static const struct {
    const char *name;
    const char *text;
} QUIRKS[] = {
#define QUIRK(id, name, text) {name, text},
#include "mail/quirk.def"
#undef QUIRK
};

const char *quirk_name(unsigned index)
{
    return index < QUIRK_COUNT ? QUIRKS[index].name : "unknown";
}

const char *quirk_text(unsigned index)
{
    return index < QUIRK_COUNT ? QUIRKS[index].text : "no such quirk";
}
