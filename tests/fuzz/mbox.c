/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a source (mbox, mail, archive, none): the same whatever the chunks, also when
 * skipped; never more than was put in for what is not packed; slices readable; ids total. */
#include "core/limits.h"
#include "mail/source.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
    struct slice left;
    size_t chunk;
};

static long feed_read(void *arg, char *p, size_t n)
{
    struct feed *f = arg;
    n = n < f->chunk ? n : f->chunk;
    n = n < f->left.n ? n : f->left.n;
    if (n > 0) {
        memcpy(p, f->left.p, n);
    }
    f->left = slice_sub(f->left, n, SIZE_MAX);
    return (long)n;
}

struct outcome {
    uint64_t messages;
    uint64_t bytes;
    uint64_t rejects;
    struct id128 id; /* over the ids of all */
};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static struct outcome run(struct slice input, size_t chunk, uint64_t skip)
{
    struct feed feed = {input, chunk};
    struct outcome o = {.messages = skip};
    struct source *s;
    struct source_message m;
    const struct source_rejects *r;
    require(source_open_stream(feed_read, &feed, "fuzz", &s, NULL) == OK);
    require(source_skip(s, skip, NULL) == OK);
    enum err e;
    while ((e = source_next(s, &m, NULL)) == OK) {
        char chain[32];
        require(m.ordinal == o.messages);
        require(m.raw.n <= LIMIT_MESSAGE_BYTES && m.raw.n <= m.bytes);
        require(m.is_truncated == (m.raw.n < m.bytes));
        require(m.raw.n > 0 && m.envelope_from.n <= 1024);
        struct id128 id = message_id(m.envelope_from, m.envelope_time, m.raw, m.bytes);
        memcpy(chain, o.id.b, 16);
        memcpy(chain + 16, id.b, 16);
        o.id = hash_id128(slice_of(chain, sizeof chain));
        o.messages++;
        o.bytes += m.bytes;
    }
    require(e == ERR_END);
    for (size_t n = source_rejects(s, &r); n > 0; n--) {
        require(r[n - 1].count > 0 && r[n - 1].reason && r[n - 1].example[0]);
        o.rejects += r[n - 1].count;
    }
    source_close(s);
    return o;
}

static bool is_packed(struct slice in)
{
    return in.n > 3 && (memchr("\x1f\x28\xfd\x5d"
                               "BP7",
                               in.p[0], 7) ||
                        in.p[1] == '\x2a' || in.n >= 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t chunk = 1 + data[0] % 64u;
    struct slice input = slice_of((const char *)data + 1, size - 1);
    struct outcome whole = run(input, SIZE_MAX, 0);
    struct outcome parts = run(input, chunk, 0);
    require(whole.messages == parts.messages && whole.bytes == parts.bytes);
    require(whole.rejects == parts.rejects && id128_eq(whole.id, parts.id));
    require(is_packed(input) || whole.bytes <= input.n);
    uint64_t skip = whole.messages / 2;
    require(run(input, chunk, skip).messages == whole.messages);
    return 0;
}
