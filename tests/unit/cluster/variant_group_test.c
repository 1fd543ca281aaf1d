/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From variants to mailers: what is joined, what stays apart, and that order does not matter. */
#include "dialect.h"

#include <stdlib.h>

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

/* ---- a world of other mail, so that values are as common as they are ---- */

enum { BACKGROUND = 60 };

static void background(struct variants *v)
{
    static const char *const before[] = {"From To Subject Date", "Received", "Message-ID"};
    static const char *const behind[] = {
        "Message-ID MIME-Version Content-Type X-Mailer",
        "Date To From Subject MIME-Version Content-Type Message-ID",
        "Date From User-Agent MIME-Version To Subject Content-Type"};
    for (unsigned i = 0; i < BACKGROUND; i++) {
        char list[256], msgid[64], mailer[64];
        struct spoken s = OUTLOOK;
        snprintf(list, sizeof list, "%s X-Word-%u %s", before[i % 3], i, behind[i % 3]);
        snprintf(msgid, sizeof msgid, "9+.%c{%u}@host", 'a' + (char)(i % 26), i);
        snprintf(mailer, sizeof mailer, "Writer %c%c", 'A' + (char)(i % 26), 'a' + (char)(i / 26));
        s.names = list;
        s.msgid = msgid;
        s.mailer = mailer;
        s.classes = "?nr?";
        s.host = 1000000 + i;
        (void)speak(v, &s);
    }
}

static bool is_one_mailer(struct variants *v, uint64_t a, uint64_t b)
{
    uint32_t *group = calloc(variants_count(v), sizeof *group);
    assert_non_null(group);
    assert_int_equal(variants_group(v, group), OK);
    bool is_one = group[variants_index(v, a)] == group[variants_index(v, b)];
    free(group);
    return is_one;
}

static void assert_mailer(struct variants *v, uint64_t a, uint64_t b, bool is_one, const char *what)
{
    if (is_one_mailer(v, a, b) != is_one) {
        struct strbuf why = STRBUF_INIT;
        assert_int_equal(variants_explain(v, variants_index(v, a), variants_index(v, b), &why), OK);
        fail_msg("%s: %s\n%s", what, is_one ? "not one mailer" : "one mailer", strbuf_cstr(&why));
    }
}

/* ---- headers ---- */

static void header_evidence(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct spoken s; /* instead of Outlook's */
        bool is_one;
    } table[] = {
        {"a relay put a field in",
         {.names = "Received Message-ID From To Subject Date MIME-Version Content-Type X-Priority "
                   "X-MSMail-Priority X-Scanned-There X-Mailer X-MimeOLE"},
         true},
        {"a relay put two fields in front",
         {.names = "X-Spam-Filter X-Loop-There " OUTLOOK_NAMES},
         true},
        {"an optional field",
         {.names = "Received Message-ID From To Subject Date MIME-Version Content-Type X-Priority "
                   "X-MSMail-Priority X-Mailer X-MimeOLE Reply-To",
          .shapes = "from=q\nto=a\nreply-to=b\nmime-version=9.9\n"
                    "x-mimeole=Produced By Microsoft MimeOLE V9\n"},
         true},
        {"text alone instead of HTML and text", {.boundary = "", .classes = "o-r6"}, true},
        {"another build", {.mailer = "Microsoft Outlook Express 5.50.4133.2400"}, true},
        {"names quoted otherwise",
         {.shapes = "from=b\nto=a\nmime-version=9.9\n"
                    "x-mimeole=Produced By Microsoft MimeOLE V9\n"},
         true},
        {"the receiving side made the Message-ID", {.msgid = "-", .classes = "-nr6"}, true},
        {"a forgery: the fields in another order",
         {.names = "Received From To Message-ID Subject MIME-Version Date X-Mailer Content-Type "
                   "X-MimeOLE X-MSMail-Priority X-Priority",
          .msgid = "n+$n+$n+@label",
          .classes = "Onr6"},
         false},
        {"a forgery: Message-ID and boundary of wrong length",
         {.names = "Received Message-ID Date From To Subject MIME-Version Content-Type X-Priority "
                   "X-MSMail-Priority X-Mailer",
          .msgid = "n+$n+$n+@label",
          .boundary = "----=_NextPart_9+_N+_XXXX",
          .classes = "ONr6"},
         false},
        {"other software",
         {.names = "Received Date From X-Mailer Reply-To X-Priority Message-ID To Subject",
          .msgid = "9+.99999999999999@host",
          .mailer = "The Bat! (v2.00.4) Personal",
          .classes = "bnrb"},
         false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (int is_row = 0; is_row < 2; is_row++) {
            const struct spoken *t = &table[i].s;
            struct variants *v = variants_new(1000);
            struct spoken s = OUTLOOK;
            background(v);
            s.is_row = is_row;
            uint64_t a = speak(v, &s);
            s.names = t->names ? t->names : s.names;
            s.msgid = !t->msgid ? s.msgid : t->msgid[0] == '-' ? "" : t->msgid;
            s.mailer = t->mailer ? t->mailer : s.mailer;
            s.boundary = t->boundary ? t->boundary : s.boundary;
            s.shapes = t->shapes ? t->shapes : s.shapes;
            s.classes = t->classes ? t->classes : s.classes;
            uint64_t b = speak(v, &s);
            if (!is_row || !table[i].is_one) { /* hashes alone may not be enough to join */
                assert_mailer(v, a, b, table[i].is_one, table[i].what);
            }
            variants_free(v);
        }
    }
}

/* No SMTP session, as for imported mail, says nothing; two different ones say a lot. */
static void sessions(void **state)
{
    (void)state;
    const struct {
        const char *what, *first, *second;
        bool is_one;
    } table[] = {
        {"both imported", "", "", true},
        {"one imported", "", "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca", true},
        {"the same dialogue", "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca",
         "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca", true},
        {"other dialogues", "SD1:EMUn01002--0cQ_866597aaa783_da600fd483ca",
         "SD1:HMln00002--0lD_111111111111_222222222222", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct variants *v = variants_new(1000);
        struct spoken s = OUTLOOK;
        background(v);
        s.sd1 = table[i].first;
        uint64_t a = speak(v, &s);
        s.sd1 = table[i].second;
        s.names = "X-Scanned-There " OUTLOOK_NAMES;
        uint64_t b = speak(v, &s);
        assert_mailer(v, a, b, table[i].is_one, table[i].what);
        variants_free(v);
    }
}

/* A mailer that draws its X-Mailer from a list is one, by its mistake in a field's name. */
static void a_mistake_holds_forged_names_together(void **state)
{
    (void)state;
    static const char *const names[] = {"Microsoft Outlook Express 6.00",
                                        "The Bat! (v1.52f)",
                                        "Internet Mail Service (5.5)",
                                        "QUALCOMM Eudora 5.1",
                                        "AOL 7.0 for Windows",
                                        "Pegasus Mail"};
    struct variants *v = variants_new(1000);
    uint64_t first = 0;
    background(v);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct spoken s = OUTLOOK;
        s.names = "From Reply-To Message-ID To Subject Date MiME-Version Content-Type X-Priority "
                  "X-MSMail-Priority X-Mailer Importance";
        s.mailer = names[i];
        uint64_t key = speak(v, &s);
        first = i == 0 ? key : first;
        assert_mailer(v, first, key, true, names[i]);
    }
    variants_free(v);
}

/* ---- hosts ---- */

struct flow {
    unsigned messages, hosts, first_host;
    double share; /* of messages that show the first dialect */
};

static void send(struct variants *v, const struct flow *f, uint64_t key[2])
{
    for (unsigned i = 0; i < f->messages; i++) {
        bool is_first = (double)random_below(1000) < 1000 * f->share;
        struct spoken s = is_first ? OUTLOOK : THEBAT;
        s.host = 1 + f->first_host + random_below(f->hosts);
        s.id = seed;
        key[!is_first] = speak(v, &s);
    }
}

/* One engine forges two clients: its machines show both, as often as their messages allow. */
static void machines_show_one_engine(void **state)
{
    (void)state;
    const struct {
        const char *what;
        struct flow a, b;
        bool is_one;
    } table[] = {
        {"one engine, machines seen often", {4000, 100, 0, .5}, {0}, true},
        {"one engine, one client seldom", {4000, 100, 0, .1}, {0}, true},
        {"one engine, most machines seen once or twice", {6000, 3000, 0, .5}, {0}, true},
        {"two botnets", {2000, 500, 0, 1}, {2000, 500, 1000, 0}, false},
        {"two botnets, some machines have both", {2000, 500, 0, 1}, {2000, 500, 450, 0}, false},
        {"a botnet sold a tenth of its machines", {5000, 1000, 0, 1}, {1000, 100, 0, 0}, false},
        {"one machine behind NAT", {2000, 500, 0, 1}, {2000, 500, 499, 0}, false},
        {"too few to tell", {3, 2, 0, 1}, {3, 2, 0, 0}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (seed = 1; seed < 4; seed++) {
            struct variants *v = variants_new(1000);
            uint64_t key[2];
            uint64_t s = seed;
            background(v);
            send(v, &table[i].a, key);
            send(v, &table[i].b, key);
            assert_mailer(v, key[0], key[1], table[i].is_one, table[i].what);
            variants_free(v);
            seed = s;
        }
    }
}

/* The whole botnet goes from one version to the next: the machines are the same. */
static void random_order_of_names_is_one_mailer(void **state)
{
    (void)state;
    enum { ORDERS = 12 };
    static const char *const NAMES[] = {"From", "To",           "Subject",
                                        "Date", "MIME-Version", "Content-Type"};
    struct variants *v = variants_new(1000);
    uint64_t key[ORDERS];
    background(v);
    seed = 1;
    for (unsigned i = 0; i < ORDERS; i++) {
        const char *order[6];
        char list[256] = "Received Message-ID";
        memcpy(order, NAMES, sizeof order);
        for (size_t k = 6; k > 1; k--) {
            size_t j = random_below(k);
            const char *swap = order[k - 1];
            order[k - 1] = order[j];
            order[j] = swap;
        }
        for (size_t k = 0; k < 6; k++) {
            strcat(strcat(list, " "), order[k]);
        }
        struct spoken s = OUTLOOK;
        s.names = list;
        s.host = i + 1;
        key[i] = speak(v, &s);
    }
    for (unsigned i = 1; i < ORDERS; i++) {
        assert_mailer(v, key[0], key[i], true, "names in any order");
    }
    variants_free(v);
}

static void random_mailer_names_are_one_mailer(void **state)
{
    (void)state;
    enum { DRAWN = 20 };
    struct variants *v = variants_new(1000);
    uint64_t key[DRAWN];
    background(v);
    for (unsigned i = 0; i < DRAWN; i++) {
        char mailer[32];
        struct spoken s = OUTLOOK;
        snprintf(mailer, sizeof mailer, "q%cw%czz 9.99", 'a' + (char)i, 'z' - (char)i);
        s.mailer = mailer;
        s.classes = "?nr?";
        s.msgid = "XXXXXXXX.9+@host";
        s.names = i % 2 ? "X-Filter-There X-Loop-There " OUTLOOK_NAMES : OUTLOOK_NAMES;
        s.host = i + 1;
        (void)speak(v, &s);
        key[i] = speak(v, &s); /* no less random for being there twice */
    }
    for (unsigned i = 1; i < DRAWN; i++) {
        assert_mailer(v, key[0], key[i], true, "random mailers");
    }
    variants_free(v);
}

/* Two botnets that use one kit of two clients show both clients, whatever their machines; an engine
 * that copied one of them shows that one alone. */
static void a_copied_client_is_another_mailer(void **state)
{
    (void)state;
    for (int is_kit = 0; is_kit < 2; is_kit++) {
        struct variants *v = variants_new(1000);
        uint64_t key[2], copy = 0;
        struct flow first = {3000, 300, 0, .5};
        background(v);
        seed = 3;
        send(v, &first, key);
        for (unsigned i = 0; i < 2000; i++) {
            bool is_bat = is_kit && random_below(2);
            struct spoken s = is_bat ? THEBAT : OUTLOOK;
            s.boundary = ""; /* it sends plain text */
            s.classes = is_bat ? "b-rb" : "o-r6";
            s.host = 1001 + random_below(300);
            s.id = seed;
            uint64_t k = speak(v, &s);
            copy = is_bat ? copy : k;
        }
        assert_mailer(v, key[0], key[1], true, "a kit of two clients");
        assert_mailer(v, key[0], copy, is_kit, is_kit ? "two botnets of a kit" : "a copied client");
        struct strbuf why = STRBUF_INIT; /* what is told is what was done */
        assert_int_equal(
            variants_explain(v, variants_index(v, key[0]), variants_index(v, copy), &why), OK);
        assert_true(slice_ends(strbuf_slice(&why), S("not one mailer by themselves\n")) != is_kit);
        strbuf_free(&why);
        variants_free(v);
    }
}

static void an_upgrade_is_one_mailer(void **state)
{
    (void)state;
    struct variants *v = variants_new(1000);
    uint64_t key[2];
    struct flow before = {3000, 300, 0, 1}, after = {3000, 300, 0, 0};
    background(v);
    seed = 5;
    send(v, &before, key);
    send(v, &after, key);
    assert_mailer(v, key[0], key[1], true, "upgrade");
    variants_free(v);
}

/* Outbound servers of a provider send the mail of all its customers' clients. */
static void relays_join_nothing(void **state)
{
    (void)state;
    enum { CLIENTS = 12, SERVERS = 10 };
    struct variants *v = variants_new(1000);
    uint64_t key[CLIENTS];
    char mailer[CLIENTS][32], msgid[CLIENTS][32], names[CLIENTS][128];
    background(v);
    for (unsigned c = 0; c < CLIENTS; c++) {
        struct spoken s = OUTLOOK;
        snprintf(mailer[c], sizeof mailer[c], "Client %c", 'A' + (char)c);
        snprintf(msgid[c], sizeof msgid[c], "9+%c@host", 'a' + (char)c);
        snprintf(names[c], sizeof names[c], "X-%c Date X-%u From To X-Mailer Subject",
                 'a' + (char)c, c);
        s.mailer = mailer[c];
        s.msgid = msgid[c];
        s.names = names[c];
        s.classes = "?nr?";
        for (unsigned i = 0; i < 200; i++) {
            s.host = 1 + i % SERVERS;
            key[c] = speak(v, &s);
        }
    }
    for (unsigned c = 1; c < CLIENTS; c++) {
        assert_mailer(v, key[0], key[c], false, "relay");
    }
    variants_free(v);
}

/* ---- the whole ---- */

static const char *const CHAIN_NAMES[] = {"Alpha", "Beta",  "Gamma", "Delta", "Epsilon", "Zeta",
                                          "Eta",   "Theta", "Iota",  "Kappa", "Lambda",  "My"};
enum { CHAIN = sizeof CHAIN_NAMES / sizeof *CHAIN_NAMES };

/* Link i is near link i + 1; its ends have nothing in common, and weigh much. */
static void a_chain_does_not_glue(void **state)
{
    (void)state;
    struct variants *v = variants_new(1000);
    uint64_t key[CHAIN];
    background(v);
    for (unsigned i = 0; i < CHAIN; i++) {
        char names[256], shapes[128], msgid[64], mailer[64];
        size_t n = 0;
        for (unsigned k = i; k < i + 10; k++) { /* one name changes from link to link */
            n += (size_t)snprintf(names + n, sizeof names - n, "%sX-%s-%u", k > i ? " " : "",
                                  CHAIN_NAMES[k % CHAIN], k);
        }
        snprintf(shapes, sizeof shapes,
                 "from=%u\nmime-version=9.9 %u\nx-mimeole=%u\nimportance=%u\npriority=%u\n", i / 5,
                 (i + 1) / 5, (i + 2) / 5, (i + 3) / 5, (i + 4) / 5);
        snprintf(msgid, sizeof msgid, "%.*s@host", (int)(1 + (i + 2) / 4), "abcdefghijkl");
        snprintf(mailer, sizeof mailer, "%s", CHAIN_NAMES[i / 4]);
        struct spoken s = OUTLOOK;
        s.names = names;
        s.shapes = shapes;
        s.msgid = msgid;
        s.mailer = mailer;
        s.classes = "?nr?";
        for (unsigned m = 0; m < (i == 0 || i == CHAIN - 1 ? 100u : 1u); m++) {
            key[i] = speak(v, &s);
        }
    }
    assert_mailer(v, key[0], key[1], true, "neighbours");
    assert_mailer(v, key[0], key[CHAIN - 1], false, "ends of the chain");
    variants_free(v);
}

/* Mailers with relay leftovers, optional fields and builds: random, but known to whom they belong.
 */
struct made {
    struct spoken s;
    char names[256], msgid[64], mailer[64], shapes[128];
    unsigned mailer_number;
};

static void make(struct made *out, unsigned mailer)
{
    static const char *const words[] = {"From",         "To",        "Subject",  "Date",
                                        "Message-ID",   "Reply-To",  "X-Mailer", "MIME-Version",
                                        "Content-Type", "X-Priority"};
    enum { WORDS = sizeof words / sizeof *words };
    unsigned order[WORDS], relay = (unsigned)random_below(4);
    size_t n = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        order[i] = i;
    }
    uint64_t kept = seed;
    seed = mailer * 77777u + 1; /* a mailer's own order */
    for (unsigned i = WORDS - 1; i > 0; i--) {
        unsigned k = (unsigned)random_below(i + 1), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    seed = kept;
    unsigned at = (unsigned)random_below(WORDS);
    for (unsigned i = 0; i < WORDS; i++) {
        if (relay && i == at) {
            n += (size_t)snprintf(out->names + n, sizeof out->names - n, "X-Relay-%u ", relay);
        }
        n += (size_t)snprintf(out->names + n, sizeof out->names - n, "%s%s", words[order[i]],
                              i + 1 < WORDS ? " " : "");
    }
    snprintf(out->msgid, sizeof out->msgid, "%c{%u}.9+@host", 'a' + (char)(mailer % 5), mailer / 5);
    snprintf(out->mailer, sizeof out->mailer, "Forged %c 1.%u", 'A' + (char)(mailer % 7),
             (unsigned)random_below(30));
    snprintf(out->shapes, sizeof out->shapes, "from=%c\nmime-version=9.9\n", "qb"[random_below(2)]);
    out->s = OUTLOOK;
    out->s.names = out->names;
    out->s.msgid = out->msgid;
    out->s.mailer = out->mailer;
    out->s.shapes = out->shapes;
    out->s.classes = "?nr?";
    out->mailer_number = mailer;
}

enum { MAILERS = 40, MESSAGES = 4000 };

/* Group of each message, as the number of the first message of that group. */
static void group_messages(const struct made *made, const unsigned *order, size_t n,
                           unsigned *group)
{
    struct variants *v = variants_new(65536);
    uint64_t *key = calloc(MESSAGES, sizeof *key);
    unsigned *first = calloc(65536, sizeof *first);
    for (size_t i = 0; i < n; i++) {
        key[order[i]] = speak(v, &made[order[i]].s);
    }
    uint32_t *of = calloc(variants_count(v), sizeof *of);
    assert_int_equal(variants_group(v, of), OK);
    for (unsigned m = 0; m < MESSAGES; m++) {
        if (key[m]) {
            unsigned g = of[variants_index(v, key[m])];
            first[g] = first[g] ? first[g] : m + 1;
            group[m] = first[g];
        } else {
            group[m] = 0;
        }
    }
    free(of);
    free(first);
    free(key);
    variants_free(v);
}

static void shuffle(unsigned *order, size_t n)
{
    for (size_t i = n; i-- > 1;) {
        size_t k = (size_t)random_below(i + 1);
        unsigned t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
}

static void order_doubling_and_halving(void **state)
{
    (void)state;
    struct made *made = calloc(MESSAGES, sizeof *made);
    unsigned *order = calloc(2 * MESSAGES, sizeof *order);
    unsigned *want = calloc(MESSAGES, sizeof *want), *got = calloc(MESSAGES, sizeof *got);
    seed = 11;
    for (unsigned i = 0; i < MESSAGES; i++) {
        make(&made[i], (unsigned)random_below(MAILERS));
        made[i].s.id = i;
        order[i] = order[MESSAGES + i] = i;
    }
    group_messages(made, order, MESSAGES, want);
    unsigned first[MAILERS] = {0}, wrong = 0;
    for (unsigned i = 0; i < MESSAGES; i++) { /* right: all of a mailer, and no other */
        unsigned *f = &first[made[i].mailer_number];
        *f = *f ? *f : want[i];
        wrong += want[i] != *f || made[want[i] - 1].mailer_number != made[i].mailer_number;
    }
    if (wrong * 100 > 3 * MESSAGES) {
        fail_msg("%u of %u messages are in a wrong group", wrong, (unsigned)MESSAGES);
    }
    for (unsigned round = 0; round < 5; round++) {
        shuffle(order, MESSAGES);
        group_messages(made, order, MESSAGES, got);
        assert_memory_equal(got, want, MESSAGES * sizeof *got);
    }
    group_messages(made, order, 2 * MESSAGES, got);
    assert_memory_equal(got, want, MESSAGES * sizeof *got);
    group_messages(made, order, MESSAGES / 2, got); /* any half: the same partition of it */
    unsigned moved = 0;
    for (unsigned i = 0; i < MESSAGES; i++) {
        moved += got[i] && made[got[i] - 1].mailer_number != made[i].mailer_number;
    }
    assert_true(moved * 100 <= MESSAGES);
    free(made);
    free(order);
    free(want);
    free(got);
}

static void explanations(void **state)
{
    (void)state;
    struct variants *v = variants_new(1000);
    struct strbuf b = STRBUF_INIT;
    struct spoken s = OUTLOOK;
    background(v);
    uint64_t x = speak(v, &s);
    s.names = "X-Scanned-There " OUTLOOK_NAMES;
    s.msgid = "n+$n+$n+@label";
    s.classes = "Onr6";
    uint64_t y = speak(v, &s);
    assert_int_equal(variants_explain(v, variants_index(v, x), variants_index(v, y), &b), OK);
    struct slice text = strbuf_slice(&b);
    assert_true(slice_find(text, S("field names: 12 and 13, 12 in both, 12 of them in the same "
                                   "order\n")) != SIZE_MAX);
    assert_true(slice_find(text, S("  -4.0  Message-ID: different\n")) != SIZE_MAX);
    assert_true(slice_find(text, S("mailer: the same\n")) != SIZE_MAX);
    assert_true(slice_find(text, S("machines of their groups: ")) != SIZE_MAX);
    assert_true(slice_ends(text, S("by themselves\n")) || slice_ends(text, S(": one mailer\n")));
    strbuf_free(&b);
    variants_free(v);
}

static void nothing_and_one(void **state)
{
    (void)state;
    struct variants *v = variants_new(10);
    uint32_t group[1] = {9};
    assert_int_equal(variants_group(v, group), OK);
    assert_int_equal(group[0], 9);
    (void)speak(v, &OUTLOOK);
    assert_int_equal(variants_group(v, group), OK);
    assert_int_equal(group[0], 0);
    variants_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_evidence),
        cmocka_unit_test(sessions),
        cmocka_unit_test(a_mistake_holds_forged_names_together),
        cmocka_unit_test(machines_show_one_engine),
        cmocka_unit_test(random_order_of_names_is_one_mailer),
        cmocka_unit_test(random_mailer_names_are_one_mailer),
        cmocka_unit_test(a_copied_client_is_another_mailer),
        cmocka_unit_test(an_upgrade_is_one_mailer),
        cmocka_unit_test(relays_join_nothing),
        cmocka_unit_test(a_chain_does_not_glue),
        cmocka_unit_test(order_doubling_and_halving),
        cmocka_unit_test(explanations),
        cmocka_unit_test(nothing_and_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
