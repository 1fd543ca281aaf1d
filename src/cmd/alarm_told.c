/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/alarm_told.h"

#include "core/clock.h"
#include "core/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES = 256 };

static bool line_read(const char *line, struct told *out)
{
    struct slice rest = slice_cstr(line);
    rest.n = strcspn(line, "\n");
    struct slice id = slice_cut(&rest, ' '), side = slice_cut(&rest, ' ');
    uint64_t date, raised, ways;
    struct told t = {.is_drop = slice_eq(side, S("drop"))};
    if (!id128_parse(id, &t.series) || !slice_to_u64(slice_cut(&rest, ' '), &date) ||
        !slice_to_u64(slice_cut(&rest, ' '), &raised) || !slice_to_u64(rest, &ways) ||
        date > INT64_MAX || raised > INT64_MAX || ways > UINT_MAX) {
        return false;
    }
    t.date = (int64_t)date;
    t.raised = (int64_t)raised;
    t.ways = (unsigned)ways;
    *out = t;
    return true;
}

enum err told_load(const char *path, struct told_list *out, struct errbuf *eb)
{
    char line[LINE_BYTES];
    out->count = 0;
    FILE *f = fopen(path, "re");
    if (!f) {
        return errno == ENOENT ? OK : err_set(eb, ERR_IO, "%s: %s", path, strerror(errno));
    }
    while (fgets(line, sizeof line, f) && out->count < TOLD_MAX) {
        out->count += line_read(line, &out->items[out->count]);
    }
    bool is_bad = ferror(f);
    fclose(f);
    return is_bad ? err_set(eb, ERR_IO, "%s: cannot be read", path) : OK;
}

enum err told_save(const char *path, const struct told_list *list, struct errbuf *eb)
{
    struct strbuf beside = STRBUF_INIT;
    strbuf_printf(&beside, "%s.new", path);
    int fd = open(strbuf_cstr(&beside), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool is_written = f != NULL;
    for (size_t i = 0; f && i < list->count; i++) {
        const struct told *t = &list->items[i];
        char hex[33];
        id128_hex(t->series, hex);
        is_written &= fprintf(f, "%s %s %" PRId64 " %" PRId64 " %u\n", hex,
                              t->is_drop ? "drop" : "rise", t->date, t->raised, t->ways) > 0;
    }
    is_written = is_written && fflush(f) == 0 && fsync(fd) == 0;
    if (f) {
        is_written &= fclose(f) == 0;
    } else if (fd >= 0) {
        close(fd);
    }
    is_written = is_written && rename(strbuf_cstr(&beside), path) == 0;
    strbuf_free(&beside);
    return is_written ? OK : err_set(eb, ERR_IO, "%s: %s", path, strerror(errno));
}

static struct id128 series_id(const struct series_key *key)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "%s %s ", dimension_name(key->dimension), unit_name(key->unit));
    strbuf_add(&text, key->value);
    struct id128 id = hash_id128(strbuf_slice(&text));
    strbuf_free(&text);
    return id;
}

static void forget_oldest(struct told_list *list, int64_t now)
{
    size_t kept = 0, from = list->count == TOLD_MAX ? 1 : 0;
    for (size_t i = from; i < list->count; i++) {
        if (now - list->items[i].raised < (int64_t)TOLD_KEPT_DAYS * SECONDS_PER_DAY) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

struct told *told_entry(struct told_list *list, const struct alarm *a)
{
    struct id128 id = series_id(&a->series->key);
    for (size_t i = list->count; i-- > 0;) {
        struct told *t = &list->items[i];
        if (id128_eq(t->series, id) && t->is_drop == a->is_drop &&
            llabs(t->date - a->date) <= (int64_t)TOLD_SAME_DAYS * SECONDS_PER_DAY) {
            return t;
        }
    }
    forget_oldest(list, a->raised);
    struct told *t = &list->items[list->count++];
    *t = (struct told){.series = id, .is_drop = a->is_drop, .date = a->date, .raised = a->raised};
    return t;
}
