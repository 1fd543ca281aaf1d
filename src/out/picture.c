/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/picture.h"

#include "out/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum err chart_options_complete(const struct chart_options *in, struct chart_options *o,
                                struct errbuf *eb)
{
    *o = *in;
    o->gnuplot = o->gnuplot ? o->gnuplot : "gnuplot";
    if (!o->path || !*o->path) {
        return err_set(eb, ERR_USAGE, "a chart needs a file to be written to");
    }
    if (o->image == CHART_BY_SUFFIX) {
        const char *dot = strrchr(o->path, '.');
        if (!dot || !chart_image_parse(slice_cstr(dot + 1), &o->image)) {
            return err_set(eb, ERR_USAGE,
                           "'%s' ends in neither .svg nor .png: say which it shall be", o->path);
        }
    }
    return OK;
}

static bool fd_copy(int from, int to)
{
    char buffer[64 * 1024];
    if (lseek(from, 0, SEEK_SET) != 0) {
        return false;
    }
    for (;;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n <= 0) {
            return n == 0;
        }
        for (ssize_t at = 0; at < n;) {
            ssize_t written = write(to, buffer + at, (size_t)(n - at));
            if (written < 0 && errno != EINTR) {
                return false;
            }
            at += written > 0 ? written : 0;
        }
    }
}

static enum err picture_to_stdout(const struct chart_options *o, struct slice script,
                                  struct errbuf *eb)
{
    int fd = memfd_create("chart", MFD_CLOEXEC);
    if (fd < 0) {
        return err_set(eb, ERR_IO, "chart: %s", strerror(errno));
    }
    enum err e = gnuplot_run(o->gnuplot, script, fd, CHART_SECONDS_MAX, eb);
    if (!e && !fd_copy(fd, STDOUT_FILENO)) {
        e = err_set(eb, ERR_IO, "standard output: %s", strerror(errno));
    }
    close(fd);
    return e;
}

/* Next to the target, so that the rename cannot cross file systems. A picture that failed leaves
 * the old one as it was. */
static enum err picture_to_file(const struct chart_options *o, struct slice script,
                                struct errbuf *eb)
{
    struct strbuf name = STRBUF_INIT;
    struct stat st;
    enum err e = OK;
    strbuf_printf(&name, "%s.XXXXXX", o->path);
    int fd = name.failed ? -1 : mkostemp(name.p, O_CLOEXEC);
    if (fd < 0) {
        e = err_set(eb, ERR_IO, "%s: %s", o->path, strerror(errno));
        strbuf_free(&name);
        return e;
    }
    e = gnuplot_run(o->gnuplot, script, fd, CHART_SECONDS_MAX, eb);
    if (!e && (fstat(fd, &st) != 0 || st.st_size == 0)) {
        e = err_set(eb, ERR_IO, "%s drew nothing", o->gnuplot);
    }
    mode_t mask = umask(0);
    umask(mask);
    if (!e && (fchmod(fd, 0666 & ~mask) != 0 || fsync(fd) != 0 ||
               rename(strbuf_cstr(&name), o->path) != 0)) {
        e = err_set(eb, ERR_IO, "%s: %s", o->path, strerror(errno));
    }
    close(fd);
    if (e) {
        unlink(strbuf_cstr(&name));
    }
    strbuf_free(&name);
    return e;
}

enum err picture_write(const struct chart_options *o, struct slice script, struct errbuf *eb)
{
    return strcmp(o->path, "-") == 0 ? picture_to_stdout(o, script, eb)
                                     : picture_to_file(o, script, eb);
}
