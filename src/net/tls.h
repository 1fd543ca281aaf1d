/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS of one connection as a filter between two byte streams (OpenSSL over memory buffers): cipher
 * bytes in, plain bytes out, and back. It knows no sockets. A trap takes what old bots speak: TLS
 * 1.0 on, all ciphers with a key; its certificate is its own. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "core/err.h"
#include "core/slice.h"
#include "core/strbuf.h"

struct tls_context;

/* Makes a key (P-256) and a certificate signed with it for `host`, valid ten years, unless both
 * files are there; written with mode 0600 and 0644. ERR_IO. */
enum err tls_certificate_ensure(const char *certificate, const char *key, const char *host,
                                struct errbuf *eb) MUST_USE;

/* Reads PEM files. ERR_IO or ERR_CONFIG with OpenSSL's own words. */
enum err tls_context_new(const char *certificate, const char *key, struct tls_context **out,
                         struct errbuf *eb) MUST_USE;
void tls_context_free(struct tls_context *c);

struct tls;

/* The server's end of one connection. NULL when out of memory. */
struct tls *tls_new(struct tls_context *c) MUST_USE;
void tls_free(struct tls *t);

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_FAILED, TLS_CLOSED /* the peer said close_notify */ };
enum tls_state tls_state(const struct tls *t);

/* Feeds cipher bytes; plain bytes are appended to `plain`, what must be sent to `out`. */
enum tls_state tls_read(struct tls *t, struct slice cipher, struct strbuf *plain,
                        struct strbuf *out);
/* Encrypts; appends to `out`. Only in TLS_OPEN. */
void tls_write(struct tls *t, struct slice plain, struct strbuf *out);
/* Appends the close_notify. */
void tls_shutdown(struct tls *t, struct strbuf *out);

struct tls_facts {
    struct slice version; /* "TLSv1.3" */
    struct slice cipher;
    struct slice sni;   /* the server name the client asked for; empty: none */
    struct slice hello; /* its first record as it came, at most LIMIT_TLS_HELLO_BYTES */
};
/* What is known so far; borrowed from `t`. */
struct tls_facts tls_facts(const struct tls *t);

#endif
