/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/progress.h"

#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_WIDTH_MAX = 30, LINE_BYTES = 512 };

static const double DRAW_SECONDS = 0.1, FIRST_SECONDS = 0.5;

void duration_text(double seconds, char out[16])
{
    unsigned s = seconds < 0 ? 0 : seconds > 359999 ? 359999 : (unsigned)(seconds + 0.5);
    if (s >= 3600) {
        snprintf(out, 16, "%uh%02um", s / 3600, s / 60 % 60);
    } else if (s >= 60) {
        snprintf(out, 16, "%um%02us", s / 60, s % 60);
    } else {
        snprintf(out, 16, "%us", s);
    }
}

void progress_start(struct progress *p, const char *what, bool is_quiet)
{
    *p = (struct progress){.is_shown = !is_quiet && isatty(STDERR_FILENO), .what = what};
    p->started = p->drawn = time_monotonic();
}

static unsigned terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t count)
{
    double now = time_monotonic(), elapsed = now - p->started;
    char line[LINE_BYTES], left[16] = "", bar[BAR_WIDTH_MAX + 3] = "";
    if (!p->is_shown || elapsed < FIRST_SECONDS || now - p->drawn < DRAW_SECONDS) {
        return;
    }
    p->drawn = now;
    unsigned width = terminal_width();
    double part = total ? (double)done / (double)total : 0;
    part = part > 1 ? 1 : part;
    if (total && width >= 70) {
        int cells = width - 60 < BAR_WIDTH_MAX ? (int)width - 60 : BAR_WIDTH_MAX;
        int full = (int)(part * cells);
        bar[0] = '[';
        memset(bar + 1, '#', (size_t)full);
        memset(bar + 1 + full, '.', (size_t)(cells - full));
        memcpy(bar + 1 + cells, "]", 2);
    }
    if (total && part > 0.005) {
        duration_text(elapsed * (1 - part) / part, left);
    }
    int n = total ? snprintf(line, sizeof line, "%s %s %3.0f %%", p->what, bar, part * 100)
                  : snprintf(line, sizeof line, "%s %.1f MB", p->what, (double)done / 1e6);
    snprintf(line + n, sizeof line - (size_t)n, "  %llu messages  %.0f/s%s%s",
             (unsigned long long)count, (double)count / elapsed, *left ? "  left " : "", left);
    fprintf(stderr, "\r\033[K%.*s", (int)width - 1, line);
    fflush(stderr);
    p->is_drawn = true;
}

void progress_end(struct progress *p)
{
    if (p->is_drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        p->is_drawn = false;
    }
}
