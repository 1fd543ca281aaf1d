/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/analyse.h"

#include "analyse/redact.h"
#include "analyse/row.h"
#include "core/limits.h"
#include "core/strmap.h"
#include "print/sd1.h"

#include <stdlib.h>

/* Keyed hashes of the last few thousand traps are kept. */
enum {
    RECIPIENTS_CACHED = 4096,
    ADDRESS_BYTES_MAX = 512,
};

/* A message on its way through the steps. */
struct work {
    const struct source_message *message;
    struct arena *arena;
    struct analysis result;
    struct recipients recipients;
    enum err error;
};

struct analyser {
    struct analyse_config config;
    struct work work[ANALYSE_TOGETHER];
    int64_t now;
    struct rules *rules; /* one reference */
    struct rule_scratch *scratch;
    struct strmap
        *recipients; /* address to place in recipient_hashes: traps are few, the hash is slow */
    struct id128 *recipient_hashes;
};

struct analyser *analyser_new(const struct analyse_config *config)
{
    struct analyser *a = calloc(1, sizeof *a);
    if (!a) {
        return NULL;
    }
    a->config = *config;
    a->recipients = strmap_new();
    a->recipient_hashes = calloc(RECIPIENTS_CACHED, sizeof *a->recipient_hashes);
    bool ok = a->recipients && a->recipient_hashes;
    for (size_t i = 0; i < ANALYSE_TOGETHER; i++) {
        a->work[i].arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
        ok = ok && a->work[i].arena;
    }
    if (!ok) {
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
        for (size_t i = 0; i < ANALYSE_TOGETHER; i++) {
            arena_free(a->work[i].arena);
        }
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

struct id128 live_message_id(const struct live_envelope *live, struct slice raw, uint64_t bytes)
{
    uint64_t token = hash_u64(slice_of((const char *)live->token.b, sizeof live->token.b));
    return message_id(live->trap, (int64_t)((uint64_t)live->received_us + token), raw, bytes);
}

/* ---- step: the MIME tree, and who handed the message in ---- */

/* A relay of our own side that hands mail on (LMTP, or without XCLIENT) is no client. */
static bool is_relay(const struct analyser *a, const struct live_envelope *live)
{
    return !live->has_proxy && a->config.trust && trust_holds_ip(a->config.trust, live->client);
}

/* What the trap saw goes before what headers say. But of a relay's mail the trusted lines tell who
 * the client was. */
static enum err live_chain(struct analyser *a, struct work *w)
{
    struct analysis *r = &w->result;
    const struct live_envelope *live = w->message->live;
    enum err e = is_relay(a, live)
                     ? chain_build(&r->chain, &r->mail, a->config.trust, a->now, w->arena)
                     : chain_build_live(&r->chain, &r->mail, live->client, w->arena);
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

static enum err step_parse(struct analyser *a, struct work *w)
{
    const struct source_message *m = w->message;
    struct analysis *r = &w->result;
    enum err e = mail_parse(&r->mail, m->raw, w->arena);
    if (e == OK) {
        e = m->live ? live_chain(a, w)
                    : chain_build(&r->chain, &r->mail, a->config.trust, a->now, w->arena);
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
    return OK;
}

/* ---- step: features and prints ---- */

/* What the session gives each of its messages; a relay's would be that of its own software. */
static enum err live_prints(struct work *w)
{
    struct features *f = &w->result.features;
    const struct live_envelope *live = w->message->live;
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
                texts[i].text.n ? features_set_text(f, texts[i].id, texts[i].text, w->arena) : OK;
            if (e != OK) {
                return e;
            }
        }
    }
    return live->td1.n ? features_set_text(f, FEATURE_FP_TD1, live->td1, w->arena) : OK;
}

static enum err step_features(struct analyser *a, struct work *w)
{
    const struct source_message *m = w->message;
    struct analysis *r = &w->result;
    struct envelope envelope = {.from = m->envelope_from, .bytes = m->bytes};
    enum err e =
        features_extract(&r->features, &r->mail, &r->chain, a->config.urls, &envelope, w->arena);
    return e == OK && m->live && !is_relay(a, m->live) ? live_prints(w) : e;
}

/* ---- step: country and network of the client. Each look-up waits for memory, so they stand in a
 * row ---- */

static enum err step_place(struct analyser *a, struct work *w)
{
    struct features *f = &w->result.features;
    const struct chain *c = &w->result.chain;
    if (!a->config.geo || !c->has_client) {
        return OK;
    }
    struct geo_place place = geo_lookup(a->config.geo, c->client);
    if (place.asn) {
        features_set_number(f, FEATURE_CLIENT_ASN, place.asn);
    }
    return place.country[0]
               ? features_set_text(f, FEATURE_CLIENT_COUNTRY, slice_cstr(place.country), w->arena)
               : OK;
}

/* ---- step: signatures ---- */

static enum err step_match(struct analyser *a, struct work *w)
{
    struct analysis *r = &w->result;
    r->rules = a->rules;
    if (!a->rules) {
        return OK;
    }
    int64_t when = r->chain.clock == CLOCK_NONE ? 0 : r->chain.time;
    return rules_match(a->rules, a->scratch, &r->features, when, w->arena, &r->attribution);
}

/* ---- step: what is kept ---- */

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

static enum err row_recipients(struct analyser *a, struct work *w, const struct slice *addr,
                               size_t n)
{
    struct message_row *row = &w->result.row;
    struct id128 *hashes = arena_calloc(w->arena, n, sizeof *hashes);
    enum err e = hashes ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = recipient_hash(a, addr[i], &hashes[i]);
    }
    row->recipient_hashes = n ? hashes : NULL;
    row->recipients = n ? (uint32_t)n : 1;
    return e;
}

static enum err row_labels(struct analyser *a, struct work *w)
{
    struct message_row *row = &w->result.row;
    if (!a->rules) {
        row->botnet.unknown = row->mailer_label.unknown = row->program.unknown = 1.0;
        return OK;
    }
    return row_attribute(row, a->rules, &w->result.attribution, w->arena);
}

static enum err step_row(struct analyser *a, struct work *w)
{
    const struct source_message *m = w->message;
    const struct live_envelope *live = m->live;
    const struct chain *c = &w->result.chain;
    struct message_row *row = &w->result.row;
    struct recipients *r = &w->recipients;
    enum err e = recipients_collect(r, &w->result.mail, c, live, w->arena);
    if (e != OK) {
        return e;
    }
    *row = (struct message_row){
        .id = live ? live_message_id(live, m->raw, m->bytes)
                   : message_id(a->config.trap, c->arrival, m->raw, m->bytes),
        .trap = live ? live->trap : a->config.trap,
        .session_us = live ? live->session_us : 0,
        .received = c->time,
        .clock = c->clock,
        .client = c->client,
        .has_client = c->has_client,
        .bytes = m->bytes,
    };
    e = row_describe(row, &w->result.features, r, w->arena);
    if (e == OK) {
        e = live ? row_recipients(a, w, live->recipients, live->recipient_count)
                 : row_recipients(a, w, r->addr, r->delivered);
    }
    return e == OK ? row_labels(a, w) : e;
}

/* ---- step: the content. The recipient is known as senders know him: by his addresses, and by the
 * name beside the first one ---- */

static enum err step_content(struct analyser *a, struct work *w)
{
    struct analysis *all = &w->result;
    const struct recipients *r = &w->recipients;
    uint8_t *packed = arena_alloc(w->arena, CD1_PACKED_BYTES);
    struct slice *me = arena_alloc(w->arena, (r->count + 1) * sizeof *me);
    const struct header *to = header_find(&all->mail.parts[0].header, HEADER_TO);
    (void)a;
    if (!packed || !me) {
        return ERR_NOMEM;
    }
    size_t count = 0;
    for (; count < r->count; count++) {
        me[count] = r->addr[count];
    }
    me[count] = to ? mailbox_first(to->value, w->arena).name : slice_of(NULL, 0);
    count += me[count].n > 0;
    enum err e = words_of(&all->words, &all->features, me, count, w->arena);
    e = e == OK ? cd1_make(&all->cd1, &all->words, &all->features, w->arena) : e;
    if (e == OK && all->cd1.kind != CD1_NONE) {
        all->row.sketch = slice_of((const char *)packed, cd1_pack(&all->cd1, packed));
    }
    return e;
}

enum err analyse_messages(struct analyser *a, const struct source_message *messages, size_t count,
                          int64_t now)
{
    static enum err (*const STEPS[])(struct analyser *, struct work *) = {
        step_parse, step_features, step_place, step_match, step_row, step_content};
    enum err e = rules_follow(a);
    a->now = now;
    for (size_t i = 0; i < count; i++) {
        struct work *w = &a->work[i];
        w->message = &messages[i];
        w->error = e;
        arena_reset(w->arena);
    }
    for (size_t k = 0; k < sizeof STEPS / sizeof *STEPS; k++) {
        for (size_t i = 0; i < count; i++) {
            struct work *w = &a->work[i];
            w->error = w->error == OK ? STEPS[k](a, w) : w->error;
        }
    }
    return e;
}

enum err analysis_of(const struct analyser *a, size_t i, const struct analysis **out)
{
    *out = &a->work[i].result;
    return a->work[i].error;
}

enum err analyse_message(struct analyser *a, const struct source_message *m, int64_t now,
                         const struct analysis **out)
{
    enum err e = analyse_messages(a, m, 1, now);
    return e == OK ? analysis_of(a, 0, out) : e;
}
