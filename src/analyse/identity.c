/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tells one input from another, for import marks. */
#include "analyse/pipeline.h"
#include "core/hash.h"
#include "core/limits.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* nftw passes no argument to its callback; one walk at a time, in the command's own thread. Files
 * are combined by exclusive or, since folders are not read in a stable order. */
static struct id128 walk_sum;

static int walk_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct hash_stream *h;
    (void)ftw;
    if (type != FTW_F) {
        return 0;
    }
    if (!(h = hash_stream_new())) {
        return 1;
    }
    int64_t facts[3] = {st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};
    hash_stream_add(h, slice_cstr(path));
    hash_stream_add(h, slice_of((const char *)facts, sizeof facts));
    struct id128 id = hash_stream_end(h);
    hash_stream_free(h);
    for (size_t i = 0; i < sizeof id.b; i++) {
        walk_sum.b[i] ^= id.b[i];
    }
    return 0;
}

enum err input_identity(const char *path, struct slice trap, struct strbuf *out, struct errbuf *eb)
{
    char hex[33];
    strbuf_clear(out);
    if (strcmp(path, "-") == 0) {
        return OK;
    }
    char *real = realpath(path, NULL);
    if (!real) {
        return err_at(eb, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, path, 0, 0, "%s",
                      strerror(errno));
    }
    walk_sum = (struct id128){{0}};
    if (nftw(real, walk_visit, LIMIT_FOLDER_DEPTH, FTW_PHYS) != 0) {
        free(real);
        return err_at(eb, ERR_IO, path, 0, 0, "cannot be walked");
    }
    id128_hex(walk_sum, hex);
    strbuf_printf(out, "%s %.*s %s", hex, SLICE_ARG(trap), real);
    free(real);
    return out->failed ? ERR_NOMEM : OK;
}
