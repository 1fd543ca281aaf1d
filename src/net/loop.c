/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/loop.h"

#include <stdlib.h>
#include <time.h>

struct loop {
    uv_loop_t uv;
};

struct timer {
    uv_timer_t uv;
    void (*fn)(void *arg);
    void *arg;
};

/* libuv opens a spare descriptor with a loop's first stream, and where it may not (a sandbox) it
 * tries again with every stream: two calls a connection. So there is a first one at once. */
static void spare_open(uv_loop_t *loop)
{
    uv_tcp_t first;
    if (uv_tcp_init(loop, &first) == 0) {
        uv_close((uv_handle_t *)&first, NULL);
        uv_run(loop, UV_RUN_NOWAIT);
    }
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l && uv_loop_init(&l->uv) != 0) {
        free(l);
        return NULL;
    }
    if (l) {
        spare_open(&l->uv);
    }
    return l;
}

static void handle_close(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h)) {
        uv_close(h, NULL);
    }
}

void loop_free(struct loop *l)
{
    if (!l) {
        return;
    }
    uv_run(&l->uv, UV_RUN_NOWAIT);
    if (uv_loop_close(&l->uv) != 0) { /* somebody's handle is left: it is its owner's leak */
        uv_walk(&l->uv, handle_close, NULL);
        uv_run(&l->uv, UV_RUN_DEFAULT);
        uv_loop_close(&l->uv);
    }
    free(l);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

uint64_t loop_now_us(void)
{
    return uv_hrtime() / 1000;
}

int64_t loop_wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct timer *t = calloc(1, sizeof *t);
    if (t && uv_timer_init(&l->uv, &t->uv) != 0) {
        free(t);
        return NULL;
    }
    if (t) {
        t->uv.data = t;
        t->fn = fn;
        t->arg = arg;
    }
    return t;
}

static void timer_fired(uv_timer_t *uv)
{
    struct timer *t = uv->data;
    t->fn(t->arg);
}

void timer_start(struct timer *t, uint64_t ms)
{
    /* libuv counts from its own, older idea of now: a timer must not run out early. */
    uv_update_time(t->uv.loop);
    uv_timer_start(&t->uv, timer_fired, ms, 0);
}

void timer_stop(struct timer *t)
{
    uv_timer_stop(&t->uv);
}

static void timer_closed(uv_handle_t *h)
{
    free(h->data);
}

void timer_free(struct timer *t)
{
    if (t) {
        uv_close((uv_handle_t *)&t->uv, timer_closed);
    }
}
