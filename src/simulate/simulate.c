/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/simulate.h"

#include "mail/source.h"
#include "simulate/compose.h"
#include "simulate/kind.h"
#include "simulate/world.h"

#include <stdlib.h>

enum { MESSAGE_ARENA_BYTES = 16 * 1024 * 1024, TRAP_ADDRESSES = 60 };

struct place {
    int64_t time;
    uint32_t run, number;
};

struct simulation {
    struct world world;
    struct place *places; /* in order of receipt */
    uint64_t count, next;
    struct arena *arena;
    struct compose compose;
    struct host host;
    struct family person;
    struct strbuf raw;
    struct message_record message;
    struct session_record session;
};

static int by_time(const void *x, const void *y)
{
    const struct place *a = x, *b = y;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    if (a->run != b->run) {
        return a->run < b->run ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static enum err options_check(const struct simulate_options *o, struct errbuf *eb)
{
    return o->families == 0 || o->families > SIMULATE_FAMILIES_MAX
               ? err_set(eb, ERR_USAGE, "1 to %d families", SIMULATE_FAMILIES_MAX)
           : o->campaigns == 0 || o->campaigns > SIMULATE_CAMPAIGNS_MAX
               ? err_set(eb, ERR_USAGE, "1 to %d campaigns", SIMULATE_CAMPAIGNS_MAX)
           : o->days == 0 || o->days > SIMULATE_DAYS_MAX
               ? err_set(eb, ERR_USAGE, "1 to %d days", SIMULATE_DAYS_MAX)
           : o->messages > SIMULATE_MESSAGES_MAX
               ? err_set(eb, ERR_USAGE, "at most %d messages", SIMULATE_MESSAGES_MAX)
           : !(o->mess >= 0 && o->mess <= 1) ? err_set(eb, ERR_USAGE, "mess is 0 to 1")
                                             : OK;
}

enum err simulation_new(const struct simulate_options *o, struct simulation **out,
                        struct errbuf *eb)
{
    enum err e = options_check(o, eb);
    if (e != OK) {
        return e;
    }
    struct simulation *s = calloc(1, sizeof *s);
    if (!s) {
        return ERR_NOMEM;
    }
    e = world_make(&s->world, o);
    s->arena = arena_new(MESSAGE_ARENA_BYTES);
    s->places = calloc(o->messages + 1, sizeof *s->places);
    if (e != OK || !s->arena || !s->places) {
        simulation_free(s);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->world.run_count; i++) {
        for (uint64_t k = 0; k < s->world.runs[i].messages; k++) {
            struct pcg r;
            s->places[s->count++] =
                (struct place){world_place(&s->world, &s->world.runs[i], k, &r, &s->host),
                               (uint32_t)i, (uint32_t)k};
        }
    }
    qsort(s->places, s->count, sizeof *s->places, by_time);
    *out = s;
    return OK;
}

void simulation_free(struct simulation *s)
{
    if (s) {
        world_free(&s->world);
        arena_free(s->arena);
        free(s->places);
        strbuf_free(&s->raw);
        strbuf_free(&s->compose.body);
        free(s);
    }
}

/* One of the trap's addresses. */
static struct slice trap_address(struct simulation *s, struct pcg *r)
{
    struct pcg a = pcg_keyed(s->world.o.seed, KIND_TRAP, pcg_below(r, TRAP_ADDRESSES), 0);
    struct strbuf b = STRBUF_INIT;
    grammar_characters(&a, 'a', 4 + pcg_below(&a, 7), &b);
    strbuf_add_cstr(&b, pcg_below(&a, 2) ? "@traphost.org" : "@spamcatch.net");
    struct slice address = arena_copy(s->arena, strbuf_slice(&b));
    strbuf_free(&b);
    return address;
}

/* Who writes: software, its version, the client that it forges. */
static void software_draw(struct simulation *s, const struct run *run, int64_t when,
                          struct compose *c, struct simulated *out)
{
    const struct world *w = &s->world;
    if (run->kind == RUN_BOTNET) {
        const struct botnet *b = &w->botnets[run->botnet];
        size_t version = world_version(w, b, &s->host, when);
        const struct family_version *v = &w->families[b->family].versions[version];
        c->family = &w->families[b->family];
        c->client = &v->clients[pcg_below(&c->random, v->client_count)];
        out->version = (unsigned)version + 1;
        out->botnet = b->name;
        out->label = c->family->label;
    } else {
        size_t clients = 0;
        while (family_person(&s->person, clients)) {
            clients++;
        }
        /* a person keeps a client; the server runs a script */
        struct pcg own = pcg_keyed(w->o.seed, KIND_HOST, s->host.machine, 1);
        bool is_known = family_person(
            &s->person, run->kind == RUN_SERVER ? FAMILY_SERVER : pcg_below(&own, clients));
        (void)is_known;
        c->family = &s->person;
        c->client = &s->person.versions[0].clients[0];
        out->version = 1;
        out->botnet = run->kind == RUN_SERVER ? S("hacked-server") : S("");
    }
    out->mailer = c->family->name;
    out->forged = c->client->name;
}

static enum err raw_write(struct simulation *s)
{
    const struct compose *c = &s->compose;
    strbuf_clear(&s->raw);
    for (size_t i = 0; i < c->count; i++) {
        strbuf_add(&s->raw, c->lines[i].name);
        strbuf_add_cstr(&s->raw, ":");
        if (c->lines[i].value.n && c->lines[i].value.p[0] != ' ') {
            strbuf_add_byte(&s->raw, ' ');
        }
        strbuf_add(&s->raw, c->lines[i].value);
        strbuf_add_byte(&s->raw, '\n');
    }
    strbuf_add_byte(&s->raw, '\n');
    strbuf_add(&s->raw, strbuf_slice(&c->body));
    return s->raw.failed ? ERR_NOMEM : OK;
}

/* The session in which the message came: the machine's own, or that of the relay. */
static enum err session_write(struct simulation *s, struct simulated *out)
{
    const struct compose *c = &s->compose;
    struct dialect dialect = c->family->dialect;
    struct pcg r = pcg_keyed(s->world.o.seed, KIND_PATH, s->next, 0);
    struct dialect_delivery d = {
        .sender = out->sender,
        .recipient = c->to,
        .raw = out->raw,
        .received_us = c->arrival * 1000000 + (int64_t)pcg_below(&r, 1000000),
        .trap = s->world.o.trap,
    };
    if (compose_relay(c, &d.helo, &d.client)) {
        dialect = dialect_server();
    } else {
        d.helo = c->helo;
        d.client = c->address;
    }
    for (size_t i = 0; i < sizeof d.session.b; i++) {
        d.session.b[i] = (uint8_t)pcg_next(&r);
    }
    out->message = &s->message;
    out->session = &s->session;
    return dialect_speak(&dialect, &d, s->arena, &s->message, &s->session);
}

enum err simulation_next(struct simulation *s, struct simulated *out)
{
    struct compose *c = &s->compose;
    const struct world *w = &s->world;
    if (s->next == s->count) {
        return ERR_END;
    }
    const struct place *p = &s->places[s->next++];
    const struct run *run = &w->runs[p->run];
    struct strbuf body = c->body;
    arena_reset(s->arena);
    strbuf_clear(&body);
    *c = (struct compose){.seed = w->o.seed,
                          .mess = w->o.mess,
                          .arena = s->arena,
                          .body = body,
                          .is_live = w->o.is_live};
    *out = (struct simulated){0};
    c->time = world_place(w, run, p->number, &c->random, &s->host);
    c->host = &s->host;
    c->address = host_address(&s->host, w->o.seed, c->time);
    host_name(&s->host, c->address, c->host_name);
    c->campaign = run->campaign == SIZE_MAX ? NULL : &w->campaigns[run->campaign];
    c->to = trap_address(s, &c->random);
    software_draw(s, run, c->time, c, out);
    enum err e = compose_write(c);
    if (e != OK) {
        return e;
    }
    out->path = compose_path(c, c->time - w->o.since > (w->until - w->o.since) * 3 / 5);
    e = raw_write(s);
    out->raw = strbuf_slice(&s->raw);
    out->received = c->time;
    struct strbuf sender = STRBUF_INIT;
    strbuf_printf(&sender, "%.*s@%.*s", SLICE_ARG(c->from_local), SLICE_ARG(c->from_domain));
    out->sender = arena_copy(s->arena, strbuf_slice(&sender));
    strbuf_free(&sender);
    if (!w->o.is_live) {
        out->id = message_id(w->o.trap, c->arrival, out->raw, out->raw.n);
    }
    out->client = c->address;
    out->machine = s->host.machine;
    out->country = s->host.country;
    if (c->campaign) {
        out->campaign = c->campaign->name;
        out->program = c->campaign->program;
        out->type = c->campaign->type;
        out->layout = campaign_layout_name(c->campaign->layout);
    }
    return e == OK && w->o.is_live ? session_write(s, out) : e;
}
