/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session holds outside of a message's body: must stay within 64 KiB. */
#ifndef SESSION_BYTES_H
#define SESSION_BYTES_H

#include "smtp/session_state.h"

enum { SESSION_BYTES_MAX = 64 * 1024 };

static inline size_t session_bytes(const struct session *s)
{
    size_t last =
        s->transcript.last
            ? LIMIT_SMTP_STEPS_LAST * (sizeof(struct session_step) + LIMIT_SMTP_STEP_LAST_BYTES)
            : 0;
    return sizeof *s + s->held.capacity + s->skipped.capacity + s->out.capacity + s->helo.capacity +
           s->tls_version.capacity + s->tls_cipher.capacity + s->tls_sni.capacity +
           s->tls_hello.capacity + s->auth_user.capacity + s->envelope.capacity +
           s->rcpt_capacity * sizeof *s->rcpts +
           s->transcript.capacity * (sizeof *s->transcript.first + sizeof *s->transcript.offset) +
           s->transcript.texts.capacity + last;
}

#endif
