/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/line.h"

bool line_next(struct slice bytes, enum line_rule rule, size_t *seen, struct line *out)
{
    size_t from = *seen;
    while (from < bytes.n) {
        const char *lf = memchr(bytes.p + from, '\n', bytes.n - from);
        if (!lf) {
            break;
        }
        size_t at = (size_t)(lf - bytes.p);
        bool has_cr = at > 0 && bytes.p[at - 1] == '\r';
        if (has_cr || rule == LINE_RULE_LF) {
            out->text = slice_sub(bytes, 0, at - has_cr);
            out->ending = has_cr ? ENDING_CRLF : ENDING_LF;
            out->bytes = at + 1;
            *seen = 0;
            return true;
        }
        from = at + 1;
    }
    *seen = bytes.n;
    return false;
}
