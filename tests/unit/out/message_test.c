/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "golden.h"
#include "testing.h"

#include "mail/mail.h"
#include "out/message.h"

#include <jansson.h>

#define SECRET "trap-7f3a"

static const struct slice DOMAINS[] = {SLICE("pills.example.com"), SLICE("img.example.net")};
static const struct slice SHAPES[] = {SLICE("http://d/a*.html?a=9*")};
static const struct slice RULES[] = {
    SLICE("6f0c7a52-6d0b-4b7e-9a55-0d2f4f1c1a01"),
    SLICE("6f0c7a52-6d0b-4b7e-9a55-0d2f4f1c1a02"),
};
static const struct row_attachment ATTACHMENTS[] = {
    {SLICE("image/gif"), SLICE("a*9.gif"), {{1, 2, 3}}, 20480},
};

static struct slice title_of(void *arg, struct slice id)
{
    (void)arg;
    return slice_eq(id, RULES[0]) ? S("Srizbi: Message-ID <000...@host> shape") : S("");
}

static const struct message_names NAMES = {SLICE("north"), title_of, NULL};

static struct message_row message(void)
{
    struct message_row m = {
        .id = {{0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
        .trap = S("north-1"),
        .received = 1285936496,
        .clock = CLOCK_RECEIVED,
        .has_client = true,
        .country = S("VN"),
        .asn = 45899,
        .helo = S("localhost"),
        .ptr = S("dynamic.example.net"),
        .protocol = S("ESMTP"),
        .envelope_from = S("bounce+" SECRET "=example.org@bulk.example.com"),
        .recipients = 3,
        .bytes = 4711,
        .hd1 = S("hd1:oe,p,L:0123456789ab:ba9876543210"),
        .msgid_shape = S("<h12$h8$h8@l>"),
        .mime_tree = S("aph"),
        .mailer = S("Microsoft Outlook Express 6.00.2900.2180"),
        .charsets = S("windows-1251"),
        .subject = S("For " SECRET "@example.org only: 80 % off"),
        .has_date_offset = true,
        .date_offset = -(3 * 86400 + 4 * 3600 + 59),
        .domains = DOMAINS,
        .domain_count = 2,
        .url_shapes = SHAPES,
        .url_shape_count = 1,
        .attachments = ATTACHMENTS,
        .attachment_count = 1,
        .quirks = QUIRK_BIT(MSGID_BAD) | QUIRK_BIT(DATE_ZONE_BAD),
        .botnet = {S("srizbi"), S("srizbi"), 0.973, S("rustock"), 0.02, 0.007, false},
        .mailer_label = {S(""), S("reactor"), 0.71, S("unknown"), 0.29, 0.29, true},
        .program = {S(""), S(""), 0, S(""), 0, 1.0, false},
        .rule_ids = RULES,
        .rule_count = 2,
        .pack_version = S("spamgauge-2026.11+9f3a1c2b"),
    };
    assert_true(ip_parse(S("192.0.2.77"), &m.client));
    return m;
}

static void test_text(void **state)
{
    (void)state;
    struct message_row m = message();
    struct capture c;
    capture_start(&c);
    assert_true(
        message_print_text(c.f, &m, &NAMES, &(struct report_style){.width = 80, .use_utf8 = true}));
    golden_check("message-80.txt", capture_text(&c));
    capture_end(&c);
    struct message_row bare = {.trap = S("t"), .recipients = 1};
    capture_start(&c);
    assert_true(message_print_text(c.f, &bare, NULL, &(struct report_style){.width = 80}));
    golden_check("message-bare-80.txt", capture_text(&c));
    capture_end(&c);
}

static void test_json(void **state)
{
    (void)state;
    struct message_row m = message();
    struct capture c;
    capture_start(&c);
    assert_true(message_print(c.f, OUT_JSON, &m, &NAMES));
    struct slice text = capture_text(&c);
    golden_check("message.json", text);
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "id")),
                        "abcdef0102030405060708090a0b0c0d");
    assert_string_equal(json_string_value(json_object_get(root, "envelope_from")),
                        "<redacted>@bulk.example.com");
    assert_int_equal(json_array_size(json_object_get(root, "rule_titles")), 2);
    assert_true(json_is_null(json_array_get(json_object_get(root, "rule_titles"), 1)));
    assert_true(json_is_null(json_object_get(root, "sd1"))); /* unknown is null */
    json_decref(root);
    capture_end(&c);
}

/* One line and one row, although there are lists inside. */
static void test_rows(void **state)
{
    (void)state;
    struct message_row m = message();
    for (enum out_format f = OUT_JSONL; f <= OUT_CSV; f++) {
        struct capture c;
        capture_start(&c);
        assert_true(message_print(c.f, f, &m, &NAMES));
        struct slice text = capture_text(&c);
        size_t lines = 0;
        for (size_t i = 0; i < text.n; i++) {
            lines += text.p[i] == '\n';
        }
        assert_int_equal(lines, f == OUT_CSV ? 2 : 1);
        capture_end(&c);
    }
}

/* An address in every field that a sender writes: its local part leaves through no form. */
static void test_no_secret(void **state)
{
    (void)state;
    struct message_row m = message();
    struct slice address = S(SECRET "@example.org");
    struct slice domains[] = {address};
    m.helo = m.ptr = m.mailer = m.subject = m.envelope_from = address;
    m.domains = domains;
    m.domain_count = 1;
    for (enum out_format f = OUT_TEXT; f <= OUT_CSV; f++) {
        struct capture c;
        capture_start(&c);
        if (f == OUT_TEXT) {
            assert_true(message_print_text(c.f, &m, &NAMES, &(struct report_style){.width = 80}));
        } else {
            assert_true(message_print(c.f, f, &m, &NAMES));
        }
        struct slice text = capture_text(&c);
        if (slice_find(text, S(SECRET)) != SIZE_MAX) {
            fail_msg("the address is in the %s form", out_format_name(f));
        }
        assert_true(slice_find(text, S("<redacted>@example.org")) != SIZE_MAX);
        capture_end(&c);
    }
}

static void test_hostile(void **state)
{
    (void)state;
    struct message_row m = message();
    struct slice evil = S("\x1b[2J\r\n\x9b"
                          "1m\xe2\x80\xae\xff");
    struct slice list[] = {evil};
    m.trap = m.helo = m.ptr = m.subject = m.mailer = m.charsets = m.tls = m.hd1 = evil;
    m.botnet.name = m.botnet.best = m.pack_version = m.mime_tree = evil;
    m.domains = m.url_shapes = m.rule_ids = list;
    m.domain_count = m.url_shape_count = m.rule_count = 1;
    struct capture c;
    capture_start(&c);
    assert_true(message_print_text(c.f, &m, NULL, &(struct report_style){.width = 80}));
    struct slice text = capture_text(&c);
    for (size_t i = 0; i < text.n; i++) {
        assert_true(text.p[i] == '\n' || (text.p[i] >= 0x20 && text.p[i] < 0x7f));
    }
    capture_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_no_secret),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
