/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matching: every modifier against a plain evaluator that knows no index, on random rules and
 * random messages; then the corners by name. */
#include "sig_testing.h"

#include "core/limits.h"

#include <regex.h>

enum { RULES = 600, MESSAGES = 300 };

/* Few letters, so that values meet often. */
static size_t random_text(uint64_t *seed, char *out, size_t max, const char *alphabet)
{
    size_t n = 1 + next_random(seed) % max;
    for (size_t i = 0; i < n; i++) {
        out[i] = alphabet[next_random(seed) % strlen(alphabet)];
    }
    out[n] = '\0';
    return n;
}

enum how { HOW_EQUAL, HOW_CONTAINS, HOW_STARTS, HOW_ENDS, HOW_RE, HOW_COUNT };

struct plain_atom {
    enum feature_id feature;
    enum how how;
    bool is_cased, is_folded, is_all, is_neq;
    char values[3][32];
    size_t count;
};

struct plain_rule {
    struct plain_atom atoms[3];
    size_t count;
    bool is_or;
    int64_t size_gt; /* -1: none */
};

static const struct {
    enum feature_id id;
    const char *name;
    bool is_list, is_folded;
} FIELDS[] = {
    {FEATURE_MSGID, "msgid", false, false},       {FEATURE_SUBJECT, "subject", false, true},
    {FEATURE_CHARSET, "charset", true, true},     {FEATURE_QUIRK, "quirk", true, false},
    {FEATURE_BODY_TEXT, "body.text", true, true},
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof FIELDS[0] };
static const char *const HOWS[] = {"", "|contains", "|startswith", "|endswith", "|re"};

static void plain_atom_new(struct plain_atom *a, uint64_t *seed)
{
    static const char *const REGEXES[] = {"^a+b", "a.b$", "(aa|bb)b", "[ab]{3}", "b?ab+"};
    unsigned field = next_random(seed) % FIELD_COUNT;
    a->feature = FIELDS[field].id;
    a->is_folded = FIELDS[field].is_folded;
    a->how = (enum how)(next_random(seed) % HOW_COUNT);
    a->is_cased = a->is_folded && next_random(seed) % 3 == 0;
    a->count = 1 + next_random(seed) % 3;
    a->is_all = a->count > 1 && next_random(seed) % 3 == 0;
    a->is_neq = !a->is_all && next_random(seed) % 5 == 0;
    for (size_t i = 0; i < a->count; i++) {
        if (a->how == HOW_RE) {
            snprintf(a->values[i], sizeof a->values[i], "%s", REGEXES[next_random(seed) % 5]);
            continue;
        }
        /* Wildcards stand inside, never alone. */
        size_t n = random_text(seed, a->values[i], 4, "abAB");
        if (next_random(seed) % 4 == 0) {
            snprintf(a->values[i] + n, sizeof a->values[i] - n, "%cb",
                     next_random(seed) % 2 ? '*' : '?');
        }
    }
}

static void plain_rule_print(const struct plain_rule *r, struct strbuf *b)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct plain_atom *a = &r->atoms[i];
        const char *name = "";
        for (int f = 0; f < FIELD_COUNT; f++) {
            name = FIELDS[f].id == a->feature ? FIELDS[f].name : name;
        }
        strbuf_printf(b, "  s%zu:\n    %s%s%s%s%s: [", i, name, HOWS[a->how],
                      a->is_cased ? "|cased" : "", a->is_all ? "|all" : "",
                      a->is_neq ? "|neq" : "");
        for (size_t v = 0; v < a->count; v++) {
            strbuf_printf(b, "%s'%s'", v ? ", " : "", a->values[v]);
        }
        strbuf_add_cstr(b, "]\n");
    }
    if (r->size_gt >= 0) {
        strbuf_printf(b, "  n: {size|gt: %lld}\n", (long long)r->size_gt);
    }
    strbuf_add_cstr(b, "  condition: ");
    for (size_t i = 0; i < r->count; i++) {
        strbuf_printf(b, "%ss%zu", i ? (r->is_or ? " or " : " and ") : "(", i);
    }
    strbuf_add_cstr(b, r->size_gt >= 0 ? ") and n\n" : ")\n");
}

/* A pattern with * and ? (folded fields only) at a place of the text, by trying everything. */
static bool plain_glob(struct slice p, struct slice s, bool is_cased, bool has_wild,
                       bool is_open_end)
{
    if (p.n == 0) {
        return s.n == 0 || is_open_end;
    }
    if (has_wild && p.p[0] == '*') {
        for (size_t i = 0; i <= s.n; i++) {
            if (plain_glob(slice_sub(p, 1, p.n), slice_sub(s, i, s.n), is_cased, has_wild,
                           is_open_end)) {
                return true;
            }
        }
        return false;
    }
    if (s.n == 0) {
        return false;
    }
    bool is_same = is_cased ? p.p[0] == s.p[0] : ascii_lower(p.p[0]) == ascii_lower(s.p[0]);
    return (is_same || (has_wild && p.p[0] == '?')) &&
           plain_glob(slice_sub(p, 1, p.n), slice_sub(s, 1, s.n), is_cased, has_wild, is_open_end);
}

static bool plain_value(const struct plain_atom *a, const char *value, struct slice s)
{
    struct slice p = slice_cstr(value);
    bool is_cased = a->is_cased || !a->is_folded;
    if (a->how == HOW_RE) {
        char text[64];
        regex_t re;
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(s));
        assert_int_equal(regcomp(&re, value, REG_EXTENDED | REG_NOSUB | (is_cased ? 0 : REG_ICASE)),
                         0);
        bool is_match = regexec(&re, text, 0, NULL, 0) == 0;
        regfree(&re);
        return is_match;
    }
    bool is_open_start = a->how == HOW_CONTAINS || a->how == HOW_ENDS;
    bool is_open_end = a->how == HOW_CONTAINS || a->how == HOW_STARTS;
    for (size_t i = 0; i <= (is_open_start ? s.n : 0); i++) {
        if (plain_glob(p, slice_sub(s, i, s.n), is_cased, a->is_folded, is_open_end)) {
            return true;
        }
    }
    return false;
}

static bool plain_atom_holds(const struct plain_atom *a, const struct features *f)
{
    size_t matched = 0;
    for (size_t v = 0; v < a->count; v++) {
        bool is_found = false;
        for (size_t i = 0; i < f->text[a->feature].count; i++) {
            is_found |= plain_value(a, a->values[v], f->text[a->feature].items[i]);
        }
        matched += is_found;
    }
    return (a->is_all ? matched == a->count : matched > 0) != a->is_neq;
}

static bool plain_rule_holds(const struct plain_rule *r, const struct features *f)
{
    bool all = true, one = false;
    for (size_t i = 0; i < r->count; i++) {
        bool is_true = plain_atom_holds(&r->atoms[i], f);
        all &= is_true;
        one |= is_true;
    }
    return (r->is_or ? one : all) && (r->size_gt < 0 || f->number[FEATURE_SIZE] > r->size_gt);
}

static void features_random(struct features *f, uint64_t *seed, struct arena *a)
{
    *f = (struct features){0};
    for (int i = 0; i < FIELD_COUNT; i++) {
        size_t count = next_random(seed) % (FIELDS[i].is_list ? 4 : 2);
        struct slice *items = arena_calloc(a, count + 1, sizeof *items);
        for (size_t k = 0; k < count; k++) {
            char text[32];
            size_t n = random_text(seed, text, 7, "abABab-");
            items[k] = arena_copy(a, slice_of(text, n));
        }
        f->text[FIELDS[i].id].items = items;
        f->text[FIELDS[i].id].count = count;
    }
    f->has_number[FEATURE_SIZE] = true;
    f->number[FEATURE_SIZE] = next_random(seed) % 100;
}

static void test_random(void **state)
{
    (void)state;
    static struct plain_rule plain[RULES];
    char folder[] = "/tmp/match_test.XXXXXX";
    uint64_t seed = 42;
    struct strbuf b = STRBUF_INIT;
    size_t hits = 0, woken = 0;
    make_folder(folder);
    for (unsigned i = 0; i < RULES; i++) {
        struct plain_rule *r = &plain[i];
        r->count = 1 + next_random(&seed) % 3;
        r->is_or = next_random(&seed) % 2;
        r->size_gt = next_random(&seed) % 3 == 0 ? (int64_t)(next_random(&seed) % 100) : -1;
        for (size_t k = 0; k < r->count; k++) {
            plain_atom_new(&r->atoms[k], &seed);
        }
        strbuf_clear(&b);
        plain_rule_print(r, &b);
        put_rule(folder, i, "stable", strbuf_cstr(&b), "botnet: x, confidence: 80");
    }
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    assert_true(rules_count(r) > RULES / 2);
    for (int m = 0; m < MESSAGES; m++) {
        struct features f;
        arena_reset(a);
        features_random(&f, &seed, a);
        assert_int_equal(match_scan(r, s, &f, a), OK);
        woken += s->candidate_count;
        for (size_t i = 0; i < rules_count(r); i++) {
            unsigned id = (unsigned)strtoul(rules_info(r, i)->id.p + 24, NULL, 10);
            bool want = plain_rule_holds(&plain[id], &f);
            bool is = s->seen[i] == s->epoch && match_node(r, s, r->rules[i].root);
            hits += want;
            if (is != want) {
                strbuf_clear(&b);
                plain_rule_print(&plain[id], &b);
                fail_msg("message %d, wanted %d of rule:\n%s", m, want, strbuf_cstr(&b));
            }
        }
    }
    assert_true(hits > 1000); /* the test has something to say */
    assert_true(woken < (size_t)MESSAGES * rules_count(r));
    strbuf_free(&b);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

/* ---- the corners, one rule and one message each ---- */

struct corner {
    const char *name;
    const char *search; /* one line: the map of search s */
    const char *message;
    bool is_match;
};

static const struct corner CORNERS[] = {
    {"header by name", "header.x-a: one", "X-A: one\n\n", true},
    {"header name case aside", "header.x-a: one", "x-A: ONE\n\n", true},
    {"header cased", "header.x-a|cased: one", "X-A: ONE\n\n", false},
    {"header repeated, second", "header.x-a: two", "X-A: one\nX-A: two\n\n", true},
    {"header unfolded", "header.x-a: 'one two'", "X-A: one\n two\n\n", true},
    {"other header", "header.x-a: one", "X-B: one\n\n", false},
    {"exists", "{header.x-a: a, header.x-b|exists: true}", "X-A: a\nX-B: b\n\n", true},
    {"exists not", "{header.x-a: a, header.x-b|exists: true}", "X-A: a\n\n", false},
    {"absent", "{header.x-a: a, header.x-b|exists: false}", "X-A: a\n\n", true},
    {"absent not", "{header.x-a: a, header.x-b|exists: false}", "X-A: a\nX-B: b\n\n", false},
    {"order", "header.order|order: [X-A, X-B]", "X-A: 1\nX-C: 2\nX-B: 3\n\n", true},
    {"order reversed", "header.order|order: [X-B, X-A]", "X-A: 1\nX-C: 2\nX-B: 3\n\n", false},
    {"order cased", "header.order|order: [x-a, X-B]", "X-A: 1\nX-B: 3\n\n", false},
    {"order twice the same", "header.order|order: [X-A, X-A]", "X-A: 1\nX-B: 3\n\n", false},
    {"order twice there", "header.order|order: [X-A, X-A]", "X-A: 1\nX-A: 3\n\n", true},
    {"shape", "msgid|shape: '<xxxx$x{2}@a+.*>'", "Message-ID: <0af9$1b@host.example>\n\n", true},
    {"shape whole", "msgid|shape: '<xxxx$x{2}@a+>'", "Message-ID: <0af9$1b@host.example>\n\n",
     false},
    {"shape upper", "msgid|shape: '<xxxx$x{2}@a+.*>'", "Message-ID: <0AF9$1b@host.example>\n\n",
     false},
    {"shape escape", "msgid|shape: '<\\a9@*>'", "Message-ID: <a1@host.example>\n\n", true},
    {"shape escape not", "msgid|shape: '<\\a9@*>'", "Message-ID: <b1@host.example>\n\n", false},
    {"wildcard inside", "subject: 'a*z'", "Subject: a to z\n\n", true},
    {"wildcard one", "subject: 'a?z'", "Subject: abz\n\n", true},
    {"wildcard one is one", "subject: 'a?z'", "Subject: abbz\n\n", false},
    {"wildcard escaped", "subject: 'a\\*z'", "Subject: abz\n\n", false},
    {"wildcard escaped is itself", "subject: 'a\\*z'", "Subject: a*z\n\n", true},
    {"star literal in cased", "msgid|startswith: '<*'", "Message-ID: <*@example.com>\n\n", true},
    {"regex end", "subject|re: 'end$'", "Subject: the end\n\n", true},
    {"regex inline flag", "msgid|re: '(?i)^<ABC'", "Message-ID: <abc@example.com>\n\n", true},
    {"regex cased field", "msgid|re: '^<ABC'", "Message-ID: <abc@example.com>\n\n", false},
    {"regex body lines", "body.text|re: 'one.two'", "Subject: a\n\none\ntwo\n", false},
    {"regex body dotall", "body.text|re: '(?s)one.{1,2}two'", "Subject: a\n\none\ntwo\n", true},
    {"utf-8 literal", "subject|contains: '\xc3\xa4pfel'",
     "Subject: =?utf-8?q?gute_=C3=A4pfel?=\n\n", true},
    {"all in list", "body.text|contains|all: [one, two]", "A: b\n\none two\n", true},
    {"all in list, one missing", "body.text|contains|all: [one, two]", "A: b\n\none\n", false},
    {"fieldref", "{header.x-a: a, header.x-b|fieldref: header.x-c}", "X-A: a\nX-B: q\nX-C: Q\n\n",
     true},
    {"fieldref not", "{header.x-a: a, header.x-b|fieldref: header.x-c}",
     "X-A: a\nX-B: q\nX-C: r\n\n", false},
    {"fieldref ends", "{header.x-a: a, header.x-b|endswith|fieldref: header.x-c}",
     "X-A: a\nX-B: say q\nX-C: q\n\n", true},
    {"fieldref absent", "{header.x-a: a, header.x-b|fieldref: header.x-c}", "X-A: a\nX-B: q\n\n",
     false},
    {"number", "{header.x-a: a, size|lt: 1000}", "X-A: a\n\n", true},
    {"number not", "{header.x-a: a, size|gt: 1000}", "X-A: a\n\n", false},
    {"flag", "{header.x-a: a, to.bare: true}", "X-A: a\nTo: u@example.com\n\n", true},
    {"list of maps", "[{header.x-a: a}, {header.x-a: b}]", "X-A: b\n\n", true},
    {"near",
     "body.text|near: {at_least: 60, text: 'one two three four five six seven eight nine ten "
     "eleven twelve thirteen'}",
     "A: b\n\nOne two three four five, six seven eight nine ten eleven twelve!\n", true},
    {"near not",
     "body.text|near: {at_least: 60, text: 'one two three four five six seven eight nine "
     "ten eleven twelve thirteen'}",
     "A: b\n\none two three four; the rest of this text speaks of other things altogether\n",
     false},
};

static void test_corners(void **state)
{
    (void)state;
    char folder[] = "/tmp/corner_test.XXXXXX";
    size_t count = sizeof CORNERS / sizeof CORNERS[0], bad = 0;
    make_folder(folder);
    for (unsigned i = 0; i < count; i++) {
        char detection[2048];
        const char *search = CORNERS[i].search;
        bool is_flow = search[0] == '{' || search[0] == '[';
        snprintf(detection, sizeof detection, "  s:%s%s\n  condition: s\n",
                 is_flow ? " " : "\n    ", search);
        put_rule(folder, i, "stable", detection, "botnet: x, confidence: 80");
    }
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct errbuf eb;
    struct url_context *urls = url_context_new(&eb);
    assert_int_equal(rules_count(r), count);
    for (unsigned i = 0; i < count; i++) {
        struct mail m;
        struct chain c;
        struct features f;
        struct slice raw = slice_cstr(CORNERS[i].message);
        struct envelope e = {.bytes = raw.n};
        arena_reset(a);
        assert_int_equal(mail_parse(&m, raw, a), OK);
        assert_int_equal(chain_build(&c, &m, NULL, 0, a), OK);
        assert_int_equal(features_extract(&f, &m, &c, urls, &e, a), OK);
        assert_int_equal(match_scan(r, s, &f, a), OK);
        bool is = s->seen[i] == s->epoch && match_node(r, s, r->rules[i].root);
        if (is != CORNERS[i].is_match) {
            print_error("%s: wanted %d\n", CORNERS[i].name, CORNERS[i].is_match);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
    url_context_free(urls);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

/* Evidence names the field, the bytes and their place. */
static void test_evidence(void **state)
{
    (void)state;
    char folder[] = "/tmp/evidence_test.XXXXXX";
    static const char DETECTION[] =
        "  s:\n    subject|contains: pills\n    msgid|startswith: '<00'\n"
        "    boundary|re: 'b[0-9]{3}'\n    quirk: q\n    mailer: m\n"
        "  condition: s\n";
    make_folder(folder);
    put_rule(folder, 1, "stable", DETECTION, "botnet: x, confidence: 80");
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct features f = {0};
    static const struct slice SUBJECT = SLICE("cheap PILLS now"), MSGID = SLICE("<00ab@x>");
    static const struct slice BOUNDARY = SLICE("==b123=="), QUIRK = SLICE("q"), MAILER = SLICE("m");
    static const struct {
        enum feature_id id;
        const struct slice *value;
    } SET[] = {{FEATURE_SUBJECT, &SUBJECT},
               {FEATURE_MSGID, &MSGID},
               {FEATURE_BOUNDARY, &BOUNDARY},
               {FEATURE_QUIRK, &QUIRK},
               {FEATURE_MAILER, &MAILER}};
    for (size_t i = 0; i < sizeof SET / sizeof SET[0]; i++) {
        f.text[SET[i].id].items = SET[i].value;
        f.text[SET[i].id].count = 1;
    }
    struct attribution out;
    assert_int_equal(rules_match(r, s, &f, 0, a, &out), OK);
    assert_int_equal(out.hit_count, 1);
    assert_int_equal(out.hits[0].evidence_count, 4);
    const struct rule_evidence *e = out.hits[0].evidence;
    assert_true(slice_eq(e[0].field, S("subject")) && slice_eq(e[0].matched, S("PILLS")));
    assert_int_equal(e[0].offset, 6);
    assert_true(slice_eq(e[1].matched, S("<00")) && e[1].offset == 0);
    assert_true(slice_eq(e[2].matched, S("b123")) && e[2].offset == 2);
    assert_true(slice_eq(e[3].matched, S("q")));
    assert_int_equal(rules_info(r, 0)->groups, 1U << EVIDENCE_TEMPLATE | 1U << EVIDENCE_HEADER);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

static void on_trace(void *arg, const struct rule_trace *t)
{
    struct strbuf *b = arg;
    strbuf_printf(b, "rule %zu %s %u/%u\n", t->rule, t->is_match ? "matches" : "does not match",
                  t->atoms_true, t->atoms);
    strbuf_add(b, t->text);
}

static void test_explain(void **state)
{
    (void)state;
    char folder[] = "/tmp/explain_test.XXXXXX";
    make_folder(folder);
    put_rule(folder, 1, "stable",
             "  a: {subject|contains: [pills, watch]}\n  b: {size|gt: 10, quirk: q}\n"
             "  condition: a and b\n",
             "botnet: x, confidence: 80, valid_until: 2009");
    put_rule(folder, 2, "deprecated", "  s: {subject: \"a'b\"}\n  condition: s\n",
             "botnet: x, confidence: 80");
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct strbuf b = STRBUF_INIT;
    struct slice subject = S("Pills\nnow");
    struct features f = {0};
    f.text[FEATURE_SUBJECT].items = &subject;
    f.text[FEATURE_SUBJECT].count = 1;
    f.has_number[FEATURE_SIZE] = true;
    f.number[FEATURE_SIZE] = 9;
    assert_int_equal(rules_explain(r, s, &f, 1285891200, a, on_trace, &b), OK);
    assert_string_equal(strbuf_cstr(&b), "rule 0 does not match 1/4\n"
                                         "a: subject|contains 'pills' true at 0: 'Pills'\n"
                                         "a: subject|contains 'watch' false (is 'Pills\\x0anow')\n"
                                         "b: size|gt '10' false (is 9)\n"
                                         "b: quirk 'q' false\n"
                                         "out of its dates: counts half\n"
                                         "rule 1 does not match 0/1\n"
                                         "s: subject 'a\\x27b' false (is 'Pills\\x0anow')\n"
                                         "deprecated: not used for labels\n");
    strbuf_free(&b);
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

/* More hits than are kept: the strongest stay. */
static void test_hit_limit(void **state)
{
    (void)state;
    char folder[] = "/tmp/hits_test.XXXXXX";
    make_folder(folder);
    for (unsigned i = 0; i < LIMIT_RULE_HITS + 1; i++) {
        char attribution[80];
        snprintf(attribution, sizeof attribution, "botnet: b%u, confidence: %u", i,
                 i == LIMIT_RULE_HITS ? 99 : 60);
        put_rule(folder, i, "stable", "  s: {quirk: q}\n  condition: s\n", attribution);
    }
    struct rules *r = load_folder(folder, NULL);
    struct rule_scratch *s = rule_scratch_new(r);
    struct arena *a = arena_new(SIZE_MAX);
    struct slice quirk = S("q");
    struct features f = {0};
    struct attribution out;
    f.text[FEATURE_QUIRK].items = &quirk;
    f.text[FEATURE_QUIRK].count = 1;
    assert_int_equal(rules_match(r, s, &f, 0, a, &out), OK);
    assert_int_equal(out.hit_count, LIMIT_RULE_HITS);
    assert_int_equal(out.hits[0].rule, LIMIT_RULE_HITS);
    assert_true(slice_eq(out.label[LABEL_BOTNET].best, S("b64")));
    rule_scratch_free(s);
    rules_unref(r);
    arena_free(a);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),    cmocka_unit_test(test_corners),
        cmocka_unit_test(test_evidence),  cmocka_unit_test(test_explain),
        cmocka_unit_test(test_hit_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
