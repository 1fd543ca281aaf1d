/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a file is, by its first bytes, and what a "From " line is. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */

#include "core/strbuf.h"
#include "mail/source_kind.h"

#include <stdio.h>

static const struct kind_case {
    const char *name;
    struct slice head;
    enum source_kind kind;
    const char *reason;
} KINDS[] = {
    {"plain mail", SLICE("From: a@example.com\nTo: b@example.com\n\nhi\n"), SOURCE_MAIL, NULL},
    {"CRLF", SLICE("Subject: x\r\n\r\nhi\r\n"), SOURCE_MAIL, NULL},
    {"one field only mail has", SLICE("Received: from x\n\n"), SOURCE_MAIL, NULL},
    {"content type only", SLICE("Content-type: text/html\n\n<p>x"), SOURCE_MAIL, NULL},
    {"no body, no line end", SLICE("Message-Id: <x@example.com>"), SOURCE_MAIL, NULL},
    {"blank before the colon", SLICE("From  : John <j@example.com>\nTo    : m\n\n"), SOURCE_MAIL,
     NULL},
    {"BOM",
     SLICE("\xef\xbb\xbf"
           "From: a@example.com\nDate: Thu, 8 Mar 2005 17:40:36 EDT\n\n"),
     SOURCE_MAIL, NULL},
    {"blank lines first", SLICE("\r\n\n\nReceived: x\n\n"), SOURCE_MAIL, NULL},
    {"one junk line", SLICE("this line is lost here\nReceived: x\nSubject: y\n\n"), SOURCE_MAIL,
     NULL},
    {"junk inside", SLICE("Received: x\njunk without colon\nSubject: y\n\n"), SOURCE_MAIL, NULL},
    {"quoted From line", SLICE(">From a@example.com Mon Sep 13 10:00:00 2004\nSubject: y\n\n"),
     SOURCE_MAIL, NULL},
    {"only unknown fields", SLICE("X-Foo: 1\nX-Bar: 2\n\nbody"), SOURCE_MAIL, NULL},
    {"smtp-sink dump",
     SLICE("X-Client-Addr: 192.0.2.1\nX-Client-Proto: ESMTP\nX-Helo-Args: "
           "x\n\n"),
     SOURCE_MAIL, NULL},
    {"8-bit header", SLICE("Subject: \xcf\xf0\xe8\xe2\nFrom: x@example.com\n\n"), SOURCE_MAIL,
     NULL},
    {"NUL in the header", SLICE("Received: x\0y\nSubject: z\n\n"), SOURCE_MAIL, NULL},

    {"mbox", SLICE("From a@example.com Mon Sep 13 10:00:00 2004\nSubject: x\n\n"), SOURCE_MBOX,
     NULL},
    {"mbox with BOM",
     SLICE("\xef\xbb\xbf"
           "From -\nFrom: a@example.com\n\n"),
     SOURCE_MBOX, NULL},
    {"mbox CRLF", SLICE("From a Mon Sep 13 10:00:00 2004\r\nSubject: x\r\n\r\n"), SOURCE_MBOX,
     NULL},
    {"mbox, odd From line", SLICE("From nobody\nReceived: x\n\n"), SOURCE_MBOX, NULL},
    {"mbox, no header", SLICE("From a Mon Sep 13 10:00:00 2004\n\nhello\n"), SOURCE_MBOX, NULL},
    {"mbox after junk",
     SLICE("Saved by a program\nwith two lines\n\nFrom a@example.com Mon Sep 13 "
           "10:00:00 2004\nSubject: x\n\n"),
     SOURCE_MBOX, NULL},

    {"gzip", SLICE("\x1f\x8b\x08\0"), SOURCE_PACKED, NULL},
    {"zip", SLICE("PK\3\4...."), SOURCE_PACKED, NULL},
    {"bzip2", SLICE("BZh91AY&SY"), SOURCE_PACKED, NULL},
    {"xz", SLICE("\xfd\x37zXZ\0"), SOURCE_PACKED, NULL},
    {"zstd", SLICE("\x28\xb5\x2f\xfd"), SOURCE_PACKED, NULL},
    {"zstd with a skippable frame", SLICE("\x50\x2a\x4d\x18"), SOURCE_PACKED, NULL},

    {"empty", SLICE(""), SOURCE_REJECT, "empty file"},
    {"blank", SLICE("\n\n  \n"), SOURCE_REJECT, "empty file"},
    {"cmds", SLICE("mv 1 00001.7c53\nmv 2 00002.9c4f\n"), SOURCE_REJECT, "not mail: text"},
    {"shell script", SLICE("#!/bin/sh\nFrom: x\nSubject: y\n"), SOURCE_REJECT, "not mail: script"},
    {"shell script without #!", SLICE("# mails all\nfor i in *; do\n"), SOURCE_REJECT,
     "not mail: text"},
    {"prose", SLICE("Dear Sir: I write\nto you: about From: lines\n"), SOURCE_REJECT,
     "not mail: text"},
    {"prose From", SLICE("From Russia with love\nwas a film\n"), SOURCE_REJECT, "not mail: text"},
    {"PNG", SLICE("\x89PNG\r\n\x1a\n"), SOURCE_REJECT, "not mail: image"},
    {"JPEG", SLICE("\xff\xd8\xff\xe0"), SOURCE_REJECT, "not mail: image"},
    {"GIF", SLICE("GIF89a"), SOURCE_REJECT, "not mail: image"},
    {"BMP", SLICE("BM6\0\0\0\0\0"), SOURCE_REJECT, "not mail: image"},
    {"PDF", SLICE("%PDF-1.4\n"), SOURCE_REJECT, "not mail: document"},
    {"Outlook", SLICE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), SOURCE_REJECT,
     "not mail: Microsoft compound file (Outlook .msg?)"},
    {"ELF",
     SLICE("\x7f"
           "ELF\2\1\1"),
     SOURCE_REJECT, "not mail: program"},
    {"database", SLICE("SQLite format 3\0"), SOURCE_REJECT, "not mail: database"},
    {"binary", SLICE("abc\0\0\0\1\2\3"), SOURCE_REJECT, "not mail: binary"},
    {"HTML", SLICE("<!DOCTYPE html>\n<html><a href='x:y'>\n"), SOURCE_REJECT,
     "not mail: HTML or XML"},
    {"HTML fragment", SLICE("<h1>title</h1>\nDate: 1 Jan\n"), SOURCE_REJECT,
     "not mail: HTML or XML"},
    {"JSON", SLICE("{\"Subject\": \"x\",\n\"From\": 1}\n"), SOURCE_REJECT, "not mail: JSON"},
    {"YAML", SLICE("title: x\nid: 7\ndate: 2008-04-16\nto: 2009\n\n"), SOURCE_REJECT,
     "not mail: text"},
    {"HTTP", SLICE("HTTP/1.1 200 OK\nDate: Mon, 13 Sep 2004\nContent-Type: text/html\n\n"),
     SOURCE_REJECT, "not mail: text"},
    {"URL list", SLICE("http://example.com/a\nhttp://example.com/b\n\n"), SOURCE_REJECT,
     "not mail: text"},
    {"Dovecot list of UIDs",
     SLICE("3 V1275660208 N25022 G3085f01b\n25006 :1276528487.M3\n25007 "
           ":1276528488.M3\n\n"),
     SOURCE_REJECT, "not mail: text"},
    {"Dovecot keywords", SLICE("0 $Forwarded\n1 Junk\n"), SOURCE_REJECT, "not mail: text"},
    {"Courier list of UIDs", SLICE("1 1275660208 5\n1 1275.M1P2.host\n"), SOURCE_REJECT,
     "not mail: text"},
    {"Maildir quota", SLICE("1000000S,1000C\n4096 1\n"), SOURCE_REJECT, "not mail: text"},
    {"7-Zip", SLICE("7z\xbc\xaf\x27\x1c"), SOURCE_REJECT, "not mail: archive of another kind"},
    {"zeros", SLICE("\0\0\0\0\0\0\0\0"), SOURCE_REJECT, "not mail: binary"},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        const struct kind_case *c = &KINDS[i];
        const char *reason = "unset";
        enum source_kind kind = source_kind(c->head, &reason);
        if (kind != c->kind || (c->reason == NULL) != (reason == NULL) ||
            (reason && strcmp(reason, c->reason) != 0)) {
            fail_msg("%s: kind %d (%s), expected %d (%s)", c->name, kind, reason ? reason : "-",
                     c->kind, c->reason ? c->reason : "-");
        }
    }
}

/* The head may end anywhere: no byte past it is read (a sanitizer sees it), and mail does not
 * become mbox or the reverse. */
static void test_kinds_cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        for (size_t n = 0; n <= KINDS[i].head.n; n++) {
            struct strbuf copy = STRBUF_INIT;
            const char *reason;
            strbuf_add(&copy, slice_sub(KINDS[i].head, 0, n));
            enum source_kind kind = source_kind(strbuf_slice(&copy), &reason);
            assert_true(kind == SOURCE_REJECT ? reason != NULL : reason == NULL);
            strbuf_free(&copy);
        }
    }
}

static const struct from_case {
    const char *line;
    enum from_line grade;
    const char *sender;
    const char *date;
} FROM_LINES[] = {
    {"From joe@example.com Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG, "joe@example.com",
     "Mon Sep 13 10:00:00 2004"},
    {"From joe@example.com  Fri Oct  1 12:34:56 2010\r", FROM_LINE_STRONG, "joe@example.com",
     "Fri Oct  1 12:34:56 2010"},
    {"From MAILER-DAEMON Mon Sep 13 10:00 2004", FROM_LINE_STRONG, "MAILER-DAEMON",
     "Mon Sep 13 10:00 2004"},
    {"From joe Mon Sep 13 9:05:00 MET DST 2004", FROM_LINE_STRONG, "joe",
     "Mon Sep 13 9:05:00 MET DST 2004"},
    {"From 18443@xxx Mon Sep 13 10:00:00 +0000 2004", FROM_LINE_STRONG, "18443@xxx",
     "Mon Sep 13 10:00:00 +0000 2004"},
    {"From joe@example.com Mon, 13 Sep 2004 10:00:00 +0200", FROM_LINE_STRONG, "joe@example.com",
     "Mon, 13 Sep 2004 10:00:00 +0200"},
    {"From joe at example.com  Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG, "joe at example.com",
     "Mon Sep 13 10:00:00 2004"},
    {"From \"joe doe\"@example.com Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG,
     "\"joe doe\"@example.com", "Mon Sep 13 10:00:00 2004"},
    {"From - Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG, "-", "Mon Sep 13 10:00:00 2004"},
    {"From ???@??? Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG, "???@???",
     "Mon Sep 13 10:00:00 2004"},
    {"From joe Mon Sep 13 10:00:00 2004 remote from host", FROM_LINE_STRONG, "joe",
     "Mon Sep 13 10:00:00 2004"},
    {"From  Mon Sep 13 10:00:00 2004", FROM_LINE_STRONG, "", "Mon Sep 13 10:00:00 2004"},
    {"From joe@example.com Tue Oct  9 10:00:00", FROM_LINE_STRONG, "joe@example.com",
     "Tue Oct  9 10:00:00"},
    {"From joe@example.com 2004-09-13T10:00:00Z", FROM_LINE_STRONG, "joe@example.com",
     "2004-09-13T10:00:00Z"},
    {"From joe@example.com 2004-09-13 10:00:00", FROM_LINE_STRONG, "joe@example.com",
     "2004-09-13 10:00:00"},

    {"From - ", FROM_LINE_WEAK, "-", ""},
    {"From -\r", FROM_LINE_WEAK, "-", ""},
    {"From joe@example.com", FROM_LINE_WEAK, "joe@example.com", ""},
    {"From joe@example.com lun 13 set 2004 10:00:00", FROM_LINE_WEAK, "joe@example.com",
     "lun 13 set 2004 10:00:00"},

    {"From Russia with love", FROM_LINE_NONE, "", ""},
    {"From what I recall, the meeting on Mon Sep 13 10:00:00 2004", FROM_LINE_NONE, "", ""},
    {"From the meeting on Mon Sep 13 10:00 2004", FROM_LINE_NONE, "", ""},
    {"From 10:00 to 12:00", FROM_LINE_NONE, "", ""},
    {"From joe@example.com came a letter", FROM_LINE_NONE, "", ""},
    {"From joe@example.com at 10:00 came", FROM_LINE_WEAK, "joe@example.com", "at 10:00 came"},
    {"From : Mon Sep 13 10:00:00 2004", FROM_LINE_NONE, "", ""},
    {"From: joe@example.com Mon Sep 13 10:00:00 2004", FROM_LINE_NONE, "", ""},
    {"from joe@example.com Mon Sep 13 10:00:00 2004", FROM_LINE_NONE, "", ""},
    {">From joe@example.com Mon Sep 13 10:00:00 2004", FROM_LINE_NONE, "", ""},
    {"From ", FROM_LINE_NONE, "", ""},
    {"From      ", FROM_LINE_NONE, "", ""},
    {"From joe", FROM_LINE_NONE, "", ""},
};

static void test_from_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FROM_LINES / sizeof *FROM_LINES; i++) {
        const struct from_case *c = &FROM_LINES[i];
        struct slice sender = S(""), date = S("");
        enum from_line grade = source_from_line(slice_cstr(c->line), &sender, &date);
        if (grade != c->grade ||
            (grade != FROM_LINE_NONE &&
             (!slice_eq(sender, slice_cstr(c->sender)) || !slice_eq(date, slice_cstr(c->date))))) {
            fail_msg("\"%s\": grade %d sender \"%.*s\" date \"%.*s\"", c->line, grade,
                     SLICE_ARG(sender), SLICE_ARG(date));
        }
    }
}

/* Longer than any sender: prose or an attack. */
static void test_from_line_limit(void **state)
{
    (void)state;
    static const char TAIL[] = " Mon Sep 13 10:00:00 2004";
    for (int extra = -1; extra <= 1; extra++) {
        size_t n = (size_t)(FROM_LINE_BYTES_MAX + extra);
        char line[FROM_LINE_BYTES_MAX + 2];
        struct slice sender, date;
        memset(line, 'x', n);
        memcpy(line, "From ", 5);
        memcpy(line + n - (sizeof TAIL - 1), TAIL, sizeof TAIL - 1);
        assert_int_equal(source_from_line(slice_of(line, n), &sender, &date),
                         extra <= 0 ? FROM_LINE_STRONG : FROM_LINE_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_cut_short),
        cmocka_unit_test(test_from_lines),
        cmocka_unit_test(test_from_line_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
