/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trap's own certificate, made when there is none. */
#include "net/tls.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { DAYS = 3650 };

static bool name_add(X509 *x, const char *host)
{
    char alternative[300];
    snprintf(alternative, sizeof alternative, "DNS:%s", host);
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    /* RFC 5280: a common name has at most 64 bytes. */
    int n = strlen(host) < 64 ? (int)strlen(host) : 64;
    bool is_added = san && X509_add_ext(x, san, -1) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                               (const unsigned char *)host, n, -1, 0) == 1 &&
                    X509_set_issuer_name(x, name) == 1;
    X509_EXTENSION_free(san);
    return is_added;
}

static X509 *certificate_make(EVP_PKEY *key, const char *host)
{
    X509 *x = X509_new();
    uint64_t serial = 0;
    if (x && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
        X509_set_version(x, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
        X509_gmtime_adj(X509_getm_notAfter(x), 86400L * DAYS) && X509_set_pubkey(x, key) == 1 &&
        name_add(x, host) && X509_sign(x, key, EVP_sha256()) > 0) {
        return x;
    }
    X509_free(x);
    return NULL;
}

/* A file of its own beside `path`, renamed when it is whole. */
static enum err file_write(const char *path, mode_t mode, bool (*print)(FILE *f, void *arg),
                           void *arg, struct errbuf *eb)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary) {
        return err_set(eb, ERR_IO, "%s: the name is too long", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) {
        enum err e = err_set(eb, ERR_IO, "%s: %s", temporary, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return e;
    }
    bool is_written = print(f, arg) && fflush(f) == 0 && fsync(fd) == 0;
    is_written = fclose(f) == 0 && is_written;
    if (!is_written || rename(temporary, path) != 0) {
        enum err e = err_set(eb, ERR_IO, "%s: %s", path, strerror(errno));
        unlink(temporary);
        return e;
    }
    return OK;
}

static bool key_print(FILE *f, void *arg)
{
    return PEM_write_PrivateKey(f, arg, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool certificate_print(FILE *f, void *arg)
{
    return PEM_write_X509(f, arg) == 1;
}

enum err tls_certificate_ensure(const char *certificate, const char *key, const char *host,
                                struct errbuf *eb)
{
    if (access(certificate, F_OK) == 0 && access(key, F_OK) == 0) {
        return OK;
    }
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x = pair ? certificate_make(pair, host) : NULL;
    enum err e = OK;
    if (!x) {
        ERR_clear_error();
        e = err_set(eb, ERR_IO, "no certificate could be made for '%s'", host);
    } else if ((e = file_write(key, 0600, key_print, pair, eb)) == OK) {
        e = file_write(certificate, 0644, certificate_print, x, eb);
    }
    X509_free(x);
    EVP_PKEY_free(pair);
    return e;
}
