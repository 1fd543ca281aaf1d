/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One rule file checked and read into a tree: the top keys, the detection (detection.c,
 * condition.c), the attribution and the tests. All findings of a file in one run. */
#include "core/clock.h"
#include "core/limits.h"
#include "sig/rule.h"

enum key_id {
#define RULE_KEY(id, key, shape, need, doc) KEY_##id,
#include "sig/rule_field.def"
#undef RULE_KEY
    KEY_COUNT
};

enum key_shape { SHAPE_TEXT, SHAPE_LIST, SHAPE_MAP, SHAPE_TEXTS };
enum key_need { NEED_MAY, NEED_MUST };

static const struct {
    const char *key;
    enum key_shape shape;
    enum key_need need;
} KEYS[KEY_COUNT] = {
#define RULE_KEY(id, key, shape, need, doc) {key, SHAPE_##shape, NEED_##need},
#include "sig/rule_field.def"
#undef RULE_KEY
};

static const char *const KEY_NAMES[] = {
#define RULE_KEY(id, key, shape, need, doc) key,
#include "sig/rule_field.def"
#undef RULE_KEY
    NULL};

static const char *const STATUS_NAMES[] = {"experimental", "test", "stable", "deprecated", NULL};
static const char *const LEVELS[] = {"informational", "low", "medium", "high", "critical", NULL};
static const char *const RELATIONS[] = {"derived", "obsolete", "merged",
                                        "renamed", "similar",  NULL};

const char *rule_status_name(enum rule_status s)
{
    return STATUS_NAMES[s];
}

/* The index of a scalar's text in `names`; a finding and -1 otherwise. */
static int word_of(const struct yaml_node *n, const char *const *names, const char *what,
                   struct findings *to)
{
    for (int i = 0; names[i]; i++) {
        if (n->kind == YAML_SCALAR && slice_eq(n->text, slice_cstr(names[i]))) {
            return i;
        }
    }
    const char *near = n->kind == YAML_SCALAR ? name_near(n->text, names) : NULL;
    finding_add(to, FINDING_ERROR, n->line, n->column, "unknown %s '%.*s'%s%s%s", what,
                SLICE_ARG(slice_sub(n->text, 0, 60)), near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    return -1;
}

bool check_text(const struct yaml_node *n, const char *what, struct findings *to)
{
    if (n->kind == YAML_SCALAR && n->text.n > 0) {
        return true;
    }
    finding_add(to, FINDING_ERROR, n->line, n->column, "%s must be a text%s", what,
                n->kind == YAML_SCALAR ? ", not empty" : "");
    return false;
}

static bool is_uuid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? s.p[i] != '-' : ascii_hex(s.p[i]) < 0 || ascii_is_upper(s.p[i])) {
            return false;
        }
    }
    return s.n == 36;
}

static bool number_of(struct slice s, size_t digits, int *out)
{
    uint64_t value;
    if (s.n != digits || !slice_to_u64(s, &value)) {
        return false;
    }
    *out = (int)value;
    return true;
}

bool check_date(struct slice s, int64_t *from, int64_t *until)
{
    struct slice rest = s;
    int year, month = 1, day = 1;
    unsigned parts = 1;
    if (!number_of(slice_cut(&rest, '-'), 4, &year) || year < 1970) {
        return false;
    }
    if (s.n > 4) {
        parts = s.n > 7 ? 3 : 2;
        if (!number_of(slice_cut(&rest, '-'), 2, &month) || month < 1 || month > 12) {
            return false;
        }
    }
    if (parts == 3 && !number_of(rest, 2, &day)) {
        return false;
    }
    if (s.n != (parts == 1 ? 4U : parts == 2 ? 7U : 10U)) {
        return false;
    }
    int next_year = parts == 1 || (parts == 2 && month == 12) ? year + 1 : year;
    int next_month = parts == 1 ? 1 : parts == 2 ? month % 12 + 1 : month;
    int64_t first = civil_to_days(year, month, day);
    if (parts == 3) {
        int y, m, d;
        days_to_civil(first, &y, &m, &d);
        if (y != year || m != month || d != day) {
            return false;
        }
    }
    int64_t next = parts == 3 ? first + 1 : civil_to_days(next_year, next_month, 1);
    *from = first * SECONDS_PER_DAY;
    *until = next * SECONDS_PER_DAY;
    return true;
}

static bool node_has_shape(const struct yaml_node *n, enum key_shape shape)
{
    switch (shape) {
    case SHAPE_TEXT:
        return n->kind == YAML_SCALAR;
    case SHAPE_LIST:
        return n->kind == YAML_LIST;
    case SHAPE_MAP:
        return n->kind == YAML_MAP;
    case SHAPE_TEXTS:
        return n->kind != YAML_MAP;
    }
    return false;
}

/* Finds every known key; findings for unknown, missing and misshapen ones. */
static void keys_sort(const struct yaml_node *root, const struct yaml_node *out[KEY_COUNT],
                      struct findings *to)
{
    static const char *const SHAPES[] = {"a text", "a list", "a map", "a text or a list"};
    for (const struct yaml_node *n = root->first; n; n = n->next) {
        int id = word_of(n->key, KEY_NAMES, "key", to);
        if (id >= 0 && !node_has_shape(n, KEYS[id].shape)) {
            finding_add(to, FINDING_ERROR, n->line, n->column, "%s must be %s", KEYS[id].key,
                        SHAPES[KEYS[id].shape]);
        } else if (id >= 0 && n->kind == YAML_SCALAR && n->text.n == 0) {
            finding_add(to, FINDING_ERROR, n->line, n->column, "%s is empty", KEYS[id].key);
        } else if (id >= 0) {
            out[id] = n;
            continue;
        }
        if (id >= 0) {
            out[id] = root; /* there, but not to be looked at again */
        }
    }
    for (int id = 0; id < KEY_COUNT; id++) {
        if (!out[id] && KEYS[id].need == NEED_MUST) {
            finding_add(to, FINDING_ERROR, root->line, root->column, "%s is missing%s",
                        KEYS[id].key,
                        id == KEY_REFERENCES ? ": every rule names its public source" : "");
        }
        if (out[id] == root) {
            out[id] = NULL;
        }
    }
}

/* A list of texts into slices. */
static bool texts_read(const struct yaml_node *n, const char *what, struct slice **out,
                       size_t *count, struct arena *arena, struct findings *to)
{
    struct slice *texts = arena_calloc(arena, n->count + 1, sizeof *texts);
    if (!texts) {
        to->is_exhausted = true;
        return false;
    }
    size_t kept = 0;
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        if (!check_text(item, what, to)) {
            return false;
        }
        texts[kept++] = item->text;
    }
    *out = texts;
    *count = kept;
    return true;
}

static void check_references(const struct yaml_node *n, struct rule_source *rule,
                             struct arena *arena, struct findings *to)
{
    if (!texts_read(n, "a reference", &rule->references, &rule->reference_count, arena, to)) {
        return;
    }
    if (n->count == 0) {
        finding_add(to, FINDING_ERROR, n->line, n->column,
                    "references is empty: every rule names its public source");
    }
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        if (!slice_istarts(item->text, S("https://")) && !slice_istarts(item->text, S("http://"))) {
            finding_add(to, FINDING_WARNING, item->line, item->column,
                        "a reference should be a URL that others can open");
        }
    }
}

static void check_logsource(const struct yaml_node *n, struct findings *to)
{
    static const char *const WANTED[][2] = {{"product", "spamgauge"}, {"category", "message"}};
    for (int i = 0; i < 2; i++) {
        const struct yaml_node *at = yaml_get(n, WANTED[i][0]);
        if (!at) {
            finding_add(to, FINDING_ERROR, n->line, n->column, "logsource needs %s: %s",
                        WANTED[i][0], WANTED[i][1]);
        } else if (at->kind != YAML_SCALAR || !slice_eq(at->text, slice_cstr(WANTED[i][1]))) {
            finding_add(to, FINDING_ERROR, at->line, at->column, "logsource %s must be %s",
                        WANTED[i][0], WANTED[i][1]);
        }
    }
    for (const struct yaml_node *at = n->first; at; at = at->next) {
        if (!slice_eq(at->key->text, S("product")) && !slice_eq(at->key->text, S("category"))) {
            finding_add(to, FINDING_ERROR, at->key->line, at->key->column,
                        "logsource has product and category only");
        }
    }
}

static void check_related(const struct yaml_node *n, struct findings *to)
{
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        const struct yaml_node *id = item->kind == YAML_MAP ? yaml_get(item, "id") : NULL;
        const struct yaml_node *type = item->kind == YAML_MAP ? yaml_get(item, "type") : NULL;
        if (!id || !type || item->count != 2 || id->kind != YAML_SCALAR) {
            finding_add(to, FINDING_ERROR, item->line, item->column,
                        "an item of related is {id: UUID, type: derived or another relation}");
            continue;
        }
        if (!is_uuid(id->text)) {
            finding_add(to, FINDING_ERROR, id->line, id->column, "id must be a UUID in lower case");
        }
        word_of(type, RELATIONS, "relation", to);
    }
}

static void check_tags(const struct yaml_node *n, struct findings *to)
{
    for (const struct yaml_node *item = n->first; item; item = item->next) {
        size_t dot = slice_find_byte(item->text, '.');
        bool is_sound = item->kind == YAML_SCALAR && dot > 0 && dot + 1 < item->text.n;
        for (size_t i = 0; is_sound && i < item->text.n; i++) {
            char c = item->text.p[i];
            is_sound = ascii_is_lower(c) || ascii_is_digit(c) || c == '.' || c == '-' || c == '_';
        }
        if (!is_sound) {
            finding_add(to, FINDING_ERROR, item->line, item->column,
                        "a tag is namespace.name in lower case");
        }
    }
}

/* date and modified; the order of both. */
static void check_dates(const struct yaml_node *date, const struct yaml_node *modified,
                        struct findings *to)
{
    int64_t from[2] = {0}, until;
    const struct yaml_node *nodes[2] = {date, modified};
    for (int i = 0; i < 2; i++) {
        if (nodes[i] && (nodes[i]->text.n != 10 || !check_date(nodes[i]->text, &from[i], &until))) {
            finding_add(to, FINDING_ERROR, nodes[i]->line, nodes[i]->column,
                        "a date like 2010-10-01 is expected here");
            return;
        }
    }
    if (date && modified && from[1] < from[0]) {
        finding_add(to, FINDING_ERROR, modified->line, modified->column,
                    "modified lies before date");
    }
}

static void check_head(const struct yaml_node *const key[KEY_COUNT], struct rule_source *rule,
                       struct arena *arena, struct findings *to)
{
    if (key[KEY_TITLE]) {
        rule->title = key[KEY_TITLE]->text;
        if (rule->title.n > 200) {
            finding_add(to, FINDING_STYLE, key[KEY_TITLE]->line, key[KEY_TITLE]->column,
                        "a title of more than 200 bytes");
        }
    }
    if (key[KEY_ID]) {
        rule->id = key[KEY_ID]->text;
        if (!is_uuid(rule->id)) {
            finding_add(to, FINDING_ERROR, key[KEY_ID]->line, key[KEY_ID]->column,
                        "id must be a UUID in lower case");
        }
    }
    if (key[KEY_STATUS]) {
        int status = word_of(key[KEY_STATUS], STATUS_NAMES, "status", to);
        rule->status = status < 0 ? RULE_TEST : (enum rule_status)status;
    }
    if (key[KEY_LEVEL]) {
        word_of(key[KEY_LEVEL], LEVELS, "level", to);
    }
    if (key[KEY_REFERENCES]) {
        check_references(key[KEY_REFERENCES], rule, arena, to);
    }
    if (key[KEY_TAGS]) {
        check_tags(key[KEY_TAGS], to);
    }
    if (key[KEY_RELATED]) {
        check_related(key[KEY_RELATED], to);
    }
    if (key[KEY_LOGSOURCE]) {
        check_logsource(key[KEY_LOGSOURCE], to);
    }
    check_dates(key[KEY_DATE], key[KEY_MODIFIED], to);
}

struct rule_source *rule_check(struct slice text, const char *file, struct arena *arena,
                               struct findings *to)
{
    const struct yaml_node *key[KEY_COUNT] = {0};
    size_t errors = to->errors;
    to->file = file;
    struct yaml_node *root = yaml_read(text, arena, to);
    struct rule_source *rule = root ? arena_calloc(arena, 1, sizeof *rule) : NULL;
    if (!rule) {
        to->is_exhausted |= root != NULL;
        return NULL;
    }
    if (root->kind != YAML_MAP) {
        finding_add(to, FINDING_ERROR, root->line, root->column, "a rule file is a map of keys");
        return NULL;
    }
    rule->file = file;
    rule->line = root->first ? root->first->key->line : 1;
    rule->valid_from = INT64_MIN;
    rule->valid_until = INT64_MAX;
    keys_sort(root, key, to);
    check_head(key, rule, arena, to);
    bool has_detection = key[KEY_DETECTION] && check_detection(key[KEY_DETECTION], rule, arena, to);
    if (key[KEY_ATTRIBUTION]) {
        check_attribution(key[KEY_ATTRIBUTION], rule, arena, to);
    }
    if (key[KEY_TESTS]) {
        check_tests(key[KEY_TESTS], rule, arena, to);
    } else {
        finding_add(to, FINDING_STYLE, root->line, root->column,
                    "no tests: give one message at least to match and one to reject");
    }
    if (to->errors > errors || to->is_exhausted || !has_detection) {
        return NULL;
    }
    rule->groups = rule_groups(rule);
    return rule;
}
