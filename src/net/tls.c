/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tls.h"

#include "core/limits.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdlib.h>

struct tls_context {
    SSL_CTX *ssl;
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
    enum tls_state state;
    char hello[LIMIT_TLS_HELLO_BYTES];
    size_t hello_bytes;
    size_t hello_left; /* of the first record; SIZE_MAX: its header is not whole */
};

/* OpenSSL's own words for what failed last; empties its queue. */
static enum err tls_error(struct errbuf *eb, enum err e, const char *what)
{
    char text[256] = "unknown reason";
    unsigned long code = ERR_get_error();
    if (code) {
        ERR_error_string_n(code, text, sizeof text);
    }
    ERR_clear_error();
    return err_set(eb, e, "%s: %s", what, text);
}

enum err tls_context_new(const char *certificate, const char *key, struct tls_context **out,
                         struct errbuf *eb)
{
    struct tls_context *c = calloc(1, sizeof *c);
    enum err e = OK;
    if (!c || !(c->ssl = SSL_CTX_new(TLS_server_method()))) {
        free(c);
        return ERR_NOMEM;
    }
    /* A trap refuses nobody: bots bring the TLS of their youth. */
    SSL_CTX_set_security_level(c->ssl, 0);
    if (!SSL_CTX_set_min_proto_version(c->ssl, TLS1_VERSION) ||
        !SSL_CTX_set_cipher_list(c->ssl, "ALL:!aNULL:!eNULL:@SECLEVEL=0")) {
        e = tls_error(eb, ERR_CONFIG, "TLS");
    } else if (SSL_CTX_use_certificate_chain_file(c->ssl, certificate) != 1) {
        e = tls_error(eb, ERR_IO, certificate);
    } else if (SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(c->ssl) != 1) {
        e = tls_error(eb, ERR_IO, key);
    }
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (e != OK) {
        tls_context_free(c);
        return e;
    }
    *out = c;
    return OK;
}

void tls_context_free(struct tls_context *c)
{
    if (c) {
        SSL_CTX_free(c->ssl);
        free(c);
    }
}

struct tls *tls_new(struct tls_context *c)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t) {
        return NULL;
    }
    t->ssl = SSL_new(c->ssl);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    t->hello_left = SIZE_MAX;
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t) {
        SSL_free(t->ssl);
        free(t);
    }
}

enum tls_state tls_state(const struct tls *t)
{
    return t->state;
}

/* The client's first record as it is on the wire: type, version, length, hello. */
static void hello_keep(struct tls *t, struct slice bytes)
{
    enum { RECORD_HEADER = 5 };
    while (bytes.n > 0 && t->hello_left > 0 && t->hello_bytes < sizeof t->hello) {
        t->hello[t->hello_bytes++] = *bytes.p;
        bytes = slice_sub(bytes, 1, bytes.n);
        if (t->hello_left != SIZE_MAX) {
            t->hello_left--;
        } else if (t->hello_bytes == RECORD_HEADER) {
            t->hello_left = (size_t)(uint8_t)t->hello[3] << 8 | (uint8_t)t->hello[4];
        }
    }
}

static void output_take(struct tls *t, struct strbuf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(t->out, &p);
    if (n > 0) {
        strbuf_add(out, slice_of(p, (size_t)n));
        (void)BIO_reset(t->out);
    }
}

static void state_of_failure(struct tls *t, int result)
{
    int error = SSL_get_error(t->ssl, result);
    if (error == SSL_ERROR_ZERO_RETURN) {
        t->state = TLS_CLOSED;
    } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        t->state = TLS_FAILED;
    }
    ERR_clear_error();
}

enum tls_state tls_read(struct tls *t, struct slice cipher, struct strbuf *plain,
                        struct strbuf *out)
{
    char buffer[4096];
    if (t->state == TLS_FAILED || t->state == TLS_CLOSED) {
        return t->state;
    }
    hello_keep(t, cipher);
    if (cipher.n > 0 && BIO_write(t->in, cipher.p, (int)cipher.n) != (int)cipher.n) {
        t->state = TLS_FAILED;
        return t->state;
    }
    if (t->state == TLS_HANDSHAKE) {
        int done = SSL_accept(t->ssl);
        if (done == 1) {
            t->state = TLS_OPEN;
        } else {
            state_of_failure(t, done);
        }
    }
    while (t->state == TLS_OPEN) {
        int n = SSL_read(t->ssl, buffer, sizeof buffer);
        if (n <= 0) {
            state_of_failure(t, n);
            break;
        }
        strbuf_add(plain, slice_of(buffer, (size_t)n));
    }
    output_take(t, out);
    return t->state;
}

void tls_write(struct tls *t, struct slice plain, struct strbuf *out)
{
    if (plain.n > 0 && SSL_write(t->ssl, plain.p, (int)plain.n) != (int)plain.n) {
        out->failed = true; /* a memory buffer takes all, or memory is out */
        ERR_clear_error();
    }
    output_take(t, out);
}

void tls_shutdown(struct tls *t, struct strbuf *out)
{
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
    output_take(t, out);
}

struct tls_facts tls_facts(const struct tls *t)
{
    struct tls_facts f = {.hello = slice_of(t->hello, t->hello_bytes)};
    if (t->state == TLS_OPEN || t->state == TLS_CLOSED) {
        f.version = slice_cstr(SSL_get_version(t->ssl));
        f.cipher = slice_cstr(SSL_get_cipher_name(t->ssl));
    }
    f.sni = slice_cstr(SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
    return f;
}
