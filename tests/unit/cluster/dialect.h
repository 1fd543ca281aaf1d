/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages that show a header dialect, for the tests of variants: field names and shapes as HD1's
 * hashes are made of, so that a test says what software does and not which hash it has. */
#ifndef DIALECT_H
#define DIALECT_H

#include "testing.h"

#include "cluster/variant.h"
#include "core/hash.h"

#include <stdio.h>

struct spoken {
    const char *names;    /* "Received Message-ID From ..." */
    const char *msgid;    /* shape; "" none */
    const char *mailer;   /* value; "" none */
    const char *boundary; /* shape; "" one part */
    const char *date;     /* style */
    const char *shapes;   /* further rows, "from=q\nx-priority=9\n" */
    const char *sd1;      /* "": no SMTP session known */
    const char *classes;  /* four letters */
    uint64_t host, id;
    int64_t received;
    bool is_row; /* as read back from the store: names and shapes are not known */
};

struct message {
    struct cluster_message m;
    char names[1024], shapes[2048], hd1[128];
};

static void message_make(struct message *out, const struct spoken *s)
{
    char b[13], c[13];
    unsigned count = 1;
    snprintf(out->names, sizeof out->names, "%s ", s->names);
    for (char *p = out->names; *p; p++) {
        if (*p == ' ') {
            *p = '\n';
            count += p[1] != '\0';
        }
    }
    snprintf(out->shapes, sizeof out->shapes, "message-id=%s\ndate=%s\n%s%sx-mailer=%s\n", s->msgid,
             s->date, s->boundary[0] ? "content-type=multipart/alternative; boundary=\n" : "",
             s->shapes, s->mailer);
    hash12(slice_cstr(out->names), b);
    hash12(slice_cstr(out->shapes), c);
    snprintf(out->hd1, sizeof out->hd1, "HD1:%02u.%s.%s.0.1q_%s_%s", count,
             s->boundary[0] ? "a(ph)" : "p", s->classes, b, c);
    uint64_t id[2] = {s->id, s->host};
    out->m = (struct cluster_message){
        .id = hash_id128(slice_of((const char *)id, sizeof id)),
        .received = s->received,
        .host = s->host,
        .trap = S("trap"),
        .recipients = 1,
        .bytes = 1000,
        .hd1 = slice_cstr(out->hd1),
        .sd1 = slice_cstr(s->sd1),
        .msgid_shape = slice_cstr(s->msgid),
        .boundary_shape = slice_cstr(s->boundary),
        .mailer = slice_cstr(s->mailer),
    };
    if (!s->is_row) {
        out->m.hd1_names = slice_cstr(out->names);
        out->m.hd1_shapes = slice_cstr(out->shapes);
    }
}

/* Shows it to the table and counts it; the variant's key. */
static uint64_t speak(struct variants *v, const struct spoken *s)
{
    struct message m;
    uint64_t key;
    struct profile *p;
    bool is_new;
    message_make(&m, s);
    assert_int_equal(variants_find(v, &m.m, &key, &p, &is_new), OK);
    assert_non_null(p);
    assert_int_equal(profile_take(p, &m.m, 0), OK);
    return key;
}

#define OUTLOOK_NAMES                                                                              \
    "Received Message-ID From To Subject Date MIME-Version Content-Type X-Priority "               \
    "X-MSMail-Priority X-Mailer X-MimeOLE"
static const struct spoken OUTLOOK = {
    .names = OUTLOOK_NAMES,
    .msgid = "xxxxxxxxxxxx$xxxxxxxx$xxxxxxxx@label",
    .mailer = "Microsoft Outlook Express 6.00.2600.0000",
    .boundary = "----=_NextPart_999_XXXX_XXXXXXXX.XXXXXXXX",
    .date = "w, d m y t z",
    .shapes = "from=q\nto=a\nmime-version=9.9\nx-mimeole=Produced By Microsoft MimeOLE V9\n",
    .sd1 = "",
    .classes = "onr6",
};
static const struct spoken THEBAT = {
    .names = "Received Date From X-Mailer Reply-To X-Priority Message-ID To Subject MIME-Version "
             "Content-Type",
    .msgid = "9+.99999999999999@host",
    .mailer = "The Bat! (v2.00.4) Personal",
    .boundary = "----------9+",
    .date = "w, d m y t z",
    .shapes = "from=n\nto=b\nmime-version=9.9\nx-priority=9 (Normal)\n",
    .sd1 = "",
    .classes = "btrb",
};

#endif
