/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a PROXY header: a header inside the bytes, the same whatever follows it, and no
 * shorter beginning of it is taken for one. */
#include "net/proxy.h"

#include "core/err.h"
#include "core/limits.h"

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            panic("%s", #x);                                                                       \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of((const char *)data, size);
    struct proxy whole, part;
    size_t used, part_used;
    enum proxy_result result = proxy_parse(bytes, &whole, &used);
    if (result == PROXY_OK) {
        CHECK(used > 0 && used <= size && used <= LIMIT_PROXY_HEADER_BYTES);
        CHECK(proxy_parse(slice_sub(bytes, 0, used), &part, &part_used) == PROXY_OK);
        CHECK(part_used == used && part.has_addresses == whole.has_addresses);
        CHECK(ip_eq(part.client, whole.client) && part.client_port == whole.client_port);
    }
    for (size_t n = 0; n < size && n < 600; n++) {
        enum proxy_result r = proxy_parse(slice_sub(bytes, 0, n), &part, &part_used);
        CHECK(r != PROXY_OK || (result == PROXY_OK && part_used == used));
        CHECK(r != PROXY_BAD || result == PROXY_BAD);
    }
    return 0;
}
