/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/clusters_out.h"
#include "out/escape.h"
#include "out/json_field.h"

#include <stdio.h>

enum { DECIMALS = 6, HOSTS_DECIMALS = 1 };

const char *cluster_namer_text(enum cluster_namer n)
{
    switch (n) {
    case CLUSTER_NAMER_RULES:
        return "rules";
    case CLUSTER_NAMER_PERSON:
        return "person";
    case CLUSTER_NAMER_MIXED:
        return "mixed";
    case CLUSTER_NAMER_NONE:
        break;
    }
    return "none";
}

static void time_or_null(struct printer *p, const char *key, int64_t t)
{
    print_key(p, key);
    if (t) {
        print_time(p, t);
    } else {
        print_null(p);
    }
}

static void head(struct printer *p, const char *kind, int64_t since, int64_t until,
                 struct slice trap, struct slice site)
{
    key_unsigned(p, "format_version", CLUSTERS_FORMAT_VERSION);
    key_text(p, "kind", slice_cstr(kind));
    print_key(p, "filter");
    print_map_begin(p);
    time_or_null(p, "since", since);
    time_or_null(p, "until", until);
    key_text(p, "trap", trap);
    key_text(p, "site", site);
    print_map_end(p);
}

void cluster_part_redact(struct strbuf *out, struct slice print)
{
    size_t at = slice_find(print, S("mailer:"));
    at = at < print.n ? at : print.n;
    strbuf_add(out, slice_sub(print, 0, at));
    redact_addresses(out, slice_sub(print, at, SIZE_MAX));
}

static void part_print(struct printer *p, struct slice print)
{
    struct strbuf clean = STRBUF_INIT;
    cluster_part_redact(&clean, print);
    if (clean.failed) {
        strbuf_clear(&clean); /* nothing rather than what may be secret */
    }
    key_text(p, "print", strbuf_slice(&clean));
    strbuf_free(&clean);
}

static void line_fields(struct printer *p, const struct cluster_line *l)
{
    bool is_named = l->name.n > 0;
    key_text(p, "id", l->id);
    key_text(p, "name", l->name);
    key_text(p, "name_of", slice_cstr(is_named ? cluster_label_name(l->label) : ""));
    key_text(p, "named_by", slice_cstr(cluster_namer_text(l->namer)));
    key_number(p, "probability", l->probability, DECIMALS);
    key_text(p, "note", l->note);
    key_unsigned(p, "messages", l->units.messages);
    key_unsigned(p, "recipients", l->units.recipients);
    key_unsigned(p, "bytes", l->units.bytes);
    key_number(p, "share", l->share, DECIMALS);
    key_unsigned(p, "messages_week", l->week);
    key_unsigned(p, "messages_week_before", l->week_before);
    key_number(p, "hosts", l->hosts, HOSTS_DECIMALS);
    key_number(p, "hosts_error", l->hosts_error, DECIMALS);
    key_unsigned(p, "parts", l->parts);
    key_text(p, "country", l->country);
    key_number(p, "country_share", l->country_share, DECIMALS);
    key_unsigned(p, "countries", l->countries);
    time_or_null(p, "first", l->first);
    time_or_null(p, "last", l->last);
    time_or_null(p, "born", l->born);
    part_print(p, l->print);
}

static void share_list(struct printer *p, const char *key, const char *name,
                       const struct cluster_shares *s, bool has_text)
{
    print_key(p, key);
    print_list_begin(p);
    for (size_t i = 0; i < s->count; i++) {
        print_map_begin(p);
        key_text(p, name, s->items[i].name);
        if (has_text) {
            key_text(p, "name", s->items[i].text);
        }
        key_unsigned(p, "messages", s->items[i].messages);
        key_number(p, "share", s->items[i].share, DECIMALS);
        print_map_end(p);
    }
    print_list_end(p);
}

static void draft_map(struct printer *p, const struct rule_draft *d)
{
    print_key(p, "draft");
    print_map_begin(p);
    key_boolean(p, "is_tried", d->is_tried);
    key_text(p, "rule", d->rule);
    print_key(p, "traits");
    print_list_begin(p);
    for (size_t i = 0; i < d->trait_count; i++) {
        print_text(p, d->traits[i]);
    }
    print_list_end(p);
    key_unsigned(p, "messages", d->wanted);
    key_unsigned(p, "messages_of", d->wanted_of);
    key_unsigned(p, "held_out", d->held);
    key_unsigned(p, "held_out_of", d->held_of);
    key_unsigned(p, "background", d->background);
    key_unsigned(p, "background_of", d->background_of);
    key_text(p, "rival", d->rival);
    key_unsigned(p, "rival_messages", d->rival_messages);
    print_map_end(p);
}

/* Who sends a mailer's mail and with which campaigns; of a campaign its mailers. */
static void relation_lists(struct printer *p, enum cluster_kind kind, const struct cluster_line *l)
{
    share_list(p, "countries_top", "country", &l->country_shares, false);
    share_list(p, kind == CLUSTER_MAILER ? "campaigns" : "mailers", "id", &l->relations, true);
}

void clusters_lines_print(struct printer *p, const struct clusters_list *l)
{
    print_list_begin(p);
    for (size_t i = 0; i < l->count; i++) {
        print_map_begin(p);
        line_fields(p, &l->lines[i]);
        if (l->is_new) {
            relation_lists(p, l->kind, &l->lines[i]);
            draft_map(p, &l->lines[i].draft);
        }
        print_map_end(p);
    }
    print_list_end(p);
}

static void units_map(struct printer *p, const char *key, const struct units *u)
{
    print_key(p, key);
    print_map_begin(p);
    key_unsigned(p, "messages", u->messages);
    key_unsigned(p, "recipients", u->recipients);
    key_unsigned(p, "bytes", u->bytes);
    print_map_end(p);
}

bool clusters_list_print(FILE *f, enum out_format format, const struct clusters_list *l)
{
    struct printer *p = printer_new(format, f);
    const char *kind = l->kind == CLUSTER_MAILER ? "mailers" : "campaigns";
    if (!p) {
        return false;
    }
    print_map_begin(p);
    head(p, kind, l->since, l->until, l->trap, l->site);
    key_boolean(p, "is_new", l->is_new);
    units_map(p, "total", &l->total);
    units_map(p, "outside", &l->outside);
    key_unsigned(p, "more", l->more);
    print_key(p, kind);
    clusters_lines_print(p, l);
    print_map_end(p);
    return printer_end(p);
}

static void volume_list(struct printer *p, const struct cluster_page *c)
{
    print_key(p, "volume");
    print_list_begin(p);
    for (size_t i = 0; i < c->volume_count; i++) {
        print_map_begin(p);
        time_or_null(p, "time", c->volume[i].bucket);
        key_unsigned(p, "messages", c->volume[i].units.messages);
        key_unsigned(p, "recipients", c->volume[i].units.recipients);
        key_unsigned(p, "bytes", c->volume[i].units.bytes);
        print_map_end(p);
    }
    print_list_end(p);
}

static void part_list(struct printer *p, const struct cluster_page *c)
{
    print_key(p, "parts");
    print_list_begin(p);
    for (size_t i = 0; i < c->part_count; i++) {
        char key[17];
        snprintf(key, sizeof key, "%016llx", (unsigned long long)c->parts[i].key);
        print_map_begin(p);
        key_text(p, "key", slice_cstr(key));
        key_unsigned(p, "messages", c->parts[i].messages);
        part_print(p, c->parts[i].text);
        print_map_end(p);
    }
    print_list_end(p);
}

static void sample_list(struct printer *p, const struct cluster_page *c)
{
    print_key(p, "samples");
    print_list_begin(p);
    for (size_t i = 0; i < c->sample_count; i++) {
        const struct cluster_sample *s = &c->samples[i];
        char id[33];
        id128_hex(s->id, id);
        print_map_begin(p);
        key_text(p, "id", slice_cstr(id));
        key_boolean(p, "is_kept", s->is_kept);
        time_or_null(p, "received", s->received);
        key_text(p, "trap", s->trap);
        key_text(p, "country", s->country);
        key_redacted(p, "subject", s->subject);
        print_map_end(p);
    }
    print_list_end(p);
}

static void journal_list(struct printer *p, const struct cluster_page *c)
{
    print_key(p, "journal");
    print_list_begin(p);
    for (size_t i = 0; i < c->event_count; i++) {
        const struct cluster_event *e = &c->events[i];
        char id[CLUSTER_ID_BYTES];
        print_map_begin(p);
        time_or_null(p, "time", e->time);
        key_text(p, "event", slice_cstr(cluster_event_name(e->what.kind)));
        key_text(p, "cluster", slice_of(id, cluster_id_print(c->kind, e->what.cluster, id)));
        size_t n = e->what.other ? cluster_id_print(c->kind, e->what.other, id) : 0;
        key_text(p, "other", slice_of(id, n));
        key_unsigned(p, "parts", e->what.parts);
        key_unsigned(p, "messages", e->what.messages);
        print_map_end(p);
    }
    print_list_end(p);
}

bool cluster_page_print(FILE *f, enum out_format format, const struct cluster_page *c)
{
    struct printer *p = printer_new(format, f);
    if (!p) {
        return false;
    }
    print_map_begin(p);
    head(p, cluster_kind_name(c->kind), c->since, c->until, c->trap, c->site);
    key_text(p, "asked", c->asked);
    print_key(p, "cluster");
    print_map_begin(p);
    line_fields(p, &c->line);
    print_map_end(p);
    volume_list(p, c);
    share_list(p, "traps", "trap", &c->traps, false);
    for (size_t i = 0; i < CLUSTER_LABEL_COUNT; i++) {
        const char *const KEYS[] = {"botnets", "mailers_by_rules", "programs"};
        share_list(p, KEYS[i], "label", &c->labels[i], false);
    }
    share_list(p, "countries", "country", &c->line.country_shares, false);
    share_list(p, "domains", "domain", &c->domains, false);
    share_list(p, c->kind == CLUSTER_MAILER ? "campaigns" : "mailers", "id", &c->line.relations,
               true);
    part_list(p, c);
    sample_list(p, c);
    key_redacted(p, "template", c->template);
    key_unsigned(p, "template_messages", c->learnt.learnt);
    key_unsigned(p, "template_outliers", c->learnt.outliers);
    key_text(p, "rule", c->rule);
    draft_map(p, &c->line.draft);
    journal_list(p, c);
    print_map_end(p);
    return printer_end(p);
}
