/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/suggest_read.h"

#include "analyse/draft.h"
#include "analyse/redact.h"
#include "analyse/stored.h"
#include "cmd/choose.h"
#include "core/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

typedef enum err (*message_fn)(struct suggesting *s, const struct analysis *a,
                               const struct source_message *m);
typedef enum err (*row_fn)(struct suggesting *s, const struct message_row *row);

/* ---- wanted: what both kinds of messages have ---- */

static struct slice id_slice(const struct id128 *id)
{
    return slice_of((const char *)id->b, sizeof id->b);
}

static enum err id_add(struct suggesting *s, const struct id128 *id)
{
    return strmap_put(s->ids, id_slice(id), NULL) ? OK : ERR_NOMEM;
}

static void wanted_note(struct suggesting *s, const struct message_row *row)
{
    if (row->clock != CLOCK_NONE && (!s->head.first || row->received < s->head.first)) {
        s->head.first = row->received;
    }
    s->wanted++;
}

/* ---- files ---- */

static int path_read(struct suggesting *s, const char *path, message_fn fn)
{
    struct source *source;
    struct source_message m;
    struct errbuf eb = {.text = ""};
    const struct analysis *a;
    enum err e = source_open(path, &source, &eb);
    if (e != OK) {
        return command_fail(s->c, e, &eb);
    }
    while ((e = source_next(source, &m, &eb)) == OK) {
        e = analyse_message(s->analyser, &m, time_now(), &a);
        e = e == OK ? fn(s, a, &m) : e;
        arena_reset(s->arena);
        if (e != OK) {
            err_set(&eb, e, "%s: %s", path, err_text(e));
            break;
        }
    }
    source_close(source);
    return e == ERR_END ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

/* Its identity here and in the store, so that it is never its own background. */
static enum err ids_add(struct suggesting *s, const struct analysis *a,
                        const struct source_message *m)
{
    enum err e = id_add(s, &a->row.id);
    for (size_t i = 0; i < s->trap_count && e == OK; i++) {
        struct id128 id = message_id(s->traps[i], a->chain.arrival, m->raw, m->bytes);
        e = id_add(s, &id);
    }
    return e;
}

static enum err texts_learn(struct suggesting *s, const struct analysis *a,
                            const struct recipients *r)
{
    struct words w;
    struct slice subject = features_text(&a->features, FEATURE_SUBJECT);
    enum err e = words_of(&w, &a->features, r->addr, r->count, s->arena);
    e = e == OK ? template_learn(s->body, &w) : e;
    e = e == OK ? words_split(&w, subject, r->addr, r->count, s->arena) : e;
    return e == OK ? template_learn(s->subject, &w) : e;
}

static enum err message_learn(struct suggesting *s, const struct analysis *a,
                              const struct source_message *m)
{
    struct recipients r;
    bool is_held = suggest_holds_next(s->suggest);
    enum err e = recipients_collect(&r, &a->mail, &a->chain, m->live, s->arena);
    e = e == OK ? ids_add(s, a, m) : e;
    e = e == OK && !is_held ? texts_learn(s, a, &r) : e;
    e = e == OK ? suggest_learn(s->suggest, &a->features, r.addr, r.count, s->arena) : e;
    wanted_note(s, &a->row);
    return e;
}

static enum err message_count(struct suggesting *s, const struct analysis *a,
                              const struct source_message *m)
{
    (void)m;
    return suggest_count(s->suggest, SUGGEST_WANTED, &a->features, NULL, s->arena);
}

static enum err against_count(struct suggesting *s, const struct analysis *a,
                              const struct source_message *m)
{
    (void)m;
    if (strmap_get(s->ids, id_slice(&a->row.id))) {
        return OK;
    }
    s->against++;
    return suggest_count(s->suggest, SUGGEST_BACKGROUND, &a->features, NULL, s->arena);
}

/* ---- rows of the store ---- */

static enum err row_learn(struct suggesting *s, const struct message_row *row)
{
    struct features f;
    feature_set known;
    struct words subject;
    bool is_held = suggest_holds_next(s->suggest);
    enum err e = stored_features(row, &f, &known, s->arena);
    e = e == OK ? id_add(s, &row->id) : e;
    if (e == OK && !is_held && known & feature_bit(FEATURE_SUBJECT)) {
        e = words_split(&subject, features_text(&f, FEATURE_SUBJECT), NULL, 0, s->arena);
        e = e == OK ? template_learn(s->subject, &subject) : e;
    }
    e = e == OK ? suggest_learn(s->suggest, &f, NULL, 0, s->arena) : e;
    wanted_note(s, row);
    return e;
}

static enum err row_count_wanted(struct suggesting *s, const struct message_row *row)
{
    return draft_count(s->suggest, SUGGEST_WANTED, row, s->arena);
}

static struct slice row_label_name(const struct message_row *row, enum label_kind kind)
{
    return kind == LABEL_BOTNET   ? row->botnet.name
           : kind == LABEL_MAILER ? row->mailer_label.name
                                  : row->program.name;
}

/* But the wanted, and what bears the label. */
static enum err row_count_other(struct suggesting *s, const struct message_row *row)
{
    if (strmap_get(s->ids, id_slice(&row->id)) ||
        slice_eq(row_label_name(row, s->head.kind), s->head.label)) {
        return OK;
    }
    s->of_store++;
    return draft_count(s->suggest, SUGGEST_BACKGROUND, row, s->arena);
}

static bool is_wanted_cluster(const struct suggesting *s, uint32_t cluster)
{
    for (size_t i = 0; i < s->cluster_count; i++) {
        if (s->clusters[i] == cluster) {
            return true;
        }
    }
    return false;
}

/* Those that retention has not deleted meanwhile. */
static int drawn_read(struct suggesting *s, const struct store_drawn *drawn, bool is_other,
                      row_fn fn)
{
    struct errbuf eb = {.text = ""};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < drawn->count; i++) {
        struct message_row row;
        if (is_other && is_wanted_cluster(s, drawn->rows[i].cluster)) {
            continue;
        }
        e = store_row(s->x.store, drawn->rows[i].number, &row, &eb);
        e = e == OK ? fn(s, &row) : e == ERR_NOTFOUND ? OK : e;
        arena_reset(s->arena);
    }
    return e == OK ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

static int message_read(struct suggesting *s, struct id128 id, row_fn fn)
{
    struct message_row row;
    struct errbuf eb = {.text = ""};
    enum err e = store_message(s->x.store, id, &row, &eb);
    e = e == OK ? fn(s, &row) : e;
    arena_reset(s->arena);
    return e == OK ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

/* ---- the tests of the rules ---- */

struct tests_arg {
    struct suggesting *s;
    enum err e;
};

/* Messages of the pack's tests, but those that show the very label. */
static void test_count(void *arg, size_t rule, bool is_match, struct slice message)
{
    struct tests_arg *t = arg;
    struct suggesting *s = t->s;
    const struct rule_info *info = rules_info(s->rules, rule);
    struct source_message m = {.raw = message, .bytes = message.n, .name = "test"};
    const struct analysis *a;
    if (t->e != OK ||
        (is_match && info->kind == s->head.kind && slice_eq(info->label, s->head.label))) {
        return;
    }
    t->e = analyse_message(s->analyser, &m, time_now(), &a);
    t->e = t->e == OK ? suggest_count(s->suggest, SUGGEST_BACKGROUND, &a->features, NULL, s->arena)
                      : t->e;
    arena_reset(s->arena);
    s->of_tests++;
}

/* ---- both passes ---- */

int suggest_read_wanted(struct suggesting *s, enum suggest_pass pass)
{
    message_fn message = pass == SUGGEST_LEARN ? message_learn : message_count;
    row_fn row = pass == SUGGEST_LEARN ? row_learn : row_count_wanted;
    int status = EXIT_STATUS_OK;
    for (size_t i = 0; !status && i < s->path_count; i++) {
        status = path_read(s, s->paths[i], message);
    }
    for (size_t i = 0; !status && i < s->cluster_count; i++) {
        status = drawn_read(s, &s->drawn[i], false, row);
    }
    for (size_t i = 0; !status && i < s->message_count; i++) {
        status = message_read(s, s->messages[i], row);
    }
    return status;
}

int suggest_read_background(struct suggesting *s)
{
    struct tests_arg tests = {.s = s, .e = OK};
    int status = EXIT_STATUS_OK;
    const char *path;
    for (size_t i = 0; !status && (path = command_value_at(s->c, "against", i)); i++) {
        status = path_read(s, path, against_count);
    }
    if (!status && s->drawn) {
        status = drawn_read(s, &s->drawn[s->cluster_count], true, row_count_other);
    }
    if (!status) {
        rules_test_messages(s->rules, test_count, &tests);
        status = tests.e == OK ? status : command_fail(s->c, tests.e, NULL);
    }
    return status;
}

/* ---- the arguments ---- */

static int cluster_take(struct suggesting *s, const char *text, enum cluster_kind kind, uint32_t id)
{
    struct cluster_info info;
    struct errbuf eb = {.text = ""};
    enum err e = store_cluster(s->x.store, kind, id, &info, &eb);
    if (e != OK) {
        err_set(&eb, e, "%s: %s", text, e == ERR_NOTFOUND ? "there is none" : err_text(e));
        return command_fail(s->c, e, &eb);
    }
    if (s->cluster_count && kind != s->kind) {
        return usage_error(s->c, "mailers or campaigns, not both");
    }
    s->kind = kind;
    if (!is_wanted_cluster(s, info.id)) {
        s->clusters[s->cluster_count++] = info.id;
    }
    return EXIT_STATUS_OK;
}

static bool is_message_id(struct slice s)
{
    enum { LEAST = 4, MOST = 32 };
    bool is_hex = s.n >= LEAST && s.n <= MOST;
    for (size_t i = 0; is_hex && i < s.n; i++) {
        is_hex = ascii_hex(s.p[i]) >= 0;
    }
    return is_hex;
}

/* A file before all else: its name may be anything. */
static int argument_take(struct suggesting *s, const char *text)
{
    enum cluster_kind kind;
    uint32_t id;
    bool is_cluster = cluster_id_parse(slice_cstr(text), &kind, &id);
    bool is_file = access(text, F_OK) == 0 || errno != ENOENT;
    if (is_file || !(is_cluster || is_message_id(slice_cstr(text)))) {
        s->paths[s->path_count++] = text;
        return EXIT_STATUS_OK;
    }
    int status = s->x.store ? EXIT_STATUS_OK : context_store(&s->x, STORE_READ);
    if (!status && is_cluster) {
        return cluster_take(s, text, kind, id);
    }
    status = status ? status
                    : id_choose(s->c, s->x.store, store_find, "message", text,
                                &s->messages[s->message_count]);
    s->message_count += !status;
    return status;
}

static void trap_take(void *arg, const struct trap_info *info)
{
    struct suggesting *s = arg;
    struct slice name = arena_copy(s->kept, info->name);
    if (name.p && s->trap_count < sizeof s->traps / sizeof *s->traps) {
        s->traps[s->trap_count++] = name;
    }
}

/* Rows of the clusters; and, unless other mail is given, of all. */
static int store_sample(struct suggesting *s)
{
    struct errbuf eb = {.text = ""};
    struct store_draw draw = {.kind = s->kind,
                              .clusters = s->clusters,
                              .count = s->cluster_count,
                              .each = DRAWN_MESSAGES};
    draw.all = command_value_at(s->c, "against", 0) ? 0 : DRAWN_BACKGROUND;
    s->drawn = arena_calloc(s->kept, s->cluster_count + 1, sizeof *s->drawn);
    enum err e = s->drawn ? store_traps(s->x.store, trap_take, s, &eb) : ERR_NOMEM;
    if (e == OK && (draw.count || draw.all)) {
        e = store_draw(s->x.store, &draw, s->kept, s->drawn, &eb);
    }
    return e == OK ? EXIT_STATUS_OK : command_fail(s->c, e, &eb);
}

int suggest_sources(struct suggesting *s)
{
    size_t n = s->c->argument_count + 1;
    s->kept = arena_new(SIZE_MAX);
    if (s->kept) {
        s->paths = arena_calloc(s->kept, n, sizeof *s->paths);
        s->messages = arena_calloc(s->kept, n, sizeof *s->messages);
        s->clusters = arena_calloc(s->kept, n, sizeof *s->clusters);
    }
    if (!s->kept || !s->paths || !s->messages || !s->clusters) {
        return command_fail(s->c, ERR_NOMEM, NULL);
    }
    int status = EXIT_STATUS_OK;
    for (size_t i = 0; !status && i < s->c->argument_count; i++) {
        status = argument_take(s, s->c->arguments[i]);
    }
    bool is_against = command_value_at(s->c, "against", 0);
    if (!status && !s->x.store && !is_against && access(s->x.database, F_OK) == 0) {
        status = context_store(&s->x, STORE_READ);
    }
    return !status && s->x.store ? store_sample(s) : status;
}

void suggest_sources_free(struct suggesting *s)
{
    arena_free(s->kept);
}
