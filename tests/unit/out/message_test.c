/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "golden.h"
#include "testing.h"

#include "mail/mail.h"
#include "out/message.h"
#include "out/message_list.h"

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

static struct slice list_print(struct capture *c, enum out_format format, size_t width,
                               const struct message_row *rows, size_t n, bool has_more)
{
    capture_start(c);
    struct report_style style = {.width = width};
    struct message_list *l = message_list_new(c->f, format, &style);
    assert_non_null(l);
    for (size_t i = 0; i < n; i++) {
        message_list_add(l, &rows[i]);
    }
    assert_true(message_list_end(l, has_more));
    return capture_text(c);
}

static void test_list(void **state)
{
    (void)state;
    struct message_row rows[3] = {message(), message(), message()};
    rows[1].clock = CLOCK_NONE;
    rows[1].country = S("");
    rows[1].botnet = (struct row_label){.unknown = 1.0};
    rows[2].botnet = (struct row_label){
        .name = S("cutwail"), .best = S("cutwail"), .posterior = 0.9999, .unknown = 0.0001};
    struct capture c;
    struct slice text = list_print(&c, OUT_TEXT, 80, rows, 3, true);
    static const char TEXT[] =
        "id                received              trap            in  botnet             p\n"
        "abcdef0102030405  2010-10-01T12:34:56Z  north-1         VN  srizbi          0.97\n"
        "abcdef0102030405  -                     north-1         -   unknown            -\n"
        "abcdef0102030405  2010-10-01T12:34:56Z  north-1         VN  cutwail         >.99\n";
    assert_string_equal(text.p, TEXT);
    capture_end(&c);
    text = list_print(&c, OUT_CSV, 0, rows, 2, true);
    assert_string_equal(text.p, "id,received,trap,country,botnet,posterior\r\n"
                                "abcdef0102030405060708090a0b0c0d,2010-10-01T12:34:56Z,north-1,VN,"
                                "srizbi,0.9730\r\n"
                                "abcdef0102030405060708090a0b0c0d,,north-1,,unknown,\r\n");
    capture_end(&c);
    text = list_print(&c, OUT_JSON, 0, rows, 3, true);
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *list = json_object_get(root, "messages");
    assert_int_equal(json_array_size(list), 3);
    assert_true(json_is_true(json_object_get(root, "has_more")));
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "posterior")));
    json_decref(root);
    capture_end(&c);
    text = list_print(&c, OUT_JSONL, 0, rows, 3, false);
    size_t lines = 0;
    for (; text.n; lines++) {
        struct slice line = slice_cut(&text, '\n');
        json_t *row = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_object_size(row), 6);
        json_decref(row);
    }
    assert_int_equal(lines, 3);
    capture_end(&c);
}

/* Trap names are the operator's, labels a rule file's, countries a database's: escaped all the
 * same, and no line is wider than the page. */
static void test_list_hostile(void **state)
{
    (void)state;
    struct message_row m = message();
    m.trap = m.country = m.botnet.name = m.botnet.best = S("\x1b[2J\r\n\x9b"
                                                           "1m\xe2\x80\xae\xff and so on for long");
    for (size_t width = 60; width <= 160; width += 10) {
        struct capture c;
        struct slice text = list_print(&c, OUT_TEXT, width, &m, 1, false);
        for (size_t lines = 0; text.n; lines++) {
            struct slice line = slice_cut(&text, '\n');
            assert_true(line.n <= width && lines < 2);
            for (size_t i = 0; i < line.n; i++) {
                assert_true(line.p[i] >= 0x20 && line.p[i] < 0x7f);
            }
        }
        capture_end(&c);
    }
    FILE *full = fopen("/dev/full", "w");
    for (enum out_format f = OUT_TEXT; full && f <= OUT_CSV; f++) {
        struct message_list *l = message_list_new(full, f, &(struct report_style){.width = 80});
        message_list_add(l, &m);
        assert_false(message_list_end(l, false));
    }
    if (full) {
        fclose(full);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),         cmocka_unit_test(test_json),
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_no_secret),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
