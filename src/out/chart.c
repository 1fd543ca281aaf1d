/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/chart.h"

#include "out/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool chart_kind_parse(struct slice s, enum chart_kind *out)
{
    bool is_share = slice_eq(s, S("share"));
    if (!is_share && !slice_eq(s, S("volume"))) {
        return false;
    }
    *out = is_share ? CHART_SHARE : CHART_VOLUME;
    return true;
}

bool chart_image_parse(struct slice s, enum chart_image *out)
{
    bool is_png = slice_ieq(s, S("png"));
    if (!is_png && !slice_ieq(s, S("svg"))) {
        return false;
    }
    *out = is_png ? CHART_PNG : CHART_SVG;
    return true;
}

bool unit_parse(struct slice s, enum unit *out)
{
    for (enum unit u = 0; u < UNIT_COUNT; u++) {
        if (slice_eq(s, slice_cstr(unit_name(u)))) {
            *out = u;
            return true;
        }
    }
    return false;
}

bool volume_step_parse(struct slice s, enum volume_step *out)
{
    for (enum volume_step v = VOLUME_AUTO; v <= VOLUME_YEAR; v++) {
        if (slice_eq(s, slice_cstr(volume_step_name(v)))) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* The options with every default filled in. */
static enum err options_complete(const struct chart_options *in, struct chart_options *o,
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

enum err chart_draw(const struct report *r, const struct chart_options *options, struct errbuf *eb)
{
    struct chart_options o;
    struct strbuf script = STRBUF_INIT;
    enum err e = options_complete(options, &o, eb);
    if (!e) {
        e = chart_script(r, &o, &script, eb);
    }
    if (!e && strcmp(o.path, "-") == 0) {
        e = picture_to_stdout(&o, strbuf_slice(&script), eb);
    } else if (!e) {
        e = picture_to_file(&o, strbuf_slice(&script), eb);
    }
    strbuf_free(&script);
    return e;
}
