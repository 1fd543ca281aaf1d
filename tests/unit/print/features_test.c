/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The features of whole messages. */
#include "message.h"

#include "print/features.h"

struct opened {
    struct message m;
    struct features f;
};

static struct url_context *urls;

static void features_open_from(struct opened *o, const char *raw, const char *envelope_from)
{
    struct envelope e = {slice_cstr(envelope_from), strlen(raw)};
    message_open(&o->m, slice_cstr(raw));
    assert_int_equal(features_extract(&o->f, &o->m.mail, &o->m.chain, urls, &e, o->m.arena), OK);
}

static void features_open(struct opened *o, const char *raw)
{
    features_open_from(o, raw, "");
}

/* The items of a TEXT or LIST joined by "|", the number of a NUMBER or FLAG, "-" when absent. */
static const char *feature_string(const struct features *f, const char *name)
{
    static char text[4096];
    enum feature_id id = feature_by_name(slice_cstr(name));
    size_t n = 0;
    if (id == FEATURE_COUNT) {
        fail_msg("no feature is called %s", name);
    }
    if (f->has_number[id]) {
        snprintf(text, sizeof text, "%lld", (long long)f->number[id]);
        return text;
    }
    for (size_t i = 0; i < f->text[id].count; i++) {
        assert_true(f->text[id].items[i].n > 0); /* absent is absent, never "" */
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? "|" : "",
                              SLICE_ARG(f->text[id].items[i]));
        assert_true(n < sizeof text);
    }
    return f->text[id].count ? text : "-";
}

static void assert_feature(const struct features *f, const char *name, const char *want)
{
    const char *got = feature_string(f, name);
    if (strcmp(got, want) != 0) {
        fail_msg("%s\n got: %s\nwant: %s", name, got, want);
    }
}

static const char WHOLE[] =
    "Return-Path: <bounce@example.com>\n"
    "Received: from PC-7 (dsl.example.net [198.51.100.7])\n"
    "\tby mx.example.org (Postfix) with ESMTP id A1B2C3D4E5\n"
    "\tfor <bob.smith@example.org>; Fri,  1 Oct 2010 12:35:00 +0200 (CEST)\n"
    "Received: from [203.0.113.5] by c.example.com; Fri, 1 Oct 2010 03:34:56 -0700\n"
    "Message-ID: <000001cb6154$1f2e3d4c$bob.smith@pc>\n"
    "From: =?utf-8?q?J=C3=B6rg?= <joe@example.com>\n"
    "To: bob.smith@example.org\n"
    "Cc: a@example.org, b@example.org\n"
    "Subject: =?utf-8?q?Buy_n=C3=B6w?=\n"
    "Date: Fri, 1 Oct 2010 12:34:56 +0200\n"
    "MIME-Version: 1.0\n"
    "X-Spam-Status: Yes\n"
    "Content-Type: multipart/mixed;\n\tboundary=\"----=_NextPart_000_0006_01CB6165.1F2E3D4D\"\n"
    "X-Mailer: Microsoft Outlook Express 6.00.2900.2180\n"
    "\n"
    "------=_NextPart_000_0006_01CB6165.1F2E3D4D\n"
    "Content-Type: text/plain; charset=\"iso-8859-1\"\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "\n"
    "see http://www.shop.example.com/a?id=3D1 n=F6w\n"
    "------=_NextPart_000_0006_01CB6165.1F2E3D4D\n"
    "Content-Type: text/html; charset=\"iso-8859-1\"\n"
    "\n"
    "<p>Hello <a href=\"http://img.example.net/b\">you</a>\n"
    "------=_NextPart_000_0006_01CB6165.1F2E3D4D\n"
    "Content-Type: image/gif; name=\"Photo_0012.GIF\"\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "R0lGODlh\n"
    "------=_NextPart_000_0006_01CB6165.1F2E3D4D--\n";

static void whole_message(void **state)
{
    static const struct {
        const char *name, *value;
    } CASES[] = {
        {"smtp.helo", "PC-7"},
        {"smtp.helo.form", "S"},
        {"smtp.proto", "ESMTP"},
        {"smtp.tls", "0"},
        {"client.ip", "198.51.100.7"},
        {"client.ptr", "dsl.example.net"},
        {"client.country", "-"},
        {"client.asn", "-"},
        {"fp.sd1", "-"},
        {"fp.td1", "-"},
        {"header.order", "Received|Message-ID|From|To|Cc|Subject|Date|MIME-Version|Content-Type|"
                         "X-Mailer"},
        {"received.forged", "from [203.0.113.5] by c.example.com; Fri, 1 Oct 2010 03:34:56 -0700"},
        {"msgid", "<000001cb6154$1f2e3d4c$bob.smith@pc>"},
        {"msgid.shape", "xxxxxxxxxxxx$xxxxxxxx$R@label"},
        {"msgid.class", "other"},
        {"msgid.host-form", "label"},
        {"msgid.has-rcpt", "1"},
        {"boundary", "----=_NextPart_000_0006_01CB6165.1F2E3D4D"},
        {"boundary.shape", "----=_NextPart_999_XXXX_XXXXXXXX.XXXXXXXX"},
        {"boundary.class", "nextpart"},
        {"boundary.clock", "ok"},
        {"outlook.clock", "-"},
        {"clock.collision", "-"},
        {"date", "Fri, 1 Oct 2010 12:34:56 +0200"},
        {"date.zone", "+0200"},
        {"date.style", "w, d m y t z"},
        {"date.offset", "-4"},
        {"mailer", "Microsoft Outlook Express 6.00.2900.2180"},
        {"mailer.class", "oe6"},
        {"mime.tree", "m(phg)"},
        {"charset", "iso-8859-1"},
        {"cte", "quoted-printable|base64"},
        {"from.addr", "joe@example.com"},
        {"from.local", "joe"},
        {"from.domain", "example.com"},
        {"from.name", "J\xc3\xb6rg"},
        {"to.bare", "1"},
        {"to.count", "3"},
        {"envelope.from", "bounce@example.com"},
        {"subject", "Buy n\xc3\xb6w"},
        {"attachment.name", "Photo_0012.GIF"},
        {"attachment.type", "image/gif"},
        {"url", "http://www.shop.example.com/a?id=1|http://img.example.net/b"},
        {"url.host", "www.shop.example.com|img.example.net"},
        {"url.domain", "example.com|example.net"},
        {"url.count", "2"},
    };
    struct opened o;
    (void)state;
    features_open(&o, WHOLE);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_feature(&o.f, CASES[i].name, CASES[i].value);
    }
    char size[32], whole[HD1_TEXT_BYTES + 1];
    snprintf(size, sizeof size, "%zu", sizeof WHOLE - 1);
    assert_feature(&o.f, "size", size);
    assert_feature(&o.f, "fp.hd1", o.m.text);
    snprintf(whole, sizeof whole, "HD1:%s", feature_string(&o.f, "hd1.a"));
    strncat(whole, "_", sizeof whole - strlen(whole) - 1);
    strncat(whole, feature_string(&o.f, "hd1.b"), sizeof whole - strlen(whole) - 1);
    strncat(whole, "_", sizeof whole - strlen(whole) - 1);
    strncat(whole, feature_string(&o.f, "hd1.c"), sizeof whole - strlen(whole) - 1);
    assert_string_equal(whole, o.m.text);
    assert_int_equal(o.f.attachment_count, 1);
    assert_int_equal(o.f.attachments[0].bytes, 6);
    assert_true(slice_eq(o.f.attachments[0].name_shape, S("w+_9+.gif")));
    assert_true(id128_eq(o.f.attachments[0].hash, hash_id128(S("GIF89a"))));
    assert_int_equal(o.f.text[FEATURE_BODY_TEXT].count, 2);
    assert_true(slice_find(o.f.text[FEATURE_BODY_TEXT].items[0], S("n\xc3\xb6w")) != SIZE_MAX);
    assert_true(slice_find(o.f.text[FEATURE_BODY_TEXT].items[1], S("Hello you")) != SIZE_MAX);
    assert_int_equal(o.f.text[FEATURE_BODY_HTML].count, 1);
    assert_true(slice_find(o.f.text[FEATURE_BODY_HTML].items[0], S("<a href")) != SIZE_MAX);
    message_close(&o.m);
}

#define TOP                                                                                        \
    "Received: from x.example.net (x.example.net [198.51.100.7]) by mx.example.org (Postfix)"      \
    " with ESMTP id A1B2C3D4E5; Fri,  1 Oct 2010 12:35:00 +0200 (CEST)\n"
#define PART(b) "Content-Type: multipart/mixed; boundary=\"" b "\"\n\n--" b "\n\nx\n--" b "--\n"

/* One thing each: a message and what one feature says of it. */
static void single_features(void **state)
{
    static const struct {
        const char *message, *name, *value;
    } CASES[] = {
        {"\n", "url.count", "0"},
        {"\n", "to.count", "-"},
        {"\n", "date.offset", "-"},
        {"\n", "msgid.has-rcpt", "-"},
        {"\n", "header.order", "-"},
        {"\n", "mime.tree", "p"},
        {"\n", "hd1.b", "-"},
        {"To: <a@example.org>\n\n", "to.bare", "0"},
        {"To: undisclosed-recipients:;\n\n", "to.bare", "0"},
        {"Subject: \n\n", "subject", "-"},
        {"User-Agent: Mutt/1.5\n\n", "mailer.class", "mutt"},
        {"X-Mailer: Home Brew\n\n", "mailer.class", "other"},
        /* 0x01cb6154 is the clock at that Date (msgid_test); 249 and 250 = 0xfa steps away */
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\nMessage-ID: "
         "<000001cb6154$00000001$00000002@pc>\n\n",
         "outlook.clock", "ok"},
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\nMessage-ID: "
         "<000001cb624d$00000001$00000002@pc>\n\n",
         "outlook.clock", "ok"},
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\nMessage-ID: "
         "<000001cb624e$00000001$00000002@pc>\n\n",
         "outlook.clock", "off"},
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\nMessage-ID: "
         "<000001c6527e$00000001$00000002@pc>\n\n",
         "outlook.clock", "off"},
        {"Message-ID: <000001cb6154$00000001$00000002@pc>\n\n", "outlook.clock", "-"},
        {TOP "Date: Fri, 1 Jan 1999 12:34:56 +0200\nMessage-ID: <000001cb6154$00000001$00000002@pc>"
             "\n\n",
         "outlook.clock", "ok"}, /* not the Date's, but the Received line's time */
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\n" PART("----=_NextPart_000_0001_01C6527E.00000001"),
         "boundary.clock", "old"},
        {"Date: Fri, 1 Oct 2010 12:34:56 +0200\n" PART("----=_NextPart_000_0001_01CBFFFF.00000001"),
         "boundary.clock", "off"},
        {"Message-ID: <000001cb6154$1234abcd$00000002@pc>\n" PART(
             "----=_NextPart_000_0001_01CB6154.1234ABCD"),
         "clock.collision", "1"},
        {"Message-ID: <000001cb6154$1234abce$00000002@pc>\n" PART(
             "----=_NextPart_000_0001_01CB6154.1234ABCD"),
         "clock.collision", "0"},
        {TOP "Message-Id: <20101001103500.A1B2C3D4E5@mx.example.org>\n\n", "msgid", "-"},
        {TOP "Return-Path: <forged@example.com>\n\n", "envelope.from", "m@example.com"},
        {"Return-Path: <>\n" TOP "\n", "envelope.from", "<>"},
        {"Return-Path: <r@example.com>\n" TOP "\n", "envelope.from", "r@example.com"},
        {"Received: from mx.example.org (x.example.net [198.51.100.7]) by mx.example.org (Postfix)"
         " with ESMTPS id A1B2C3D4E5; Fri,  1 Oct 2010 12:35:00 +0200 (CEST)\n\n",
         "smtp.helo.form", "T"},
        {"Received: from mx.example.org (x.example.net [198.51.100.7]) by mx.example.org (Postfix)"
         " with ESMTPS id A1B2C3D4E5; Fri,  1 Oct 2010 12:35:00 +0200 (CEST)\n\n",
         "smtp.tls", "1"},
        {TOP "\n", "smtp.helo.form", "P"},
        {"\nsee http://a.example.com/ and http://A.example.com/ and http://b.example.com/\n",
         "url.domain", "example.com"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct opened o;
        features_open_from(&o, CASES[i].message, "m@example.com");
        const char *got = feature_string(&o.f, CASES[i].name);
        if (strcmp(got, CASES[i].value) != 0) {
            fail_msg("case %zu: %s\n got: %s\nwant: %s", i, CASES[i].name, got, CASES[i].value);
        }
        message_close(&o.m);
    }
}

static void quirks(void **state)
{
    static const uint64_t OURS = QUIRK_BIT(DATE_MISSING) | QUIRK_BIT(DATE_BAD) |
                                 QUIRK_BIT(DATE_ZONE_BAD) | QUIRK_BIT(MSGID_MISSING) |
                                 QUIRK_BIT(MSGID_BAD) | QUIRK_BIT(MACRO);
#define GOOD_DATE "Date: Fri, 1 Oct 2010 12:34:56 +0200\n"
#define GOOD_ID   "Message-ID: <a.b@example.com>\n"
    static const struct {
        const char *message;
        uint64_t quirks;
    } CASES[] = {
        {GOOD_DATE GOOD_ID "\nx\n", 0},
        {GOOD_ID "\nx\n", QUIRK_BIT(DATE_MISSING)},
        {"Date: soon\n" GOOD_ID "\nx\n", QUIRK_BIT(DATE_BAD)},
        {"Date: Fri, 1 Oct 2010 12:34:56 +0260\n" GOOD_ID "\nx\n", QUIRK_BIT(DATE_ZONE_BAD)},
        {GOOD_DATE "\nx\n", QUIRK_BIT(MSGID_MISSING)},
        {GOOD_DATE "Message-ID: \n\nx\n", QUIRK_BIT(MSGID_MISSING)},
        {GOOD_DATE "Message-ID: a@example.com\n\nx\n", QUIRK_BIT(MSGID_BAD)},
        {GOOD_DATE GOOD_ID "Subject: buy $DIKSBJ\n\nx\n", QUIRK_BIT(MACRO)},
        {GOOD_DATE GOOD_ID "X-Spam-Report: %%RANDOM%%\n\nx\n", 0}, /* a relay's field */
        {GOOD_DATE GOOD_ID "\n%%RANDOM%%\n", 0},                   /* the body is not looked at */
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct opened o;
        features_open(&o, CASES[i].message);
        if ((o.f.quirks & OURS) != CASES[i].quirks) {
            fail_msg("case %zu: %s", i, feature_string(&o.f, "quirk"));
        }
        assert_int_equal(o.f.text[FEATURE_QUIRK].count, __builtin_popcountll(o.f.quirks));
        message_close(&o.m);
    }
}

static void table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        const struct feature_info *info = feature_info((enum feature_id)i);
        assert_int_equal(feature_by_name(slice_cstr(info->name)), i);
        assert_true(strlen(info->doc) > 3);
        assert_non_null(evidence_group_name(info->group));
    }
    assert_int_equal(feature_by_name(S("no.such")), FEATURE_COUNT);
    assert_int_equal(feature_by_name(S("")), FEATURE_COUNT);
}

static void setting(void **state)
{
    struct opened o;
    char country[] = "DE";
    (void)state;
    features_open(&o, "\n");
    assert_int_equal(
        features_set_text(&o.f, FEATURE_CLIENT_COUNTRY, slice_cstr(country), o.m.arena), OK);
    features_set_number(&o.f, FEATURE_CLIENT_ASN, 64500);
    country[0] = 'X'; /* it was copied */
    assert_true(slice_eq(features_text(&o.f, FEATURE_CLIENT_COUNTRY), S("DE")));
    assert_feature(&o.f, "client.asn", "64500");
    assert_int_equal(features_text(&o.f, FEATURE_SUBJECT).n, 0);
    message_close(&o.m);
}

/* Without memory: ERR_NOMEM at any allocation, never a crash. */
static void out_of_memory(void **state)
{
    bool done = false;
    (void)state;
    for (size_t limit = 1024; !done && limit < 1 << 24; limit += limit / 4) {
        struct arena *arena = arena_new(limit);
        struct mail m;
        struct chain c;
        struct features f;
        struct envelope e = {{NULL, 0}, 0};
        struct slice raw = {WHOLE, sizeof WHOLE - 1};
        assert_non_null(arena);
        if (mail_parse(&m, raw, arena) == OK && chain_build(&c, &m, NULL, TEST_NOW, arena) == OK) {
            enum err result = features_extract(&f, &m, &c, urls, &e, arena);
            assert_true(result == OK || result == ERR_NOMEM);
            done = result == OK;
        }
        arena_free(arena);
    }
    assert_true(done);
}

static int set_up(void **state)
{
    struct errbuf eb;
    (void)state;
    urls = url_context_new(&eb);
    return urls ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    url_context_free(urls);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_message), cmocka_unit_test(single_features),
        cmocka_unit_test(quirks),        cmocka_unit_test(table),
        cmocka_unit_test(setting),       cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests_name("features", tests, set_up, tear_down);
}
