/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/analyse.h"

#include "analyse/redact.h"
#include "core/limits.h"
#include "core/strmap.h"
#include "print/sd1.h"

#include <stdlib.h>

/* Keyed hashes of the last few thousand traps are kept. */
enum {
    RECIPIENTS_CACHED = 4096,
    ADDRESS_BYTES_MAX = 512,
};

struct analyser {
    struct analyse_config config;
    struct arena *arena;
    struct rules *rules; /* one reference */
    struct rule_scratch *scratch;
    struct strmap
        *recipients; /* address to place in recipient_hashes: traps are few, the hash is slow */
    struct id128 *recipient_hashes;
    struct analysis result;
};

struct analyser *analyser_new(const struct analyse_config *config)
{
    struct analyser *a = calloc(1, sizeof *a);
    if (!a) {
        return NULL;
    }
    a->config = *config;
    a->arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
    a->recipients = strmap_new();
    a->recipient_hashes = calloc(RECIPIENTS_CACHED, sizeof *a->recipient_hashes);
    if (!a->arena || !a->recipients || !a->recipient_hashes) {
        analyser_free(a);
        return NULL;
    }
    return a;
}

void analyser_free(struct analyser *a)
{
    if (a) {
        rule_scratch_free(a->scratch);
        rules_unref(a->rules);
        arena_free(a->arena);
        strmap_free(a->recipients);
        free(a->recipient_hashes);
        free(a);
    }
}

/* Takes up a rule set that a reload has put in place. */
static enum err rules_follow(struct analyser *a)
{
    if (!a->config.rules) {
        return OK;
    }
    struct rules *newest = rules_live_get(a->config.rules);
    if (newest == a->rules) {
        rules_unref(newest);
        return OK;
    }
    rule_scratch_free(a->scratch);
    rules_unref(a->rules);
    a->rules = newest;
    a->scratch = rule_scratch_new(newest);
    return a->scratch ? OK : ERR_NOMEM;
}

/* Cut at ROW_TEXT_BYTES, not inside a UTF-8 sequence. */
static struct slice clip(struct slice s)
{
    if (s.n > ROW_TEXT_BYTES) {
        s.n = ROW_TEXT_BYTES;
        while (s.n && ((uint8_t)s.p[s.n] & 0xc0) == 0x80) {
            s.n--;
        }
    }
    return s;
}

static struct slice joined(const struct features *f, enum feature_id id, struct arena *arena)
{
    size_t n = 0;
    for (size_t i = 0; i < f->text[id].count; i++) {
        n += f->text[id].items[i].n + 1;
    }
    char *p = n ? arena_alloc(arena, n) : NULL;
    size_t at = 0;
    for (size_t i = 0; p && i < f->text[id].count; i++) {
        struct slice s = f->text[id].items[i];
        if (i) {
            p[at++] = ',';
        }
        memcpy(p + at, s.p, s.n);
        at += s.n;
    }
    return slice_of(p, at);
}

static struct row_label row_label(const struct label *l)
{
    return (struct row_label){
        .name = l->name,
        .best = l->best,
        .posterior = l->posterior,
        .runner_up = l->runner_up,
        .runner_up_posterior = l->runner_up_posterior,
        .unknown = l->best.n ? l->unknown : 1.0,
        .is_conflict = l->is_conflict,
    };
}

enum err row_attribute(struct message_row *row, const struct rules *rules,
                       const struct attribution *at, struct arena *arena)
{
    row->botnet = row_label(&at->label[LABEL_BOTNET]);
    row->mailer_label = row_label(&at->label[LABEL_MAILER]);
    row->program = row_label(&at->label[LABEL_PROGRAM]);
    row->pack_version = rules_version(rules);
    struct slice *ids = arena_calloc(arena, at->hit_count + 1, sizeof *ids);
    if (!ids) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < at->hit_count; i++) {
        ids[i] = rules_info(rules, at->hits[i].rule)->id;
    }
    row->rule_ids = ids;
    row->rule_count = at->hit_count;
    return OK;
}

static enum err row_labels(struct analyser *a, struct message_row *row)
{
    if (!a->rules) {
        row->botnet.unknown = row->mailer_label.unknown = row->program.unknown = 1.0;
        return OK;
    }
    return row_attribute(row, a->rules, &a->result.attribution, a->arena);
}

/* Registrable domains and URL shapes of the message, each once. */
static enum err row_urls(struct analyser *a, struct message_row *row)
{
    const struct features *f = &a->result.features;
    const enum feature_id ids[2] = {FEATURE_URL_DOMAIN, FEATURE_URL_SHAPE};
    for (int k = 0; k < 2; k++) {
        size_t n = f->text[ids[k]].count, kept = 0;
        struct slice *list = arena_calloc(a->arena, n + 1, sizeof *list);
        if (!list) {
            return ERR_NOMEM;
        }
        for (size_t i = 0; i < n && kept < ROW_DOMAINS_MAX; i++) {
            struct slice s = clip(f->text[ids[k]].items[i]);
            bool is_known = s.n == 0;
            for (size_t j = 0; j < kept && !is_known; j++) {
                is_known = slice_eq(list[j], s);
            }
            if (!is_known) {
                list[kept++] = s;
            }
        }
        if (k == 0) {
            row->domains = list;
            row->domain_count = kept;
        } else {
            row->url_shapes = list;
            row->url_shape_count = kept;
        }
    }
    return OK;
}

static enum err row_attachments(struct analyser *a, struct message_row *row)
{
    const struct features *f = &a->result.features;
    size_t n =
        f->attachment_count < ROW_ATTACHMENTS_MAX ? f->attachment_count : ROW_ATTACHMENTS_MAX;
    struct row_attachment *list = arena_calloc(a->arena, n + 1, sizeof *list);
    if (!list) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct row_attachment){clip(f->attachments[i].type),
                                          clip(f->attachments[i].name_shape),
                                          f->attachments[i].hash, f->attachments[i].bytes};
    }
    row->attachments = list;
    row->attachment_count = n;
    return OK;
}

/* The keyed hash of an address in lower case. */
static enum err recipient_hash(struct analyser *a, struct slice addr, struct id128 *out)
{
    UNCLEARED char lower[ADDRESS_BYTES_MAX];
    bool is_new;
    size_t n = addr.n < sizeof lower ? addr.n : sizeof lower;
    for (size_t k = 0; k < n; k++) {
        lower[k] = ascii_lower(addr.p[k]);
    }
    if (strmap_count(a->recipients) == RECIPIENTS_CACHED) {
        strmap_clear(a->recipients);
    }
    uint64_t *at = strmap_put(a->recipients, slice_of(lower, n), &is_new);
    if (!at) {
        return ERR_NOMEM;
    }
    if (is_new) {
        *at = strmap_count(a->recipients) - 1;
        a->recipient_hashes[*at] = hash_keyed(a->config.recipient_key, slice_of(lower, n));
    }
    *out = a->recipient_hashes[*at];
    return OK;
}

static enum err row_recipients(struct analyser *a, struct message_row *row,
                               const struct slice *addr, size_t n)
{
    struct id128 *hashes = arena_calloc(a->arena, n, sizeof *hashes);
    enum err e = hashes ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = recipient_hash(a, addr[i], &hashes[i]);
    }
    row->recipient_hashes = n ? hashes : NULL;
    row->recipients = n ? (uint32_t)n : 1;
    return e;
}

struct id128 live_message_id(const struct live_envelope *live, struct slice raw, uint64_t bytes)
{
    uint64_t token = hash_u64(slice_of((const char *)live->token.b, sizeof live->token.b));
    return message_id(live->trap, (int64_t)((uint64_t)live->received_us + token), raw, bytes);
}

/* The recipient as senders know him: by his addresses, and by the name beside the first one. */
static enum err content_sketch(struct analyser *a, const struct recipients *r)
{
    struct analysis *all = &a->result;
    uint8_t *packed = arena_alloc(a->arena, CD1_PACKED_BYTES);
    struct slice *me = arena_alloc(a->arena, (r->count + 1) * sizeof *me);
    const struct header *to = header_find(&all->mail.parts[0].header, HEADER_TO);
    if (!packed || !me) {
        return ERR_NOMEM;
    }
    size_t count = 0;
    for (; count < r->count; count++) {
        me[count] = r->addr[count];
    }
    me[count] = to ? mailbox_first(to->value, a->arena).name : slice_of(NULL, 0);
    count += me[count].n > 0;
    enum err e = words_of(&all->words, &all->features, me, count, a->arena);
    e = e == OK ? cd1_make(&all->cd1, &all->words, &all->features, a->arena) : e;
    if (e == OK && all->cd1.kind != CD1_NONE) {
        all->row.sketch = slice_of((const char *)packed, cd1_pack(&all->cd1, packed));
    }
    return e;
}

static enum err row_build(struct analyser *a, const struct source_message *m)
{
    struct message_row *row = &a->result.row;
    const struct features *f = &a->result.features;
    const struct chain *c = &a->result.chain;
    const struct live_envelope *live = m->live;
    struct recipients r;
    enum err e = recipients_collect(&r, &a->result.mail, c, live, a->arena);
    if (e != OK) {
        return e;
    }
#define TEXT(id) clip(redact(&r, features_text(f, FEATURE_##id), a->arena))
    *row = (struct message_row){
        .id = live ? live_message_id(live, m->raw, m->bytes)
                   : message_id(a->config.trap, c->arrival, m->raw, m->bytes),
        .trap = live ? live->trap : a->config.trap,
        .session_us = live ? live->session_us : 0,
        .received = c->time,
        .clock = c->clock,
        .client = c->client,
        .has_client = c->has_client,
        .country = features_text(f, FEATURE_CLIENT_COUNTRY),
        .asn = f->has_number[FEATURE_CLIENT_ASN] ? (uint32_t)f->number[FEATURE_CLIENT_ASN] : 0,
        .helo = TEXT(SMTP_HELO),
        .ptr = TEXT(CLIENT_PTR),
        .protocol = clip(c->protocol),
        .tls = clip(c->tls),
        .envelope_from = TEXT(ENVELOPE_FROM),
        .bytes = m->bytes,
        .sd1 = features_text(f, FEATURE_FP_SD1),
        .hd1 = features_text(f, FEATURE_FP_HD1),
        .td1 = features_text(f, FEATURE_FP_TD1),
        .msgid_shape = clip(features_text(f, FEATURE_MSGID_SHAPE)),
        .boundary_shape = clip(features_text(f, FEATURE_BOUNDARY_SHAPE)),
        .mime_tree = clip(features_text(f, FEATURE_MIME_TREE)),
        .mailer = TEXT(MAILER),
        .charsets = clip(redact(&r, joined(f, FEATURE_CHARSET, a->arena), a->arena)),
        .subject = TEXT(SUBJECT),
        .has_date_offset = f->has_number[FEATURE_DATE_OFFSET],
        .date_offset = f->number[FEATURE_DATE_OFFSET],
        .quirks = f->quirks,
    };
#undef TEXT
    e = live ? row_recipients(a, row, live->recipients, live->recipient_count)
             : row_recipients(a, row, r.addr, r.delivered);
    e = e == OK ? content_sketch(a, &r) : e;
    e = e == OK ? row_urls(a, row) : e;
    e = e == OK ? row_attachments(a, row) : e;
    return e == OK ? row_labels(a, row) : e;
}

static enum err place_set(struct analyser *a, struct features *f, const struct chain *c)
{
    if (!a->config.geo || !c->has_client) {
        return OK;
    }
    struct geo_place place = geo_lookup(a->config.geo, c->client);
    if (place.asn) {
        features_set_number(f, FEATURE_CLIENT_ASN, place.asn);
    }
    if (!place.country[0]) {
        return OK;
    }
    struct slice country = arena_copy(a->arena, slice_cstr(place.country));
    return country.p ? features_set_text(f, FEATURE_CLIENT_COUNTRY, country, a->arena) : ERR_NOMEM;
}

/* A relay of our own side that hands mail on (LMTP, or without XCLIENT) is no client. */
static bool is_relay(const struct analyser *a, const struct live_envelope *live)
{
    return !live->has_proxy && a->config.trust && trust_holds_ip(a->config.trust, live->client);
}

/* What the trap saw goes before what headers say. But of a relay's mail the trusted lines tell who
 * the client was. */
static enum err live_chain(struct analyser *a, const struct live_envelope *live, int64_t now)
{
    struct analysis *r = &a->result;
    enum err e = is_relay(a, live)
                     ? chain_build(&r->chain, &r->mail, a->config.trust, now, a->arena)
                     : chain_build_live(&r->chain, &r->mail, live->client, a->arena);
    if (e != OK) {
        return e;
    }
    if (!is_relay(a, live)) {
        r->chain.helo = live->helo;
        r->chain.protocol = live->protocol;
        r->chain.tls = live->tls;
    }
    r->chain.clock = CLOCK_TRAP;
    r->chain.time = live->received_us / 1000000;
    return OK;
}

/* What the session gives each of its messages; a relay's would be that of its own software. */
static enum err live_prints(struct analyser *a, const struct live_envelope *live)
{
    struct features *f = &a->result.features;
    struct sd1 d;
    char form[2] = "";
    if (live->sd1.n && sd1_parse(live->sd1, &d)) {
        form[0] = d.a[SD1_HELO] == '-' ? '\0' : d.a[SD1_HELO];
        const struct {
            enum feature_id id;
            struct slice text;
        } texts[] = {
            {FEATURE_FP_SD1, live->sd1},
            {FEATURE_SD1_A, slice_cstr(d.a)},
            {FEATURE_SD1_B, slice_cstr(d.b)},
            {FEATURE_SD1_C, slice_cstr(d.c)},
            {FEATURE_SMTP_HELO_FORM, slice_cstr(form)},
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            enum err e =
                texts[i].text.n ? features_set_text(f, texts[i].id, texts[i].text, a->arena) : OK;
            if (e != OK) {
                return e;
            }
        }
    }
    return live->td1.n ? features_set_text(f, FEATURE_FP_TD1, live->td1, a->arena) : OK;
}

enum err analyse_message(struct analyser *a, const struct source_message *m, int64_t now,
                         const struct analysis **out)
{
    struct analysis *r = &a->result;
    struct envelope envelope = {.from = m->envelope_from, .bytes = m->bytes};
    arena_reset(a->arena);
    enum err e = rules_follow(a);
    e = e == OK ? mail_parse(&r->mail, m->raw, a->arena) : e;
    if (e == OK) {
        e = m->live ? live_chain(a, m->live, now)
                    : chain_build(&r->chain, &r->mail, a->config.trust, now, a->arena);
    }
    if (e != OK) {
        return e;
    }
    if (m->is_truncated) {
        r->mail.quirks |= QUIRK_BIT(TRUNCATED);
    }
    if (r->chain.clock == CLOCK_NONE && m->envelope_time) {
        r->chain.clock = CLOCK_ENVELOPE;
        r->chain.time = m->envelope_time;
    }
    e = features_extract(&r->features, &r->mail, &r->chain, a->config.urls, &envelope, a->arena);
    e = e == OK && m->live && !is_relay(a, m->live) ? live_prints(a, m->live) : e;
    e = e == OK ? place_set(a, &r->features, &r->chain) : e;
    r->rules = a->rules;
    if (e == OK && a->rules) {
        int64_t when = r->chain.clock == CLOCK_NONE ? 0 : r->chain.time;
        e = rules_match(a->rules, a->scratch, &r->features, when, a->arena, &r->attribution);
    }
    e = e == OK ? row_build(a, m) : e;
    *out = r;
    return e;
}

static bool slices_copy(const struct slice **list, size_t count, struct arena *arena)
{
    struct slice *copy = arena_calloc(arena, count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = arena_copy(arena, (*list)[i]);
        if (!copy[i].p) {
            return false;
        }
    }
    *list = copy;
    return copy != NULL;
}

/* Labels and the pack version are borrowed from the rule set in the analyser, so they are copied
 * too. */
enum err row_copy(struct message_row *to, const struct message_row *from, struct arena *arena)
{
    *to = *from;
    struct slice *const texts[] = {
        &to->trap,
        &to->country,
        &to->helo,
        &to->ptr,
        &to->protocol,
        &to->tls,
        &to->envelope_from,
        &to->sd1,
        &to->hd1,
        &to->td1,
        &to->cd1,
        &to->sketch,
        &to->msgid_shape,
        &to->boundary_shape,
        &to->mime_tree,
        &to->mailer,
        &to->charsets,
        &to->subject,
        &to->pack_version,
        &to->botnet.name,
        &to->botnet.best,
        &to->botnet.runner_up,
        &to->mailer_label.name,
        &to->mailer_label.best,
        &to->mailer_label.runner_up,
        &to->program.name,
        &to->program.best,
        &to->program.runner_up,
    };
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bytes += texts[i]->n;
    }
    char *p =
        arena_alloc(arena, bytes); /* one allocation for all short texts: this is a hot path */
    if (!p) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i]->n) {
            memcpy(p + at, texts[i]->p, texts[i]->n);
            texts[i]->p = p + at;
            at += texts[i]->n;
        }
    }
    struct id128 *hashes = arena_calloc(arena, from->recipients + 1, sizeof *hashes);
    struct row_attachment *files = arena_calloc(arena, from->attachment_count + 1, sizeof *files);
    if (!hashes || !files || !slices_copy(&to->domains, to->domain_count, arena) ||
        !slices_copy(&to->url_shapes, to->url_shape_count, arena) ||
        !slices_copy(&to->rule_ids, to->rule_count, arena)) {
        return ERR_NOMEM;
    }
    if (from->recipient_hashes) {
        memcpy(hashes, from->recipient_hashes, from->recipients * sizeof *hashes);
    }
    to->recipient_hashes = hashes;
    for (size_t i = 0; i < from->attachment_count; i++) {
        files[i] = from->attachments[i];
        files[i].type = arena_copy(arena, files[i].type);
        files[i].name_shape = arena_copy(arena, files[i].name_shape);
    }
    to->attachments = files;
    return OK;
}
