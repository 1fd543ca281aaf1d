/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/role.h"

#include "serve/channel.h"

#include <stdio.h>

void role_ready(int channel, const struct sandbox_report *report)
{
    struct message m = {.type = MESSAGE_READY};
    m.ready.is_partial = report->is_partial;
    snprintf(m.ready.sandbox, sizeof m.ready.sandbox, "%.250s", report->text);
    channel_send(channel, &m);
}
