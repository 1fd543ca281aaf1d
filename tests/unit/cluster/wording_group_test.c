/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which wordings are one campaign: by the kinds of mail that there are. */
#include "made_mail.h"
#include "testing.h"

#include "cluster/wording.h"
#include "stat/agreement.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAIL_MAX = 6000 };

/* Mail with its true campaign, and what the table made of it. */
struct range {
    struct made_mail mail[MAIL_MAX];
    uint32_t truth[MAIL_MAX];
    uint64_t key[MAIL_MAX];
    uint32_t found[MAIL_MAX]; /* its campaign, numbered by the least place */
    size_t n;
};

static struct range *range_new(void)
{
    struct range *r = calloc(1, sizeof *r);
    assert_non_null(r);
    return r;
}

static struct made_mail *range_add(struct range *r, uint32_t truth)
{
    assert_true(r->n < MAIL_MAX);
    r->truth[r->n] = truth;
    struct made_mail *m = &r->mail[r->n++];
    memset(m, 0, sizeof *m);
    return m;
}

/* Places the mail in an order, each `times` times, groups, and says of each its campaign. */
static struct wordings *range_place(struct range *r, const uint32_t *order, size_t n, size_t times)
{
    struct wordings *v = wordings_new(1 << 14);
    assert_non_null(v);
    for (size_t k = 0; k < n * times; k++) {
        size_t i = order ? order[k % n] : k % n;
        struct profile *profile;
        bool is_new;
        const struct cluster_message *m = made_message(&r->mail[i], k);
        assert_int_equal(wordings_find(v, m, &r->key[i], &profile, &is_new), OK);
        assert_int_equal(profile_take(profile, m, 0), OK);
    }
    uint32_t *group = calloc(wordings_count(v) + 1, sizeof group[0]);
    assert_non_null(group);
    assert_int_equal(wordings_group(v, group), OK);
    for (size_t i = 0; i < wordings_count(v); i++) {
        assert_true(group[i] <= i);
        assert_int_equal(group[group[i]], group[i]);
    }
    for (size_t k = 0; k < n; k++) {
        size_t i = order ? order[k] : k;
        r->found[i] = group[wordings_index(v, r->key[i])];
    }
    free(group);
    return v;
}

static void range_group(struct range *r)
{
    wordings_free(range_place(r, NULL, r->n, 1));
}

static struct wordings *range_wordings(struct range *r)
{
    return range_place(r, NULL, r->n, 1);
}

static size_t campaigns_of(const struct range *r, uint32_t truth)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        bool is_first = r->truth[i] == truth;
        for (size_t k = 0; k < i && is_first; k++) {
            is_first = r->truth[k] != truth || r->found[k] != r->found[i];
        }
        n += is_first;
    }
    return n;
}

static struct agreement agree(const uint32_t *a, const uint32_t *b, size_t n)
{
    uint64_t *wide = calloc(2 * n, sizeof wide[0]);
    struct agreement_cell *cells;
    size_t count;
    struct agreement out;
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++) {
        wide[i] = a[i];
        wide[n + i] = b[i];
    }
    assert_int_equal(agreement_count(wide, wide + n, n, &cells, &count), OK);
    assert_int_equal(agreement_of(cells, count, &out), OK);
    free(cells);
    free(wide);
    return out;
}

static void shuffle(uint32_t *order, size_t n, uint64_t *random)
{
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t k = made_random(random) % i;
        uint32_t t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}

/* A text out of a template: what all have, and places with one of a few alternatives each. Two such
 * texts are alike to 0.65, so a campaign has many wordings. */
static void template_fill(struct made_mail *m, uint32_t campaign, uint64_t *random)
{
    enum { FIXED = 75, PLACES = 10, CHOICES = 4, PLACE_SHINGLES = 3 };
    uint32_t first = campaign * 1000;
    made_run(m->text, &m->text_count, first, FIXED);
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t choice = (uint32_t)(made_random(random) % CHOICES);
        made_run(m->text, &m->text_count, first + 100 + (i * CHOICES + choice) * PLACE_SHINGLES,
                 PLACE_SHINGLES);
    }
    m->shapes[m->shape_count++] = campaign % 2 ? S("http://www.d/a*/?9*") : S("http://d/");
}

static struct range *templates(uint32_t campaigns, uint32_t messages, uint64_t seed)
{
    struct range *r = range_new();
    for (uint32_t i = 0; i < campaigns * messages; i++) {
        /* Zipf's: campaign 0 has the most */
        uint32_t c = (uint32_t)(made_random(&seed) % campaigns);
        c = (uint32_t)(made_random(&seed) % (c + 1));
        template_fill(range_add(r, c), c, &seed);
    }
    return r;
}

static void one_template_is_one_campaign(void **state)
{
    (void)state;
    struct range *r = templates(30, 60, 11);
    struct wordings *v = range_wordings(r);
    struct agreement a = agree(r->truth, r->found, r->n);
    assert_true(wordings_count(v) > 100); /* or there was nothing to group */
    assert_true(a.v_measure > .99);
    assert_true(a.ari > .99);
    wordings_free(v);
    free(r);
}

static void the_order_of_mail_does_not_matter(void **state)
{
    (void)state;
    enum { SHUFFLES = 6 };
    struct range *r = templates(30, 60, 12);
    uint32_t *order = calloc(2 * r->n, sizeof order[0]), *first = order + r->n;
    uint64_t random = 13;
    assert_non_null(order);
    range_group(r);
    memcpy(first, r->found, r->n * sizeof first[0]);
    for (int i = 0; i < SHUFFLES; i++) {
        shuffle(order, r->n, &random);
        wordings_free(range_place(r, order, r->n, 1));
        assert_true(agree(first, r->found, r->n).ari > .99);
    }
    free(order);
    free(r);
}

static void doubled_and_halved_mail_gives_the_same_campaigns(void **state)
{
    (void)state;
    struct range *r = templates(20, 80, 14);
    uint32_t *order = calloc(2 * r->n, sizeof order[0]), *whole = order + r->n;
    uint64_t random = 15;
    assert_non_null(order);
    range_group(r);
    memcpy(whole, r->found, r->n * sizeof whole[0]);
    wordings_free(range_place(r, NULL, r->n, 2)); /* the same mail again, of other hosts */
    assert_true(agree(whole, r->found, r->n).ari > .99);
    for (int i = 0; i < 3; i++) {
        shuffle(order, r->n, &random);
        wordings_free(range_place(r, order, r->n / 2, 1));
        uint32_t *a = calloc(r->n, sizeof a[0]), *b = a + r->n / 2;
        assert_non_null(a);
        for (size_t k = 0; k < r->n / 2; k++) {
            a[k] = whole[order[k]];
            b[k] = r->found[order[k]];
        }
        assert_true(agree(a, b, r->n / 2).ari > .99);
        free(a);
    }
    free(order);
    free(r);
}

static void groups_are_of_the_set_not_of_its_order(void **state)
{
    (void)state;
    struct range *r = templates(30, 60, 16);
    struct wordings *v = range_wordings(r), *w = wordings_new(1 << 14);
    size_t n = wordings_count(v);
    uint32_t *order = calloc(3 * n, sizeof order[0]), *a = order + n, *b = a + n;
    uint64_t random = 17;
    assert_non_null(order);
    shuffle(order, n, &random);
    for (size_t i = 0; i < n; i++) {
        struct strbuf kept = STRBUF_INIT;
        assert_int_equal(wordings_save(v, order[i], &kept), OK);
        struct slice in = strbuf_slice(&kept);
        assert_true(wordings_load(w, wordings_key(v, order[i]), &in));
        strbuf_free(&kept);
    }
    assert_int_equal(wordings_group(v, a), OK);
    assert_int_equal(wordings_group(w, b), OK);
    uint32_t *c = calloc(n, sizeof c[0]);
    assert_non_null(c);
    for (size_t i = 0; i < n; i++) {
        c[i] = b[wordings_index(w, wordings_key(v, i))];
    }
    assert_true(agree(a, c, n).ari == 1);
    free(c);
    free(order);
    wordings_free(v);
    wordings_free(w);
    free(r);
}

/* Random pages of a book around a fixed call; the next campaign has the same layout. */
static void book_fill(struct made_mail *m, uint32_t campaign, uint64_t *random)
{
    made_draw(m->text, &m->text_count, random, 120);
    made_run(m->text, &m->text_count, campaign * 1000, 10);
    made_run(m->call, &m->call_count, campaign * 1000, 10);
    made_run(m->html, &m->html_count, 777, 14);
    m->shapes[m->shape_count++] = S("http://www.d/a*/");
}

static void book_text_does_not_hide_a_campaign(void **state)
{
    (void)state;
    struct range *r = range_new();
    uint64_t random = 21;
    for (uint32_t i = 0; i < 600; i++) {
        book_fill(range_add(r, i % 3), i % 3, &random);
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari > .99);
    free(r);
}

/* A stock tip of two lines before pages of a book; another tip in the same form; letters of people
 * that begin like no other. */
static void an_opening_shows_a_campaign_before_book_text(void **state)
{
    (void)state;
    struct range *r = range_new();
    uint64_t random = 27;
    for (uint32_t i = 0; i < 600; i++) {
        uint32_t tip = i % 3;
        struct made_mail *m = range_add(r, tip == 2 ? 10 + i : tip);
        made_draw(m->text, &m->text_count, &random, 120);
        made_run(m->open, &m->open_count, 1000 * tip, tip == 2 ? 2 : 14);
        made_draw(m->open, &m->open_count, &random, tip == 2 ? 14 : 2);
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari > .99);
    for (size_t i = 2; i < r->n; i += 3) {
        assert_true(r->found[i] != r->found[(i + 3) % r->n]);
    }
    free(r);
}

static void what_anybody_writes_around_links_joins_nobody(void **state)
{
    (void)state;
    static char shapes[200][32];
    struct range *r = range_new();
    uint64_t random = 22;
    for (uint32_t i = 0; i < 200; i++) {
        struct made_mail *m = range_add(r, i);
        made_draw(m->text, &m->text_count, &random, 60);
        made_run(m->call, &m->call_count, 5, 4); /* "to unsubscribe click here" */
        made_run(m->html, &m->html_count, 6, 4);
        snprintf(shapes[i], sizeof shapes[i], "http://d/%c%c/", 'a' + i % 26, 'a' + i / 26);
        m->shapes[m->shape_count++] = slice_cstr(shapes[i]);
    }
    range_group(r);
    assert_int_equal(agree(r->truth, r->found, r->n).labels_b, 200);
    free(r);
}

static void two_campaigns_of_one_layout_stay_apart(void **state)
{
    (void)state;
    struct range *r = range_new();
    uint64_t random = 23;
    for (uint32_t i = 0; i < 400; i++) {
        struct made_mail *m = range_add(r, i % 4);
        template_fill(m, 2 * (i % 4) + 1, &random);
        made_run(m->html, &m->html_count, 6, 30);
        made_run(m->call, &m->call_count, i % 4 * 100, 8);
        m->domains[m->domain_count++] = S("shop.example"); /* one shop */
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari > .99);
    for (uint32_t c = 0; c < 4; c++) {
        assert_int_equal(campaigns_of(r, c), 1);
    }
    free(r);
}

static void short_texts_need_more_than_being_equal(void **state)
{
    (void)state;
    struct range *r = range_new();
    static const struct slice shapes[] = {SLICE("http://d/a*"), SLICE("http://h/?9*"),
                                          SLICE("http://d/")};
    for (uint32_t i = 0; i < 30; i++) { /* "look at this" with one of three links */
        struct made_mail *m = range_add(r, i % 3);
        made_run(m->text, &m->text_count, 1, 4);
        m->shapes[m->shape_count++] = shapes[i % 3];
    }
    for (uint32_t i = 0; i < 30; i++) { /* the same shop behind all of them */
        struct made_mail *m = range_add(r, 3);
        made_run(m->text, &m->text_count, 100, 6);
        m->shapes[m->shape_count++] = shapes[i % 3];
        m->domains[m->domain_count++] = S("rare.example");
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari == 1);
    free(r);
}

static void a_picture_is_known_wherever_its_link_leads(void **state)
{
    (void)state;
    struct range *r = range_new();
    for (uint32_t i = 0; i < 60; i++) {
        struct made_mail *m = range_add(r, i % 3);
        m->attachment = 1 + i % 3;
        if (i % 2) {
            m->shapes[m->shape_count++] = S("http://d/a*");
        }
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari == 1);
    free(r);
}

/* Two texts alike to 0.43, of one skeleton: a rare domain decides, a big site's does not. */
static void a_domain_decides_only_when_it_is_rare(void **state)
{
    (void)state;
    for (int is_rare = 0; is_rare <= 1; is_rare++) {
        struct range *r = range_new();
        uint64_t random = 24;
        for (uint32_t i = 0; i < 2; i++) {
            struct made_mail *m = range_add(r, 0);
            made_run(m->text, &m->text_count, 31000, 120);
            made_run(m->text, &m->text_count, 40000 + 1000 * i, 80);
            made_run(m->html, &m->html_count, 6, 30);
            m->domains[m->domain_count++] = S("site.example");
        }
        for (uint32_t i = 0; i < 40 && !is_rare; i++) {
            struct made_mail *m = range_add(r, 1 + i);
            made_draw(m->text, &m->text_count, &random, 80);
            m->domains[m->domain_count++] = S("site.example");
        }
        range_group(r);
        assert_int_equal(campaigns_of(r, 0), is_rare ? 1 : 2);
        assert_int_equal(agree(r->truth, r->found, r->n).labels_b, is_rare ? 1 : 42);
        free(r);
    }
}

/* Two texts alike to 0.68: a link on one side only is nothing against it, two that differ are. */
static void a_link_that_comes_and_goes_does_not_part(void **state)
{
    (void)state;
    for (int is_against = 0; is_against <= 1; is_against++) {
        struct range *r = range_new();
        for (uint32_t i = 0; i < 2; i++) {
            struct made_mail *m = range_add(r, 0);
            made_run(m->text, &m->text_count, 0, 162);
            made_run(m->text, &m->text_count, 1000 + 1000 * i, 38);
            if (i == 0 || is_against) {
                m->shapes[m->shape_count++] = i ? S("http://h/a*/9*") : S("http://www.d/?x*");
            }
        }
        range_group(r);
        assert_int_equal(campaigns_of(r, 0), is_against ? 2 : 1);
        free(r);
    }
}

static void rotated_domains_leave_a_campaign_whole(void **state)
{
    (void)state;
    static char domains[300][32];
    struct range *r = range_new();
    uint64_t random = 25;
    for (uint32_t i = 0; i < 300; i++) {
        struct made_mail *m = range_add(r, i % 2);
        template_fill(m, i % 2, &random);
        snprintf(domains[i], sizeof domains[i], "d%u.example", i);
        m->domains[m->domain_count++] = slice_cstr(domains[i]);
        m->domains[m->domain_count++] = S("w3.example"); /* in all HTML */
    }
    range_group(r);
    assert_true(agree(r->truth, r->found, r->n).ari > .99);
    free(r);
}

/* Each is alike to 0.78 to the next one; the first and the last have nothing in common. */
static void chains_do_not_glue(void **state)
{
    (void)state;
    enum { LINKS = 24 };
    struct range *r = range_new();
    for (uint32_t i = 0; i < LINKS; i++) {
        made_run(range_add(r, i)->text, &r->mail[i].text_count, 25 * i, 200);
    }
    range_group(r);
    assert_true(r->found[0] != r->found[LINKS - 1]);
    assert_true(agree(r->truth, r->found, r->n).labels_b >= 4);
    for (size_t i = 0; i < LINKS; i++) { /* none holds what has nothing in common */
        for (size_t k = i + 8; k < LINKS; k++) {
            assert_true(r->found[i] != r->found[k]);
        }
    }
    free(r);
}

/* All share a band, or a call, or both: the work stays near-linear, nothing is glued. */
static void hubs_have_hard_limits(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    struct wordings *v = wordings_new(MANY);
    struct made_mail hub = {0};
    uint64_t random = 26, key;
    made_run(hub.text, &hub.text_count, 1, 100);
    made_run(hub.call, &hub.call_count, 1, 100);
    hub.shapes[hub.shape_count++] = S("http://d/a*");
    hub.domains[hub.domain_count++] = S("hub.example");
    made_message(&hub, 1);
    for (size_t i = 0; i < MANY; i++) {
        struct profile *profile;
        bool is_new;
        struct cd1 c = hub.cd1;
        uint8_t packed[CD1_PACKED_BYTES];
        c.exact = i;
        struct cluster_message m = hub.message;
        made_alike(hub.cd1.text + 4, c.text + 4, CD1_TEXT_LANES - 4, 0, &random);
        m.sketch = made_sketch(&c, packed);
        assert_int_equal(wordings_find(v, &m, &key, &profile, &is_new), OK);
        assert_int_equal(profile_take(profile, &m, 0), OK);
    }
    uint32_t *group = calloc(MANY, sizeof group[0]);
    assert_non_null(group);
    assert_int_equal(wordings_count(v), MANY);
    assert_int_equal(wordings_group(v, group), OK);
    free(group);
    wordings_free(v);
}

static void nothing_is_grouped_to_nothing(void **state)
{
    (void)state;
    struct wordings *v = wordings_new(10);
    uint32_t none;
    assert_int_equal(wordings_group(v, &none), OK);
    wordings_free(v);
}

/* Pages of a book before `n` offers of an end, under subjects by turns. */
static void padded_add(struct range *r, uint32_t truth, size_t n, const char *const *subjects,
                       size_t subject_count, uint64_t *random)
{
    for (size_t i = 0; i < n; i++) {
        struct made_mail *m = range_add(r, truth);
        made_draw(m->text, &m->text_count, random, 120);
        made_run(m->close, &m->close_count, 700000 + 1000 * truth, 16);
        m->subject = slice_cstr(subjects[i % subject_count]);
    }
}

static void an_end_and_a_subject_show_a_campaign_behind_book_text(void **state)
{
    (void)state;
    static const char *const SUBJECTS[] = {"Golden Club welcomes you 17",
                                           "Golden Club welcomes you 4,500"};
    struct range *r = range_new();
    uint64_t random = 5;
    padded_add(r, 1, 60, SUBJECTS, 2, &random);
    range_group(r);
    assert_int_equal(campaigns_of(r, 1), 1);
    free(r);
}

/* Two subjects that have no word in common, over texts of which only the end stays. */
static void padded_texts_of_two_subjects_are_one_campaign(void **state)
{
    (void)state;
    static const char *const SUBJECTS[] = {"Golden Club welcomes you",
                                           "Your bonus is waiting here"};
    struct range *r = range_new();
    uint64_t random = 6;
    padded_add(r, 1, 60, SUBJECTS, 2, &random);
    range_group(r);
    assert_int_equal(campaigns_of(r, 1), 1);
    free(r);
}

/* A mailing list's footer stands under letters that have nothing else in common. */
static void a_footer_joins_nobody(void **state)
{
    (void)state;
    static const char *const OWN[] = {
        "a question about the parser", "meeting moved by one week", "what is the plan for release",
        "broken link in the manual",   "new server for the list",   "patch for the date bug",
    };
    static const char *const ANSWERS[] = {"Re: a question about the parser"};
    static const char *const FORWARDED[] = {"[users] Fwd: broken link in the manual"};
    struct range *r = range_new();
    uint64_t random = 7;
    padded_add(r, 1, 6, OWN, 6, &random);
    padded_add(r, 1, 20, ANSWERS, 1, &random);
    padded_add(r, 1, 20, FORWARDED, 1, &random);
    range_group(r);
    assert_int_equal(campaigns_of(r, 1), 46);
    free(r);
}

/* Two templates of one program close with the same phrases and share a subject. */
static void texts_that_come_again_and_again_are_no_padding(void **state)
{
    (void)state;
    struct range *r = range_new();
    for (uint32_t i = 0; i < 40; i++) {
        struct made_mail *m = range_add(r, i % 2);
        made_run(m->text, &m->text_count, 5000 * (i % 2), 60);
        made_run(m->close, &m->close_count, 700000, 12);
        made_run(m->close, &m->close_count, 800000 + 100 * (i % 2), 4);
        m->subject = S("Security notice of Comity Bank");
    }
    range_group(r);
    assert_int_not_equal(r->found[0], r->found[1]);
    free(r);
}

static void short_texts_are_told_by_their_subject(void **state)
{
    (void)state;
    static const char *const SUBJECTS[] = {"Alert on this one, Monday open", "hello"};
    struct range *r = range_new();
    for (uint32_t i = 0; i < 4; i++) {
        struct made_mail *m = range_add(r, i / 2);
        made_run(m->text, &m->text_count, 1000 * (i / 2) + i % 2, 7);
        m->subject = slice_cstr(SUBJECTS[i / 2]);
    }
    range_group(r);
    assert_int_equal(campaigns_of(r, 0), 1);
    assert_int_equal(campaigns_of(r, 1), 2); /* "hello" is anybody's */
    free(r);
}

/* Noise in a picture changes its hash, and its size by a little. */
static void pictures_of_one_size_and_subject_are_one_campaign(void **state)
{
    (void)state;
    struct range *r = range_new();
    uint64_t random = 8;
    for (uint32_t i = 0; i < 9; i++) {
        struct made_mail *m = range_add(r, i / 3);
        made_draw(m->text, &m->text_count, &random, i % 3 == 2 ? 60 : 0); /* some with a page */
        m->attachment = 100 + i;
        m->attachment_bytes = 40000 + 300 * i + 20000 * (i / 3);
        m->subject = i / 3 < 2 ? S("It is going up 37%") : S("Vacancy for an agent");
    }
    range_group(r);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(campaigns_of(r, i), 1);
    }
    assert_int_not_equal(r->found[0], r->found[3]);
    assert_int_not_equal(r->found[3], r->found[6]);
    free(r);
}

static void an_explanation_says_what_decided(void **state)
{
    (void)state;
    struct range *r = range_new();
    for (uint32_t i = 0; i < 3; i++) {
        struct made_mail *m = range_add(r, i);
        made_run(m->text, &m->text_count, i == 2 ? 5000 : 30 * i, 120);
        m->shapes[m->shape_count++] = S("http://www.d/a*/");
    }
    struct wordings *v = range_wordings(r);
    struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;
    assert_int_equal(wordings_explain(v, 0, 1, &one), OK);
    assert_int_equal(wordings_explain(v, 2, 1, &two), OK);
    assert_non_null(strstr(strbuf_cstr(&one), "URL shapes alike to 1.00\n"));
    assert_non_null(strstr(strbuf_cstr(&one), "HTML skeletons cannot be compared\n"));
    assert_non_null(
        strstr(strbuf_cstr(&one), "layout, URL shapes, subject or a rare domain\none campaign\n"));
    assert_non_null(strstr(strbuf_cstr(&two), "two campaigns\n"));
    strbuf_free(&one);
    strbuf_free(&two);
    wordings_free(v);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_template_is_one_campaign),
        cmocka_unit_test(the_order_of_mail_does_not_matter),
        cmocka_unit_test(doubled_and_halved_mail_gives_the_same_campaigns),
        cmocka_unit_test(groups_are_of_the_set_not_of_its_order),
        cmocka_unit_test(book_text_does_not_hide_a_campaign),
        cmocka_unit_test(an_opening_shows_a_campaign_before_book_text),
        cmocka_unit_test(an_end_and_a_subject_show_a_campaign_behind_book_text),
        cmocka_unit_test(padded_texts_of_two_subjects_are_one_campaign),
        cmocka_unit_test(a_footer_joins_nobody),
        cmocka_unit_test(texts_that_come_again_and_again_are_no_padding),
        cmocka_unit_test(short_texts_are_told_by_their_subject),
        cmocka_unit_test(pictures_of_one_size_and_subject_are_one_campaign),
        cmocka_unit_test(what_anybody_writes_around_links_joins_nobody),
        cmocka_unit_test(two_campaigns_of_one_layout_stay_apart),
        cmocka_unit_test(short_texts_need_more_than_being_equal),
        cmocka_unit_test(a_picture_is_known_wherever_its_link_leads),
        cmocka_unit_test(a_domain_decides_only_when_it_is_rare),
        cmocka_unit_test(a_link_that_comes_and_goes_does_not_part),
        cmocka_unit_test(rotated_domains_leave_a_campaign_whole),
        cmocka_unit_test(chains_do_not_glue),
        cmocka_unit_test(hubs_have_hard_limits),
        cmocka_unit_test(nothing_is_grouped_to_nothing),
        cmocka_unit_test(an_explanation_says_what_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
