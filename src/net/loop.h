/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event loop of one thread (libuv), its clock and timers. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "core/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop;

/* NULL when out of memory or file descriptors. */
struct loop *loop_new(void) MUST_USE;
/* Closes what is left on it, runs the last callbacks, frees. NULL is fine. */
void loop_free(struct loop *l);

/* Until nothing is left to wait for, or loop_stop. */
void loop_run(struct loop *l);
/* From a callback on the loop's thread. */
void loop_stop(struct loop *l);

/* For those who need libuv itself: signals, work on other threads. */
uv_loop_t *loop_uv(struct loop *l);

/* Monotonic microseconds, read anew. */
uint64_t loop_now_us(void);
/* Wall clock, microseconds since 1970. */
int64_t loop_wall_us(void);

/* A timer that runs out once after each start. Its callback may start, stop or free it. */
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg) MUST_USE;
/* Restarts it when it runs. Milliseconds, rounded up to the loop's resolution. */
void timer_start(struct timer *t, uint64_t ms);
void timer_stop(struct timer *t);
void timer_free(struct timer *t);

#endif
