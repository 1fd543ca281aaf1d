/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/date.h"

#include <stdlib.h>

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of((const char *)data, size);
    struct mail_date d = mail_date_parse(s), again = mail_date_parse(s);
    int64_t t = 42;
    CHECK(d.is_valid == again.is_valid && d.time == again.time && slice_eq(d.zone, again.zone));
    CHECK(d.zone.n == 0 || (d.zone.p >= s.p && d.zone.p + d.zone.n <= s.p + s.n));
    /* Years 1 to 9999, a zone of at most 100 hours either way. */
    CHECK(d.is_valid
              ? d.time > INT64_C(-62135596800) - 360000 && d.time < INT64_C(253402300800) + 360000
              : d.time == 0);
    CHECK(d.zone_minutes > -6100 && d.zone_minutes < 6100);
    bool is_mbox = mbox_date_parse(s, &t);
    CHECK(is_mbox ? d.is_valid && t == d.time : t == 42);
    return 0;
}
