/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AUTH (RFC 4954): PLAIN, LOGIN, CRAM-MD5. Kept are mechanism and user name; of the password only a
 * keyed hash, so that equal ones can be told. XCLIENT (Postfix): a relay of ours says who its
 * client was. */
#include "smtp/session_state.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdio.h>

enum { DECODED_BYTES = LIMIT_SMTP_LINE_BYTES, HIDDEN_LINES = 2 };

/* Base64 of one line; false if it is none. `out` holds DECODED_BYTES. */
static bool decode(struct slice line, char *out, struct slice *text)
{
    size_t padding = 0;
    if (line.n == 0 || line.n % 4 != 0 || line.n > DECODED_BYTES) {
        *text = slice_of(out, 0);
        return line.n == 0;
    }
    padding += line.p[line.n - 1] == '=';
    padding += line.p[line.n - 2] == '=';
    int n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)line.p, (int)line.n);
    if (n < 0 || (size_t)n < padding) {
        return false;
    }
    *text = slice_of(out, (size_t)n - padding);
    return true;
}

static void user_keep(struct session *s, struct slice user)
{
    strbuf_clear(&s->auth_user);
    strbuf_add(&s->auth_user, slice_sub(user, 0, LIMIT_SMTP_AUTH_BYTES));
}

static void auth_end(struct session *s, enum reply_id r)
{
    s->phase = PHASE_COMMAND;
    s->auth = AUTH_NONE;
    if (r == REPLY_AUTH_OK) {
        s->is_authenticated = true;
    }
    session_reply(s, r, NULL);
}

static void auth_judge(struct session *s, struct slice password)
{
    if (s->service->key && password.n > 0) {
        s->auth_password = hash_keyed(s->service->key, password);
    }
    auth_end(s, s->service->accepts_auth ? REPLY_AUTH_OK : REPLY_AUTH_BAD);
}

/* RFC 4616: authorisation identity, NUL, user, NUL, password. */
static void plain_judge(struct session *s, struct slice text)
{
    slice_cut(&text, '\0');
    user_keep(s, slice_cut(&text, '\0'));
    auth_judge(s, text);
}

/* RFC 2195: user, blank, digest. The digest hides the password from us, too. */
static void cram_judge(struct session *s, struct slice text)
{
    size_t end = text.n;
    while (end > 0 && text.p[end - 1] != ' ') {
        end--;
    }
    user_keep(s, slice_sub(text, 0, end > 0 ? end - 1 : 0));
    auth_judge(s, S(""));
}

static void auth_ask(struct session *s, enum auth_mechanism next, struct slice base64)
{
    s->auth = next;
    s->phase = PHASE_AUTH;
    session_reply_text(s, 334, base64);
}

void auth_line(struct session *s, struct slice line)
{
    char buffer[DECODED_BYTES];
    struct slice text;
    if (slice_eq(line, S("*")) || !decode(line, buffer, &text)) {
        auth_end(s, REPLY_AUTH_CANCELLED);
        return;
    }
    switch (s->auth) {
    case AUTH_PLAIN:
        plain_judge(s, text);
        break;
    case AUTH_LOGIN_USER:
        user_keep(s, text);
        auth_ask(s, AUTH_LOGIN_PASSWORD, S("UGFzc3dvcmQ6")); /* "Password:" */
        break;
    case AUTH_LOGIN_PASSWORD:
        auth_judge(s, text);
        break;
    case AUTH_CRAM_MD5:
        cram_judge(s, text);
        break;
    case AUTH_NONE:
        break;
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
}

static struct slice mechanism_name(struct slice name)
{
    static const struct slice NAMES[] = {SLICE("PLAIN"),   SLICE("LOGIN"),      SLICE("CRAM-MD5"),
                                         SLICE("NTLM"),    SLICE("DIGEST-MD5"), SLICE("GSSAPI"),
                                         SLICE("XOAUTH2"), SLICE("EXTERNAL")};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (slice_ieq(name, NAMES[i])) {
            return NAMES[i];
        }
    }
    return name.n > 0 ? (struct slice)SLICE("other") : (struct slice)SLICE("none");
}

bool auth_check(struct session *s, const struct command *c)
{
    struct slice rest = c->argument, name = slice_cut(&rest, ' ');
    s->auth_name = mechanism_name(name);
    if (!(s->traits->extensions & EXTENSION_AUTH)) {
        /* A client that does not listen sends its name and password all the same. */
        s->auth_lines_hidden = HIDDEN_LINES;
        session_reply(s, REPLY_AUTH_NONE, c);
        return false;
    }
    return true;
}

static void cram_ask(struct session *s)
{
    char challenge[160];
    unsigned char base64[4 * sizeof challenge / 3 + 4];
    int n = snprintf(challenge, sizeof challenge, "<%u.%lld@%.*s>", session_random(s, 1u << 31),
                     (long long)(s->head.accepted_us / 1000000),
                     SLICE_ARG(slice_sub(s->service->host, 0, 100)));
    int m = EVP_EncodeBlock(base64, (const unsigned char *)challenge, n);
    auth_ask(s, AUTH_CRAM_MD5, slice_of((const char *)base64, (size_t)m));
}

/* Begins the exchange of a mechanism that is known; `text` is the decoded initial response. */
static void auth_begin(struct session *s, struct slice name, bool has_initial, struct slice text)
{
    if (slice_ieq(name, S("CRAM-MD5"))) {
        cram_ask(s);
    } else if (slice_ieq(name, S("PLAIN"))) {
        if (has_initial) {
            plain_judge(s, text);
        } else {
            auth_ask(s, AUTH_PLAIN, S(""));
        }
    } else if (has_initial) {
        user_keep(s, text);
        auth_ask(s, AUTH_LOGIN_PASSWORD, S("UGFzc3dvcmQ6"));
    } else {
        auth_ask(s, AUTH_LOGIN_USER, S("VXNlcm5hbWU6")); /* "Username:" */
    }
}

void auth_proceed(struct session *s, const struct command *c)
{
    char buffer[DECODED_BYTES];
    struct slice initial = c->argument, name = slice_cut(&initial, ' '), text = S("");
    initial = slice_trim(initial);
    if (!slice_ieq(name, S("PLAIN")) && !slice_ieq(name, S("LOGIN")) &&
        !slice_ieq(name, S("CRAM-MD5"))) {
        s->auth_lines_hidden = HIDDEN_LINES;
        session_reply(s, REPLY_AUTH_MECHANISM, c);
    } else if (initial.n > 0 && !slice_eq(initial, S("=")) && !decode(initial, buffer, &text)) {
        session_reply(s, REPLY_AUTH_CANCELLED, c); /* RFC 4954 4: "=" stands for nothing */
    } else {
        auth_begin(s, name, initial.n > 0, text);
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
}

/* ---- XCLIENT ---- */

bool session_is_relay(const struct session *s)
{
    for (size_t i = 0; i < s->service->relay_count; i++) {
        if (cidr_holds(s->service->relays[i], s->head.client)) {
            return true;
        }
    }
    return false;
}

bool xclient_check(struct session *s, const struct command *c)
{
    if (!session_is_relay(s)) {
        session_reply(s, REPLY_UNKNOWN, c);
        return false;
    }
    if (s->has_mail || c->argument.n == 0) {
        session_reply(s, s->has_mail ? REPLY_MAIL_TWICE : REPLY_MAIL_SYNTAX, c);
        return false;
    }
    return true;
}

/* "+XX" of RFC 3461; returns what fits. */
static struct slice xtext(struct slice s, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < room; i++) {
        if (s.p[i] == '+' && i + 2 < s.n && ascii_hex(s.p[i + 1]) >= 0 &&
            ascii_hex(s.p[i + 2]) >= 0) {
            out[n++] = (char)(ascii_hex(s.p[i + 1]) * 16 + ascii_hex(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return slice_of(out, n);
}

static void xclient_attribute(struct session *s, struct slice name, struct slice value)
{
    struct ip ip;
    uint64_t port;
    if (slice_ieq(value, S("[UNAVAILABLE]")) || slice_ieq(value, S("[TEMPUNAVAIL]"))) {
        return;
    }
    if (slice_ieq(name, S("ADDR")) && ip_parse(value, &ip)) {
        s->head.client = ip;
        s->head.has_proxy = true;
        session_name_client(s);
    } else if (slice_ieq(name, S("PORT")) && slice_to_u64(value, &port) && port <= UINT16_MAX) {
        s->head.client_port = (uint16_t)port;
    } else if (slice_ieq(name, S("DESTADDR")) && ip_parse(value, &ip)) {
        s->head.server = ip;
    } else if (slice_ieq(name, S("DESTPORT")) && slice_to_u64(value, &port) && port <= UINT16_MAX) {
        s->head.server_port = (uint16_t)port;
    } else if (slice_ieq(name, S("HELO"))) {
        strbuf_clear(&s->helo);
        strbuf_add(&s->helo, slice_sub(value, 0, LIMIT_SMTP_HELO_BYTES));
        s->has_helo = true;
    } else if (slice_ieq(name, S("NAME"))) {
        strbuf_add(&s->client_name, slice_sub(value, 0, LIMIT_SMTP_HELO_BYTES));
    } else if (slice_ieq(name, S("PROTO"))) {
        s->is_esmtp = slice_ieq(value, S("ESMTP"));
    }
}

void xclient_proceed(struct session *s, const struct command *c)
{
    struct slice rest = c->argument, name, value;
    char buffer[LIMIT_SMTP_HELO_BYTES];
    s->has_helo = false;
    strbuf_clear(&s->client_name); /* of whoever it spoke for before */
    transaction_reset(s);
    while (parameter_next(&rest, &name, &value)) {
        xclient_attribute(s, name, xtext(value, buffer, sizeof buffer));
    }
    session_reply(s, REPLY_BANNER, c);
}
