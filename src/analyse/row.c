/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/row.h"

#include "core/utf8.h"

static struct slice clip(struct slice s)
{
    return utf8_cut(s, ROW_TEXT_BYTES);
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

/* Registrable domains and URL shapes of the message, each once. */
static enum err row_urls(struct message_row *row, const struct features *f, struct arena *arena)
{
    const enum feature_id ids[2] = {FEATURE_URL_DOMAIN, FEATURE_URL_SHAPE};
    for (int k = 0; k < 2; k++) {
        size_t n = f->text[ids[k]].count, kept = 0;
        struct slice *list = arena_calloc(arena, n + 1, sizeof *list);
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

static enum err row_attachments(struct message_row *row, const struct features *f,
                                struct arena *arena)
{
    size_t n =
        f->attachment_count < ROW_ATTACHMENTS_MAX ? f->attachment_count : ROW_ATTACHMENTS_MAX;
    struct row_attachment *list = arena_calloc(arena, n + 1, sizeof *list);
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

enum err row_describe(struct message_row *row, const struct features *f, const struct recipients *r,
                      struct arena *arena)
{
#define TEXT(id) clip(redact(r, features_text(f, FEATURE_##id), arena))
    row->country = features_text(f, FEATURE_CLIENT_COUNTRY);
    row->asn = f->has_number[FEATURE_CLIENT_ASN] ? (uint32_t)f->number[FEATURE_CLIENT_ASN] : 0;
    row->helo = TEXT(SMTP_HELO);
    row->ptr = TEXT(CLIENT_PTR);
    row->envelope_from = TEXT(ENVELOPE_FROM);
    row->sd1 = features_text(f, FEATURE_FP_SD1);
    row->hd1 = features_text(f, FEATURE_FP_HD1);
    row->td1 = features_text(f, FEATURE_FP_TD1);
    row->msgid_shape = clip(features_text(f, FEATURE_MSGID_SHAPE));
    row->boundary_shape = clip(features_text(f, FEATURE_BOUNDARY_SHAPE));
    row->mime_tree = clip(features_text(f, FEATURE_MIME_TREE));
    row->mailer = TEXT(MAILER);
    row->charsets = clip(redact(r, joined(f, FEATURE_CHARSET, arena), arena));
    row->subject = TEXT(SUBJECT);
    row->has_date_offset = f->has_number[FEATURE_DATE_OFFSET];
    row->date_offset = f->number[FEATURE_DATE_OFFSET];
    row->quirks = f->quirks;
#undef TEXT
    row->protocol = clip(f->chain->protocol);
    row->tls = clip(f->chain->tls);
    enum err e = row_urls(row, f, arena);
    return e == OK ? row_attachments(row, f, arena) : e;
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
    size_t known = from->recipient_hashes ? from->recipients : 0;
    struct id128 *hashes = arena_calloc(arena, known + 1, sizeof *hashes);
    struct row_attachment *files = arena_calloc(arena, from->attachment_count + 1, sizeof *files);
    if (!hashes || !files || !slices_copy(&to->domains, to->domain_count, arena) ||
        !slices_copy(&to->url_shapes, to->url_shape_count, arena) ||
        !slices_copy(&to->rule_ids, to->rule_count, arena)) {
        return ERR_NOMEM;
    }
    if (known) {
        memcpy(hashes, from->recipient_hashes, known * sizeof *hashes);
        to->recipient_hashes = hashes;
    }
    for (size_t i = 0; i < from->attachment_count; i++) {
        files[i] = from->attachments[i];
        files[i].type = arena_copy(arena, files[i].type);
        files[i].name_shape = arena_copy(arena, files[i].name_shape);
    }
    to->attachments = files;
    return OK;
}
