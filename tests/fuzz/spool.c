/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A record's payload: what decodes is encoded to bytes that decode to the same bytes again. A
 * segment: the reader comes to its end, each record it gives is inside of it, and positions go up.
 * The first byte chooses. */
#include "core/limits.h"
#include "spool/codec.h"
#include "spool/folder.h"
#include "spool/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            panic("%s:%d: %s", __FILE__, __LINE__, #condition);                                    \
        }                                                                                          \
    } while (0)

static enum err encode(struct strbuf *out, const struct decoded_record *r)
{
    return r->kind == RECORD_MESSAGE ? message_encode(out, &r->message)
                                     : session_encode(out, &r->session);
}

static void record_check(struct slice payload, struct arena *arena)
{
    struct decoded_record one, two;
    struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    arena_reset(arena);
    if (record_decode(payload, arena, &one) == OK) {
        CHECK(encode(&a, &one) == OK);
        /* numbers may have been longer than they need to be; a session of version 1 gains the
         * length, 0, of the name it did not have */
        CHECK(a.n <= payload.n + 1);
        CHECK(record_decode(strbuf_slice(&a), arena, &two) == OK);
        CHECK(encode(&b, &two) == OK);
        CHECK(slice_eq(strbuf_slice(&a), strbuf_slice(&b)));
    }
    strbuf_free(&a);
    strbuf_free(&b);
}

static void segment_check(const char *folder, struct slice bytes, bool is_compressed,
                          struct arena *arena)
{
    char name[SEGMENT_NAME_BYTES], path[256];
    struct spool_reader *r;
    struct spool_item item;
    struct spool_position before = {0, 0};
    struct spool_reader_options o = {.folder = folder, .is_closed = true};
    segment_name(1, is_compressed, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
    close(fd);
    CHECK(spool_reader_open(&o, &r, NULL) == OK);
    enum err e;
    while ((e = spool_reader_next(r, &item, NULL)) == OK) {
        CHECK(!spool_position_before(item.at, before));
        CHECK(spool_position_before(item.at, item.next));
        before = item.next;
        record_check(item.payload, arena);
    }
    CHECK(e == ERR_END);
    spool_reader_close(r);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    static char folder[64];
    if (!arena) {
        snprintf(folder, sizeof folder, "%s/fuzz-spool-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        CHECK(mkdtemp(folder));
        CHECK((arena = arena_new(LIMIT_RECORD_BYTES)) != NULL);
    }
    if (size == 0) {
        return 0;
    }
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    if (data[0] % 3 == 0) {
        record_check(rest, arena);
    } else {
        segment_check(folder, rest, data[0] % 3 == 2, arena);
    }
    return 0;
}
