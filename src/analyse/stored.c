/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/stored.h"

#include "analyse/analyse.h"
#include "analyse/row.h"
#include "print/hd1.h"
#include "print/sd1.h"

struct stored {
    const struct message_row *row;
    struct features *f;
    feature_set known;
    struct arena *arena;
    bool failed;
};

/* Whole as it was: neither cut nor with "<rcpt>" in an address' place. */
static bool text_is_whole(struct slice s)
{
    enum { CUT_BYTES = ROW_TEXT_BYTES - 3 }; /* not inside a UTF-8 sequence */
    return s.n < CUT_BYTES && slice_find(s, S("<rcpt>")) == SIZE_MAX;
}

static void text_take(struct stored *x, enum feature_id id, struct slice s)
{
    if (!text_is_whole(s)) {
        return;
    }
    x->known |= feature_bit(id);
    if (s.n) {
        x->failed |= features_set_text(x->f, id, s, x->arena) != OK;
    }
}

static void number_take(struct stored *x, enum feature_id id, bool has, int64_t value)
{
    x->known |= feature_bit(id);
    if (has) {
        features_set_number(x->f, id, value);
    }
}

/* `most`: a list of that many was cut. */
static void list_take(struct stored *x, enum feature_id id, const struct slice *items, size_t n,
                      size_t most)
{
    bool is_whole = n < most;
    for (size_t i = 0; is_whole && i < n; i++) {
        is_whole = text_is_whole(items[i]);
    }
    if (is_whole) {
        x->known |= feature_bit(id);
        x->f->text[id].items = items;
        x->f->text[id].count = n;
    }
}

static void prints_take(struct stored *x)
{
    struct hd1 h;
    struct sd1 d;
    char text[HD1_TEXT_BYTES], form[2] = "";
    size_t a = 0;
    const struct message_row *row = x->row;
    text_take(x, FEATURE_FP_TD1, row->td1);
    if (hd1_parse(row->hd1, &h)) {
        size_t n = hd1_print(&h, text, &a), from = 4; /* behind "HD1:" */
        text_take(x, FEATURE_FP_HD1, row->hd1);
        text_take(x, FEATURE_HD1_A, slice_sub(row->hd1, from, a));
        from += a + 1;
        text_take(x, FEATURE_HD1_B, slice_sub(row->hd1, from, strlen(h.names)));
        from += strlen(h.names) + 1;
        text_take(x, FEATURE_HD1_C, slice_sub(row->hd1, from, n - from));
    }
    if (row->sd1.n == 0) {
        x->known |= feature_bit(FEATURE_FP_SD1) | feature_bit(FEATURE_SD1_A) |
                    feature_bit(FEATURE_SD1_B) | feature_bit(FEATURE_SD1_C);
    } else if (sd1_parse(row->sd1, &d)) {
        form[0] = d.a[SD1_HELO] == '-' ? '\0' : d.a[SD1_HELO];
        const struct {
            enum feature_id id;
            const char *text;
        } parts[] = {{FEATURE_SD1_A, d.a},
                     {FEATURE_SD1_B, d.b},
                     {FEATURE_SD1_C, d.c},
                     {FEATURE_SMTP_HELO_FORM, form}};
        text_take(x, FEATURE_FP_SD1, row->sd1);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            struct slice copy = arena_copy(x->arena, slice_cstr(parts[i].text));
            x->failed |= !copy.p;
            text_take(x, parts[i].id, copy.p ? copy : slice_of(NULL, 0));
        }
    }
}

/* As features_header.c tells it of the chain. */
static void tls_take(struct stored *x)
{
    struct slice protocol = x->row->protocol;
    bool is_tls = x->row->tls.n || slice_iends(protocol, S("S")) || slice_iends(protocol, S("SA"));
    number_take(x, FEATURE_SMTP_TLS, is_tls || protocol.n, is_tls);
}

static void client_take(struct stored *x)
{
    char *text = arena_alloc(x->arena, IP_TEXT_BYTES);
    if (!text) {
        x->failed = true;
        return;
    }
    text[0] = '\0';
    if (x->row->has_client) {
        ip_text(x->row->client, text);
    }
    text_take(x, FEATURE_CLIENT_IP, slice_cstr(text));
}

static void charsets_take(struct stored *x)
{
    struct slice rest = x->row->charsets;
    struct slice *items = arena_calloc(x->arena, rest.n / 2 + 1, sizeof *items);
    size_t n = 0;
    if (!items) {
        x->failed = true;
        return;
    }
    if (!text_is_whole(rest)) {
        return;
    }
    while (rest.n) {
        struct slice item = slice_cut(&rest, ',');
        if (item.n) {
            items[n++] = item;
        }
    }
    list_take(x, FEATURE_CHARSET, items, n, SIZE_MAX);
}

static void attachments_take(struct stored *x)
{
    size_t n = x->row->attachment_count;
    struct slice *types = arena_calloc(x->arena, n + 1, sizeof *types);
    struct slice *hashes = arena_calloc(x->arena, n + 1, sizeof *hashes);
    char *hex = arena_alloc(x->arena, n * 33 + 1);
    if (!types || !hashes || !hex) {
        x->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++, hex += 33) {
        id128_hex(x->row->attachments[i].hash, hex);
        hashes[i] = slice_of(hex, 32);
        types[i] = x->row->attachments[i].type;
    }
    list_take(x, FEATURE_ATTACHMENT_TYPE, types, n, ROW_ATTACHMENTS_MAX);
    list_take(x, FEATURE_ATTACHMENT_HASH, hashes, n, ROW_ATTACHMENTS_MAX);
}

static void quirks_take(struct stored *x)
{
    size_t n = 0;
    struct slice *names = arena_calloc(x->arena, QUIRK_COUNT + 1, sizeof *names);
    if (!names) {
        x->failed = true;
        return;
    }
    for (unsigned q = 0; q < QUIRK_COUNT; q++) {
        if (x->row->quirks >> q & 1) {
            names[n++] = slice_cstr(quirk_name(q));
        }
    }
    list_take(x, FEATURE_QUIRK, names, n, SIZE_MAX);
}

enum err stored_features(const struct message_row *row, struct features *f, feature_set *known,
                         struct arena *arena)
{
    struct stored x = {.row = row, .f = f, .arena = arena};
    const struct {
        enum feature_id id;
        struct slice text;
    } texts[] = {
        {FEATURE_SMTP_HELO, row->helo},
        {FEATURE_SMTP_PROTO, row->protocol},
        {FEATURE_CLIENT_PTR, row->ptr},
        {FEATURE_CLIENT_COUNTRY, row->country},
        {FEATURE_MSGID_SHAPE, row->msgid_shape},
        {FEATURE_BOUNDARY_SHAPE, row->boundary_shape},
        {FEATURE_MAILER, row->mailer},
        {FEATURE_MIME_TREE, row->mime_tree},
        {FEATURE_ENVELOPE_FROM, row->envelope_from},
        {FEATURE_SUBJECT, row->subject},
    };
    *f = (struct features){.quirks = row->quirks};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_take(&x, texts[i].id, texts[i].text);
    }
    number_take(&x, FEATURE_CLIENT_ASN, row->asn != 0, row->asn);
    number_take(&x, FEATURE_DATE_OFFSET, row->has_date_offset, row->date_offset);
    number_take(&x, FEATURE_SIZE, true, (int64_t)row->bytes);
    list_take(&x, FEATURE_URL_DOMAIN, row->domains, row->domain_count, ROW_DOMAINS_MAX);
    list_take(&x, FEATURE_URL_SHAPE, row->url_shapes, row->url_shape_count, ROW_DOMAINS_MAX);
    prints_take(&x);
    tls_take(&x);
    client_take(&x);
    charsets_take(&x);
    attachments_take(&x);
    quirks_take(&x);
    *known = x.known;
    return x.failed ? ERR_NOMEM : OK;
}

feature_set stored_features_all(void)
{
    static const enum feature_id ALL[] = {FEATURE_FP_HD1,
                                          FEATURE_HD1_A,
                                          FEATURE_HD1_B,
                                          FEATURE_HD1_C,
                                          FEATURE_FP_SD1,
                                          FEATURE_SD1_A,
                                          FEATURE_SD1_B,
                                          FEATURE_SD1_C,
                                          FEATURE_FP_TD1,
                                          FEATURE_SMTP_HELO,
                                          FEATURE_SMTP_HELO_FORM,
                                          FEATURE_SMTP_PROTO,
                                          FEATURE_SMTP_TLS,
                                          FEATURE_CLIENT_IP,
                                          FEATURE_CLIENT_PTR,
                                          FEATURE_CLIENT_COUNTRY,
                                          FEATURE_CLIENT_ASN,
                                          FEATURE_MSGID_SHAPE,
                                          FEATURE_BOUNDARY_SHAPE,
                                          FEATURE_DATE_OFFSET,
                                          FEATURE_MAILER,
                                          FEATURE_MIME_TREE,
                                          FEATURE_CHARSET,
                                          FEATURE_ENVELOPE_FROM,
                                          FEATURE_QUIRK,
                                          FEATURE_SUBJECT,
                                          FEATURE_ATTACHMENT_TYPE,
                                          FEATURE_ATTACHMENT_HASH,
                                          FEATURE_URL_DOMAIN,
                                          FEATURE_URL_SHAPE,
                                          FEATURE_SIZE};
    feature_set set = 0;
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        set |= feature_bit(ALL[i]);
    }
    return set;
}
