/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The TLS filter against an OpenSSL client over memory buffers: whatever way the bytes are cut. */
#include "testing.h"

#include "core/limits.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[] = "/tmp/spamgauge-tls-XXXXXX", certificate[64], key[64];
static struct tls_context *context;

static int setup(void **state)
{
    struct errbuf eb = {.text = ""};
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    return tls_certificate_ensure(certificate, key, "mx.trap.example", &eb) == OK &&
                   tls_context_new(certificate, key, &context, &eb) == OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    tls_context_free(context);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* A client; `sent` is all that it has put on the wire. */
struct client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    struct strbuf sent;
};

static void client_open(struct client *c, int version, const char *name)
{
    *c = (struct client){.context = SSL_CTX_new(TLS_client_method()), .sent = STRBUF_INIT};
    assert_non_null(c->context);
    SSL_CTX_set_security_level(c->context, 0);
    if (version) {
        assert_true(SSL_CTX_set_min_proto_version(c->context, version));
        assert_true(SSL_CTX_set_max_proto_version(c->context, version));
    }
    c->ssl = SSL_new(c->context);
    c->in = BIO_new(BIO_s_mem());
    c->out = BIO_new(BIO_s_mem());
    assert_true(c->ssl && c->in && c->out);
    SSL_set_bio(c->ssl, c->in, c->out);
    SSL_set_connect_state(c->ssl);
    if (name) {
        /* what SSL_set_tlsext_host_name() does, but for the cast that drops the const */
        assert_true(SSL_ctrl(c->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                             (void *)(uintptr_t)name));
    }
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    strbuf_free(&c->sent);
    ERR_clear_error();
}

/* What the client has to say goes to the server in pieces, and the answers back. */
static void turn(struct client *c, struct tls *t, size_t piece, struct strbuf *plain)
{
    char bytes[4096];
    int n;
    while ((n = BIO_read(c->out, bytes, sizeof bytes)) > 0) {
        strbuf_add(&c->sent, slice_of(bytes, (size_t)n));
        for (size_t at = 0; at < (size_t)n; at += piece) {
            struct strbuf out = STRBUF_INIT;
            tls_read(t, slice_sub(slice_of(bytes, (size_t)n), at, piece), plain, &out);
            if (out.n > 0) {
                assert_int_equal(BIO_write(c->in, out.p, (int)out.n), out.n);
            }
            strbuf_free(&out);
        }
    }
}

static void shake(struct client *c, struct tls *t, size_t piece)
{
    struct strbuf plain = STRBUF_INIT;
    for (int i = 0; i < 10 && SSL_do_handshake(c->ssl) != 1; i++) {
        turn(c, t, piece, &plain);
    }
    turn(c, t, piece, &plain);
    assert_true(SSL_is_init_finished(c->ssl));
    assert_int_equal(tls_state(t), TLS_OPEN);
    assert_int_equal(plain.n, 0);
    strbuf_free(&plain);
}

/* The hello is the client's first record, byte for byte. */
static void hello_check(const struct client *c, const struct tls *t)
{
    enum { RECORD_HEADER = 5 };
    struct slice hello = tls_facts(t).hello;
    size_t length = (size_t)(uint8_t)c->sent.p[3] << 8 | (uint8_t)c->sent.p[4];
    assert_int_equal(hello.n, RECORD_HEADER + length);
    assert_memory_equal(hello.p, c->sent.p, hello.n);
}

static void talks(struct client *c, struct tls *t, size_t piece)
{
    static char body[40000], back[sizeof body];
    struct strbuf plain = STRBUF_INIT, out = STRBUF_INIT;
    size_t got = 0;
    memset(body, 'x', sizeof body);
    assert_int_equal(SSL_write(c->ssl, body, sizeof body), sizeof body);
    turn(c, t, piece, &plain);
    assert_int_equal(plain.n, sizeof body);
    assert_memory_equal(plain.p, body, sizeof body);
    tls_write(t, slice_of(body, sizeof body), &out);
    assert_int_equal(BIO_write(c->in, out.p, (int)out.n), out.n);
    for (int n;
         got < sizeof back && (n = SSL_read(c->ssl, back + got, (int)(sizeof back - got))) > 0;) {
        got += (size_t)n;
    }
    assert_int_equal(got, sizeof body);
    assert_memory_equal(back, body, sizeof body);
    strbuf_free(&plain);
    strbuf_free(&out);
}

static void versions_and_pieces(void **state)
{
    static const struct {
        int version;
        const char *name;
    } VERSIONS[] = {{TLS1_VERSION, "TLSv1"},
                    {TLS1_1_VERSION, "TLSv1.1"},
                    {TLS1_2_VERSION, "TLSv1.2"},
                    {TLS1_3_VERSION, "TLSv1.3"}};
    static const size_t PIECES[] = {1, 7, 4096};
    (void)state;
    for (size_t v = 0; v < sizeof VERSIONS / sizeof *VERSIONS; v++) {
        for (size_t p = 0; p < sizeof PIECES / sizeof *PIECES; p++) {
            struct client c;
            struct tls *t = tls_new(context);
            assert_non_null(t);
            client_open(&c, VERSIONS[v].version, p ? "mx.trap.example" : NULL);
            shake(&c, t, PIECES[p]);
            struct tls_facts f = tls_facts(t);
            assert_true(slice_eq(f.version, slice_cstr(VERSIONS[v].name)));
            assert_true(f.cipher.n > 0);
            assert_true(slice_eq(f.sni, p ? S("mx.trap.example") : S("")));
            hello_check(&c, t);
            talks(&c, t, PIECES[p]);
            hello_check(&c, t); /* nothing came behind it */
            client_close(&c);
            tls_free(t);
        }
    }
}

static void either_may_close(void **state)
{
    struct client c;
    struct strbuf plain = STRBUF_INIT, out = STRBUF_INIT;
    struct tls *t = tls_new(context);
    char byte;
    (void)state;
    assert_non_null(t);
    client_open(&c, 0, NULL);
    shake(&c, t, 4096);
    tls_shutdown(t, &out);
    assert_true(out.n > 0);
    assert_int_equal(BIO_write(c.in, out.p, (int)out.n), out.n);
    assert_int_equal(SSL_read(c.ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_shutdown(c.ssl), SSL_RECEIVED_SHUTDOWN);
    SSL_shutdown(c.ssl);
    turn(&c, t, 4096, &plain);
    assert_int_equal(tls_state(t), TLS_CLOSED);
    assert_true(tls_facts(t).version.n > 0); /* still known */
    strbuf_clear(&out);
    assert_int_equal(tls_read(t, S("more"), &plain, &out), TLS_CLOSED);
    assert_int_equal(plain.n, 0);
    client_close(&c);
    tls_free(t);
    strbuf_free(&plain);
    strbuf_free(&out);
}

/* No TLS, a record that says it is long, one that ends: failed or waiting, never open, and of the
 * hello no more is kept than the limit. */
static void what_is_no_hello(void **state)
{
    static char long_record[LIMIT_TLS_HELLO_BYTES + 100] = "\x16\x03\x01\xff\xff\x01\x00\xff\xfb";
    const struct slice inputs[] = {S("EHLO a.example\r\n"), S("\x16\x03\x01\x00\x00"),
                                   S("\x80\x2e\x01\x03\x01"), S("\x00"),
                                   slice_of(long_record, sizeof long_record)};
    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        struct strbuf plain = STRBUF_INIT, out = STRBUF_INIT;
        struct tls *t = tls_new(context);
        assert_non_null(t);
        tls_read(t, inputs[i], &plain, &out);
        assert_int_not_equal(tls_state(t), TLS_OPEN);
        assert_int_equal(plain.n, 0);
        struct tls_facts f = tls_facts(t);
        assert_true(f.hello.n <= inputs[i].n && f.hello.n <= LIMIT_TLS_HELLO_BYTES);
        assert_memory_equal(f.hello.p, inputs[i].p, f.hello.n);
        assert_int_equal(f.version.n, 0);
        tls_free(t);
        strbuf_free(&plain);
        strbuf_free(&out);
    }
}

/* A changed byte of what was encrypted ends it. */
static void tampering_is_noticed(void **state)
{
    struct client c;
    char bytes[512];
    struct strbuf plain = STRBUF_INIT, out = STRBUF_INIT;
    struct tls *t = tls_new(context);
    (void)state;
    assert_non_null(t);
    client_open(&c, 0, NULL);
    shake(&c, t, 4096);
    assert_int_equal(SSL_write(c.ssl, "QUIT\r\n", 6), 6);
    int n = BIO_read(c.out, bytes, sizeof bytes);
    assert_true(n > 0);
    bytes[n - 1] ^= 1;
    assert_int_equal(tls_read(t, slice_of(bytes, (size_t)n), &plain, &out), TLS_FAILED);
    assert_int_equal(plain.n, 0);
    client_close(&c);
    tls_free(t);
    strbuf_free(&plain);
    strbuf_free(&out);
}

static void files_that_do_not_fit(void **state)
{
    char other[80], other_key[80];
    struct tls_context *c = NULL;
    struct errbuf eb = {.text = ""};
    struct stat st;
    (void)state;
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tls_context_new("/nonexistent", key, &c, &eb), ERR_IO);
    assert_non_null(strstr(eb.text, "/nonexistent"));
    snprintf(other, sizeof other, "%s/other.pem", folder);
    snprintf(other_key, sizeof other_key, "%s/other-key.pem", folder);
    assert_int_equal(tls_certificate_ensure(other, other_key, "x.example", &eb), OK);
    assert_int_equal(tls_context_new(certificate, other_key, &c, &eb), ERR_IO);
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_pieces),   cmocka_unit_test(either_may_close),
        cmocka_unit_test(what_is_no_hello),      cmocka_unit_test(tampering_is_noticed),
        cmocka_unit_test(files_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
