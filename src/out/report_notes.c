/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reader must know before quoting the figures, in sentences. The objections that trackers
 * met decide what stands here: share against level, hosts against machines, the raw sum, unknown,
 * whose clock, how old the address data is. */
#include "out/human.h"
#include "out/report_text.h"

#include <stdarg.h>

struct notes {
    const struct report *r;
    report_note_fn fn;
    void *arg;
};

static void note(struct notes *n, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void note(struct notes *n, const char *key, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    n->fn(n->arg, key, strbuf_slice(&text));
    strbuf_free(&text);
}

/* "41 of 3,120 messages (1.3 %)" */
struct fraction {
    char text[4 * HUMAN_BYTES];
};

static struct fraction fraction_of(uint64_t k, uint64_t n)
{
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];
    struct fraction p;
    snprintf(p.text, sizeof p.text, "%s of %s message%s (%s)", human_count(a, k), human_count(b, n),
             n == 1 ? "" : "s", human_percent(c, n ? (double)k / (double)n : 0.0));
    return p;
}

static const char *verb(uint64_t k, const char *one, const char *many)
{
    return k == 1 ? one : many;
}

static void notes_clock(struct notes *n)
{
    const struct report *r = n->r;
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];
    if (r->is_whole && r->clock_none) {
        note(n, "no_clock",
             "%s %s no time that can be believed; they are counted in totals and shown in no day.",
             fraction_of(r->clock_none, r->total.messages).text,
             verb(r->clock_none, "carries", "carry"));
    } else if (!r->is_whole && r->span.no_clock) {
        note(n, "no_clock",
             "%s in the whole store %s no time that can be believed; they belong to no period and "
             "are not in this report.",
             fraction_of(r->span.no_clock, r->span.messages).text,
             verb(r->span.no_clock, "carries", "carry"));
    }
    note(n, "clock_sources",
         "Times are UTC. They come from a trusted relay's Received line (%s), from the mailbox's "
         "\"From \" line (%s) or from the trap's own clock (%s).",
         human_count(a, r->clock_received), human_count(b, r->clock_envelope),
         human_count(c, r->clock_trap));
}

static void notes_quality(struct notes *n)
{
    const struct report *r = n->r;
    const char *where = r->is_whole ? "" : " in the whole store";
    uint64_t all = r->span.messages;
    if (r->span.no_client) {
        note(n, "no_client",
             "%s%s %s no client address that can be believed; they are in no host and no network, "
             "and their country is unknown.",
             fraction_of(r->span.no_client, all).text, where,
             verb(r->span.no_client, "has", "have"));
    }
    if (r->span.clock_off) {
        note(n, "date_off",
             "%s%s %s a Date more than an hour from the time of receipt. The Date is evidence "
             "about the sender and never used as the time.",
             fraction_of(r->span.clock_off, all).text, where,
             verb(r->span.clock_off, "carries", "carry"));
    }
    if (r->span.conflicts) {
        note(n, "conflicts", "%s%s %s more than one botnet; the label of these is in conflict.",
             fraction_of(r->span.conflicts, all).text, where,
             verb(r->span.conflicts, "fits", "fit"));
    }
}

static void notes_sources(struct notes *n)
{
    const struct report *r = n->r;
    if (r->trust.n) {
        note(n, "trust", "Trusted relays: %.*s.", SLICE_ARG(r->trust));
    } else {
        note(n, "trust", "Which relays were trusted is not recorded in this store.");
    }
    if (r->geo_name.n) {
        note(n, "geo",
             "Countries and networks are looked up in %.*s; addresses may have been someone "
             "else's when the mail was sent.",
             SLICE_ARG(r->geo_name));
    } else {
        note(n, "geo", "No address database was used: countries and networks are unknown.");
    }
    if (r->pack_version.n) {
        note(n, "pack", "Labels are by rule pack %.*s, given at a probability of 0.9 or more.",
             SLICE_ARG(r->pack_version));
    } else {
        note(n, "pack",
             "No rule pack is recorded in this store; without one every message is unknown.");
    }
}

/* The store keeps only the greater values of these dimensions by day; what it left out is said. */
static void notes_ranking(struct notes *n)
{
    struct strbuf list = STRBUF_INIT;
    for (size_t i = 0; i < REPORT_TABLES; i++) {
        const struct report_table *t = report_table(n->r, i);
        if (t->least_daily > 1) {
            strbuf_printf(&list, "%s%s under %u", list.n ? ", " : "", report_table_info(i)->table,
                          t->least_daily);
        }
    }
    if (list.n) {
        note(n, "least_daily",
             "Left out of the rankings is what never sent many messages on one day: %s. The "
             "figures of what is ranked are exact.",
             strbuf_cstr(&list));
    }
    strbuf_free(&list);
}

static void notes_meaning(struct notes *n)
{
    const struct report *r = n->r;
    note(n, "share",
         "Share is the part of all messages of this report (%s). When one botnet stops, the shares "
         "of the others rise although they send no more: read share and level together.",
         human_count((char[HUMAN_BYTES]){0}, r->total.messages));
    note(n, "interval",
         "The interval (95 %%, Wilson) is the uncertainty of counting alone. It does not hold "
         "wrong labels, or what other traps would have seen.");
    note(n, "hosts",
         "A host is an IPv4 address or an IPv6 /64. Addresses change hands and many machines "
         "share one, so hosts are not machines; hosts of several days are distinct over these "
         "days and do not add up.");
    note(n, "once_each",
         "A message counts once for each of its domains and quirks, so these do not add up to "
         "100 %%.");
    note(n, "raw_sum",
         "These are the raw sums of these traps. A new or a dead trap moves them, so they are no "
         "index of spam volume.");
}

/* Nothing to explain but where something is. */
static void notes_nothing(struct notes *n)
{
    const struct store_span *s = &n->r->span;
    char first[11], last[11], count[HUMAN_BYTES];
    if (!s->messages) {
        note(n, "nothing", "The store has no message%s.",
             n->r->trap.n || n->r->site.n ? " of this trap or site" : "");
        return;
    }
    day_text(day_of(s->first), first);
    day_text(day_of(s->last), last);
    note(n, "nothing", "The store has %s message%s from %s to %s, none in this period.",
         human_count(count, s->messages), s->messages == 1 ? "" : "s", first, last);
}

void report_notes(const struct report *r, report_note_fn fn, void *arg)
{
    struct notes n = {r, fn, arg};
    if (!r->total.messages) {
        notes_nothing(&n);
        return;
    }
    notes_clock(&n);
    notes_quality(&n);
    notes_sources(&n);
    notes_ranking(&n);
    notes_meaning(&n);
}
