/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drafts of rules: what is learnt, what is kept out, what separates, what is written. */
#include "sig_testing.h"

#include "mail/mail.h"
#include "sig/suggest.h"

enum { WANTED = 40, OTHERS = 60, HELD = WANTED / 5 };

/* One engine's mail: forms of its own, a shared text, recipients that differ. */
static void bot_print(char *out, size_t n, unsigned i)
{
    snprintf(out, n,
             "From: \"Swiss Shop\" <x%u@sender.example>\n"
             "To: <trapuser%u@secret-trap.example>\n"
             "Message-ID: <%08x@trapuser%u.secret-trap.example>\n"
             "Subject: Replica number %u for trapuser%u\n"
             "X-Priority: 3\n"
             "X-Mailer: ZetaMail 2.%u\n"
             "Organization: secret-trap.example\n"
             "MIME-Version: 1.0\n"
             "Content-Type: text/plain; charset=\"windows-1251\"\n\n"
             "Dear trapuser%u, genuine Swiss replica watches delivered.\n",
             i, i % 2, i * 2654435761U, i % 2, i, i % 2, i % 9, i % 2);
}

static void ham_print(char *out, size_t n, unsigned i)
{
    snprintf(out, n,
             "From: Person %u <person%u@other.example>\n"
             "To: <friend%u@friends.example>\n"
             "Subject: Garden meeting %u\n"
             "Message-ID: <%u.garden@other.example>\n"
             "X-Mailer: Mutt 1.5.%u\n"
             "MIME-Version: 1.0\n"
             "Content-Type: text/plain; charset=\"us-ascii\"\n\n"
             "The meeting of the garden club number %u is on Friday.\n",
             i, i, i % 9, i, i * 77, i % 20, i);
}

struct fixture {
    struct arena *arena;
    struct url_context *urls;
    struct suggest *suggest;
    char text[2048];
    struct mail mail;
    struct chain chain;
    struct features features;
};

typedef void writer(char *out, size_t n, unsigned i);

static const struct features *features_of(struct fixture *x, writer *print, unsigned i)
{
    print(x->text, sizeof x->text, i);
    struct slice raw = slice_cstr(x->text);
    struct envelope e = {.bytes = raw.n};
    arena_reset(x->arena);
    assert_int_equal(mail_parse(&x->mail, raw, x->arena), OK);
    assert_int_equal(chain_build(&x->chain, &x->mail, NULL, 0, x->arena), OK);
    assert_int_equal(features_extract(&x->features, &x->mail, &x->chain, x->urls, &e, x->arena),
                     OK);
    return &x->features;
}

static void fixture_begin(struct fixture *x)
{
    struct errbuf eb;
    *x = (struct fixture){
        .arena = arena_new(SIZE_MAX), .urls = url_context_new(&eb), .suggest = suggest_new()};
    assert_non_null(x->suggest);
}

static void fixture_end(struct fixture *x)
{
    suggest_free(x->suggest);
    url_context_free(x->urls);
    arena_free(x->arena);
}

static void bots_learn(struct fixture *x)
{
    for (unsigned i = 0; i < WANTED; i++) {
        char address[64];
        snprintf(address, sizeof address, "trapuser%u@secret-trap.example", i % 2);
        struct slice secret = slice_cstr(address);
        assert_int_equal(suggest_holds_next(x->suggest), i % 5 == 4);
        assert_int_equal(
            suggest_learn(x->suggest, features_of(x, bot_print, i), &secret, 1, x->arena), OK);
    }
}

static void side_count(struct fixture *x, enum suggest_side side, writer *print, unsigned n,
                       const feature_set *known)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(suggest_count(x->suggest, side, features_of(x, print, i), known, x->arena),
                         OK);
    }
}

/* Learnt, and counted on the wanted messages. */
static void bots_prepare(struct fixture *x)
{
    struct errbuf eb;
    fixture_begin(x);
    bots_learn(x);
    assert_int_equal(suggest_traits(x->suggest, &eb), OK);
    side_count(x, SUGGEST_WANTED, bot_print, WANTED, NULL);
}

static const struct suggest_trait *trait_of(const struct suggest_draft *d, const char *what)
{
    for (size_t i = 0; i < d->trait_count; i++) {
        if (slice_find(d->traits[i].entry, slice_cstr(what)) != SIZE_MAX) {
            return &d->traits[i];
        }
    }
    return NULL;
}

static void what_all_share_is_a_trait(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    const struct suggest_trait *mailer = trait_of(&d, "ZetaMail 2.");
    assert_non_null(mailer);
    assert_int_equal(mailer->wanted, WANTED - HELD);
    assert_int_equal(mailer->background, 0);
    assert_non_null(trait_of(&d, "header.x-priority"));
    assert_non_null(trait_of(&d, "windows-1251"));
    assert_non_null(trait_of(&d, "Swiss Shop"));
    /* the number behind is of a few messages each */
    assert_null(trait_of(&d, "ZetaMail 2.3"));
    fixture_end(&x);
}

/* Its local part, its domain: whatever holds one is no trait, though all messages have it. */
static void secrets_are_in_no_trait(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    struct errbuf eb;
    const struct slice texts[] = {SLICE("Dear trapuser1, genuine Swiss"),
                                  SLICE("watches of SECRET-trap.example")};
    fixture_begin(&x);
    bots_learn(&x);
    assert_int_equal(suggest_texts(x.suggest, FEATURE_BODY_TEXT, texts, 2), OK);
    assert_int_equal(suggest_traits(x.suggest, &eb), OK);
    side_count(&x, SUGGEST_WANTED, bot_print, WANTED, NULL);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    assert_true(d.trait_count > 4);
    assert_null(trait_of(&d, "trapuser"));
    assert_null(trait_of(&d, "ecret-trap"));
    assert_null(trait_of(&d, "ECRET-trap"));
    assert_null(trait_of(&d, "organization"));
    fixture_end(&x);
}

static void a_draft_separates_and_holds_on_what_was_held_out(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_MAILER, &d);
    assert_true(d.is_rule);
    assert_in_range(d.chosen_count, 1, SUGGEST_CHOSEN);
    assert_int_equal(d.wanted, WANTED - HELD);
    assert_int_equal(d.wanted_of, WANTED - HELD);
    assert_int_equal(d.held, HELD);
    assert_int_equal(d.held_of, HELD);
    assert_int_equal(d.background, 0);
    assert_int_equal(d.background_of, OTHERS);
    for (size_t i = 0; i < d.chosen_count; i++) {
        assert_true(d.traits[i].is_chosen);
        assert_int_not_equal(d.traits[i].group, EVIDENCE_TEMPLATE);
        assert_int_not_equal(d.traits[i].group, EVIDENCE_URL);
    }
    assert_true(suggest_draft_has(x.suggest, SUGGEST_WANTED, 4));
    assert_false(suggest_draft_has(x.suggest, SUGGEST_BACKGROUND, 0));
    fixture_end(&x);
}

/* The texts of a template are content: a program's draft stands on them. */
static void a_program_is_known_by_its_texts(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    struct errbuf eb;
    const struct slice texts[] = {SLICE("genuine Swiss replica watches delivered")};
    fixture_begin(&x);
    bots_learn(&x);
    assert_int_equal(suggest_texts(x.suggest, FEATURE_BODY_TEXT, texts, 1), OK);
    assert_int_equal(suggest_traits(x.suggest, &eb), OK);
    side_count(&x, SUGGEST_WANTED, bot_print, WANTED, NULL);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_PROGRAM, &d);
    assert_true(d.is_rule);
    assert_non_null(trait_of(&d, "genuine Swiss replica"));
    for (size_t i = 0; i < d.chosen_count; i++) {
        assert_true(d.traits[i].group == EVIDENCE_TEMPLATE || d.traits[i].group == EVIDENCE_URL);
    }
    fixture_end(&x);
}

/* What a stored row does not keep may be there: it counts as a match, so background is never
 * counted too low. */
static void what_is_not_known_counts_as_there(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    const feature_set nothing = 0, mailer = feature_bit(FEATURE_MAILER);
    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, &nothing);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    assert_false(d.is_rule);
    for (size_t i = 0; i < d.trait_count; i++) {
        assert_int_equal(d.traits[i].background, OTHERS);
    }
    fixture_end(&x);

    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, &mailer);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    assert_true(d.is_rule);
    assert_int_equal(trait_of(&d, "ZetaMail 2.")->background, 0);
    assert_int_equal(trait_of(&d, "windows-1251")->background, OTHERS);
    fixture_end(&x);
}

static void nothing_in_common_is_no_rule(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    struct errbuf eb;
    struct strbuf b = STRBUF_INIT;
    const struct suggest_head head = {.kind = LABEL_BOTNET, .label = S("zeta"), .now = 1286000000};
    fixture_begin(&x);
    assert_int_equal(suggest_traits(x.suggest, &eb), ERR_NOTFOUND);
    fixture_end(&x);

    /* the background is the same engine's */
    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, bot_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    assert_false(d.is_rule);
    assert_int_equal(suggest_write(x.suggest, &head, &b), ERR_NOTFOUND);
    assert_int_equal(b.n, 0);
    strbuf_free(&b);
    fixture_end(&x);
}

/* The file is a rule that loads, says what was asked for, and is the same each time. */
static void what_is_written_is_a_rule(void **state)
{
    (void)state;
    struct fixture x;
    struct suggest_draft d;
    struct strbuf b = STRBUF_INIT, again = STRBUF_INIT;
    char folder[] = "/tmp/suggest_test.XXXXXX";
    const struct suggest_head head = {
        .kind = LABEL_BOTNET, .label = S("zeta"), .now = 1286000000, .first = 1285900000};
    bots_prepare(&x);
    side_count(&x, SUGGEST_BACKGROUND, ham_print, OTHERS, NULL);
    suggest_draft(x.suggest, LABEL_BOTNET, &d);
    assert_int_equal(suggest_write(x.suggest, &head, &b), OK);
    assert_int_equal(suggest_write(x.suggest, &head, &again), OK);
    assert_true(slice_eq(strbuf_slice(&b), strbuf_slice(&again)));
    const char *const lines[] = {
        "title: Draft for botnet zeta\n",
        "status: experimental\n",
        "date: 2010-10-02\n",
        "attribution: {botnet: zeta, confidence: 60, valid_from: 2010-10-01}\n",
        "  # 32 of 32 messages, 0 of 60 of the background\n",
        "32 of 32 messages, 8 of 8 held out, 0 of 60 of the background.\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (slice_find(strbuf_slice(&b), slice_cstr(lines[i])) == SIZE_MAX) {
            fail_msg("%s is not in:\n%s", lines[i], strbuf_cstr(&b));
        }
    }
    make_folder(folder);
    put_file(folder, "draft.yml", b.p, b.n);
    struct rules *r = load_folder(folder, NULL);
    assert_int_equal(rules_count(r), 1);
    rules_unref(r);
    remove_folder(folder);
    strbuf_free(&b);
    strbuf_free(&again);
    fixture_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_share_is_a_trait),
        cmocka_unit_test(secrets_are_in_no_trait),
        cmocka_unit_test(a_draft_separates_and_holds_on_what_was_held_out),
        cmocka_unit_test(a_program_is_known_by_its_texts),
        cmocka_unit_test(what_is_not_known_counts_as_there),
        cmocka_unit_test(nothing_in_common_is_no_rule),
        cmocka_unit_test(what_is_written_is_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
