/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input is a header block. Its lines are parsed alone and as a chain, with and without trust.
 */
#include "mail/received.h"

#include "core/limits.h"

#include <stdlib.h>

#define CHECK(truth)                                                                               \
    do {                                                                                           \
        if (!(truth)) {                                                                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice s, struct slice of)
{
    CHECK(s.n == 0 || (s.p >= of.p && s.p + s.n <= of.p + of.n));
}

static void check_hop(const struct hop *h)
{
    const struct slice *fields[] = {&h->helo, &h->ptr, &h->by,      &h->protocol,
                                    &h->tls,  &h->id,  &h->for_addr};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        check_inside(*fields[i], h->raw);
    }
    CHECK(h->form && *h->form);
    CHECK(h->is_local || !h->is_pickup);

    struct hop again = received_parse(h->raw);
    CHECK(slice_eq(again.helo, h->helo) && slice_eq(again.ptr, h->ptr) &&
          slice_eq(again.by, h->by) && again.time == h->time && again.has_addr == h->has_addr &&
          (!h->has_addr || ip_eq(again.addr, h->addr)) && again.form == h->form);
}

static void check_chain(const struct chain *c, const struct mail *m, const struct trust *t)
{
    CHECK(c->count <= LIMIT_RECEIVED && c->trusted <= c->count);
    CHECK((c->trusted == 0) == (c->count == 0));
    CHECK(c->relay_fields <= m->parts[0].header.count && c->relay_fields >= c->trusted);
    CHECK(!c->has_client || c->trusted > 0);
    for (size_t i = 0; i < c->count; i++) {
        check_hop(&c->hops[i]);
    }
    /* A line is ours only if the client of the line above is: own network, trusted, or no client.
     */
    for (size_t i = 0; i + 1 < c->trusted; i++) {
        const struct hop *h = &c->hops[i];
        CHECK(h->is_local || !h->has_addr || ip_is_special(h->addr) ||
              (t && (trust_holds_ip(t, h->addr) || trust_holds_host(t, h->ptr))));
    }
    if (c->has_client) {
        const struct hop *h = &c->hops[c->trusted - 1];
        CHECK(h->has_addr && ip_eq(h->addr, c->client));
        CHECK(!t || !trust_holds_ip(t, c->client));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    static struct trust *trust;
    struct mail m;
    struct chain plain, trusting;
    if (!arena) {
        arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES);
        trust = trust_new();
        CHECK(arena && trust);
        CHECK(trust_add(trust, slice_cstr("192.0.2.0/24"), NULL) == OK);
        CHECK(trust_add(trust, slice_cstr("*.example.com"), NULL) == OK);
    }
    arena_reset(arena);
    struct slice raw = slice_of((const char *)data, size);
    struct hop line = received_parse(raw);
    check_hop(&line);

    CHECK(mail_parse(&m, raw, arena) == OK);
    CHECK(chain_build(&plain, &m, NULL, 1285936496, arena) == OK);
    CHECK(chain_build(&trusting, &m, trust, 1285936496, arena) == OK);
    check_chain(&plain, &m, NULL);
    check_chain(&trusting, &m, trust);
    CHECK(trusting.trusted >= plain.trusted && trusting.arrival == plain.arrival);

    struct trust_learner *l = trust_learner_new();
    struct trust *learnt = trust_new();
    CHECK(l && learnt);
    for (int i = 0; i < 25; i++) {
        trust_learner_see(l, plain.hops, plain.count);
    }
    trust_learner_apply(l, learnt, NULL, NULL);
    trust_free(learnt);
    trust_learner_free(l);
    return 0;
}
