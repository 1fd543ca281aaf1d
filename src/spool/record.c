/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spool/record.h"

const char *session_end_name(enum session_end e)
{
    static const char *const NAMES[] = {
        [END_QUIT_WAIT] = "quit", [END_QUIT_NO_WAIT] = "quit-no-wait", [END_CLOSE] = "close",
        [END_RESET] = "reset",    [END_TIMEOUT] = "timeout",           [END_DROPPED] = "dropped",
    };
    return (unsigned)e < sizeof NAMES / sizeof *NAMES ? NAMES[e] : "unknown";
}
