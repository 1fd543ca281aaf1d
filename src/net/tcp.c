/* SPDX-License-Identifier: GPL-3.0-or-later */
/* uv_tcp_t with two habits: one read buffer for all streams of the process (a stream that waits
 * owns no memory), and writes that are tried at once, so that a reply costs one system call. */
#include "net/tcp.h"

#include "core/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct tcp {
    uv_tcp_t uv;
    struct tcp_calls calls;
    void *arg;
    struct tls *tls;
    bool is_tls_told; /* `tls` was called */
    bool is_reading;
    bool is_closing; /* tcp_close: no callbacks any more */
    bool has_failed;
    bool writes_now; /* `write` is under way */
    uint64_t linger_ms;
    uv_timer_t *linger;    /* only while closing with bytes left */
    struct strbuf waiting; /* of `write` */
    struct strbuf next;    /* behind it */
    struct strbuf plain;   /* TLS: decrypted, more than there was room for */
    uv_write_t write;
};

/* Bytes are handed on before the next read: one buffer serves all. */
static char read_buffer[LIMIT_SMTP_INPUT_BYTES];

static void tcp_freed(uv_handle_t *h)
{
    struct tcp *s = h->data;
    tls_free(s->tls);
    strbuf_free(&s->waiting);
    strbuf_free(&s->next);
    strbuf_free(&s->plain);
    free(s);
}

struct tcp *tcp_open(struct loop *l, int fd, const struct tcp_calls *calls, void *arg)
{
    struct tcp *s = calloc(1, sizeof *s);
    if (!s || uv_tcp_init(loop_uv(l), &s->uv) != 0) {
        free(s);
        close(fd);
        return NULL;
    }
    s->uv.data = s;
    s->calls = *calls;
    s->arg = arg;
    if (uv_tcp_open(&s->uv, fd) != 0) {
        close(fd);
        uv_close((uv_handle_t *)&s->uv, tcp_freed);
        return NULL;
    }
    return s;
}

int tcp_fd(const struct tcp *s)
{
    uv_os_fd_t fd = -1;
    return uv_fileno((const uv_handle_t *)&s->uv, &fd) == 0 ? fd : -1;
}

/* ---- out ---- */

static void tcp_finish(struct tcp *s);

static void write_done(uv_write_t *w, int status)
{
    struct tcp *s = w->data;
    struct strbuf sent = s->waiting;
    s->writes_now = false;
    s->waiting = s->next;
    s->next = sent;
    strbuf_free(&s->next);
    if (status != 0) {
        s->has_failed = true;
        strbuf_free(&s->waiting);
    }
    if (s->waiting.n > 0) {
        uv_buf_t buf = uv_buf_init(s->waiting.p, (unsigned)s->waiting.n);
        s->write.data = s;
        s->writes_now = uv_write(&s->write, (uv_stream_t *)&s->uv, &buf, 1, write_done) == 0;
    } else if (s->is_closing) {
        tcp_finish(s);
    } else if (!s->has_failed) {
        s->calls.drained(s->arg);
    }
}

/* Cipher or plain bytes as they go on the wire. */
static bool wire_write(struct tcp *s, struct slice bytes)
{
    if (s->has_failed || bytes.n == 0) {
        return !s->has_failed;
    }
    if (!s->writes_now) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
        int n = uv_try_write((uv_stream_t *)&s->uv, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            s->has_failed = true;
            return false;
        }
        bytes = slice_sub(bytes, n > 0 ? (size_t)n : 0, bytes.n);
        if (bytes.n == 0) {
            return true;
        }
        strbuf_add(&s->waiting, bytes);
        buf = uv_buf_init(s->waiting.p, (unsigned)s->waiting.n);
        s->write.data = s;
        s->writes_now = !s->waiting.failed &&
                        uv_write(&s->write, (uv_stream_t *)&s->uv, &buf, 1, write_done) == 0;
        s->has_failed |= !s->writes_now;
        return s->writes_now;
    }
    strbuf_add(&s->next, bytes);
    s->has_failed |= s->next.failed;
    return !s->has_failed;
}

size_t tcp_waiting(const struct tcp *s)
{
    return s->waiting.n + s->next.n;
}

bool tcp_write(struct tcp *s, struct slice bytes)
{
    if (tcp_waiting(s) > LIMIT_SMTP_OUTPUT_BYTES) {
        return false;
    }
    if (!s->tls) {
        return wire_write(s, bytes);
    }
    struct strbuf cipher = STRBUF_INIT;
    tls_write(s->tls, bytes, &cipher);
    bool is_sent = !cipher.failed && wire_write(s, strbuf_slice(&cipher));
    strbuf_free(&cipher);
    return is_sent;
}

/* ---- in ---- */

static void buffer_give(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct tcp *s = h->data;
    (void)suggested;
    size_t room = s->tls ? sizeof read_buffer : s->calls.room(s->arg);
    *buf =
        uv_buf_init(read_buffer, (unsigned)(room < sizeof read_buffer ? room : sizeof read_buffer));
}

static void tcp_pause(struct tcp *s)
{
    if (s->is_reading) {
        s->is_reading = false;
        uv_read_stop((uv_stream_t *)&s->uv);
    }
}

/* Hands decrypted bytes on, as many as there is room for. */
static void plain_give(struct tcp *s)
{
    while (s->plain.n > 0 && !s->is_closing) {
        size_t room = s->calls.room(s->arg);
        size_t n = s->plain.n < room ? s->plain.n : room;
        if (n == 0) {
            tcp_pause(s);
            return;
        }
        struct strbuf taken = s->plain; /* the callback may come back here */
        s->plain = (struct strbuf)STRBUF_INIT;
        strbuf_add(&s->plain, slice_sub(strbuf_slice(&taken), n, taken.n));
        s->calls.data(s->arg, slice_of(taken.p, n));
        strbuf_free(&taken);
    }
}

static void cipher_take(struct tcp *s, struct slice bytes)
{
    struct strbuf out = STRBUF_INIT;
    enum tls_state state = tls_read(s->tls, bytes, &s->plain, &out);
    wire_write(s, strbuf_slice(&out));
    strbuf_free(&out);
    if (!s->is_tls_told && state != TLS_HANDSHAKE) {
        struct tls_facts facts = tls_facts(s->tls);
        s->is_tls_told = true;
        s->calls.tls(s->arg, state != TLS_FAILED, &facts);
    } else if (state == TLS_FAILED && !s->is_closing) {
        s->calls.ended(s->arg, TCP_ERROR);
        return;
    }
    plain_give(s);
    if (state == TLS_CLOSED && s->plain.n == 0 && !s->is_closing) {
        s->calls.ended(s->arg, TCP_FIN);
    }
}

static void read_done(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct tcp *s = uv->data;
    if (s->is_closing) {
        return;
    }
    if (n == UV_ENOBUFS) { /* `room` said 0 */
        tcp_pause(s);
    } else if (n < 0) {
        tcp_pause(s);
        s->calls.ended(s->arg, n == UV_EOF ? TCP_FIN : n == UV_ECONNRESET ? TCP_RESET : TCP_ERROR);
    } else if (n > 0 && s->tls) {
        cipher_take(s, slice_of(buf->base, (size_t)n));
    } else if (n > 0) {
        s->calls.data(s->arg, slice_of(buf->base, (size_t)n));
    }
}

void tcp_read_on(struct tcp *s)
{
    if (s->plain.n > 0) {
        plain_give(s);
    }
    if (!s->is_reading && !s->is_closing && s->plain.n == 0) {
        s->is_reading = uv_read_start((uv_stream_t *)&s->uv, buffer_give, read_done) == 0;
    }
}

bool tcp_start_tls(struct tcp *s, struct tls_context *c, struct slice first)
{
    s->tls = tls_new(c);
    if (s->tls && first.n > 0) {
        cipher_take(s, first);
    }
    return s->tls;
}

/* ---- the end ---- */

static void linger_freed(uv_handle_t *h)
{
    free(h);
}

static void tcp_finish(struct tcp *s)
{
    if (s->linger) {
        uv_close((uv_handle_t *)s->linger, linger_freed);
        s->linger = NULL;
    }
    if (!uv_is_closing((uv_handle_t *)&s->uv)) {
        uv_close((uv_handle_t *)&s->uv, tcp_freed);
    }
}

static void linger_over(uv_timer_t *t)
{
    tcp_finish(t->data);
}

void tcp_close(struct tcp *s, uint64_t linger_ms)
{
    tcp_pause(s);
    if (s->tls && tls_state(s->tls) == TLS_OPEN) {
        struct strbuf out = STRBUF_INIT;
        tls_shutdown(s->tls, &out);
        wire_write(s, strbuf_slice(&out));
        strbuf_free(&out);
    }
    s->is_closing = true;
    if (s->writes_now && linger_ms > 0 && !s->has_failed) {
        s->linger = malloc(sizeof *s->linger);
        if (s->linger && uv_timer_init(s->uv.loop, s->linger) == 0) {
            s->linger->data = s;
            uv_timer_start(s->linger, linger_over, linger_ms, 0);
            return;
        }
        free(s->linger);
        s->linger = NULL;
    }
    tcp_finish(s);
}
