/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Received chain: which lines our own side wrote, and what they say of the client that came in.
 * Lines below the first untrusted hop may be forged; they are evidence, never the truth. */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include "core/ip.h"
#include "mail/mail.h"

/* One Received line, whatever MTA wrote it. Empty slices for what it does not say. */
struct hop {
    struct slice raw; /* unfolded */
    struct slice
        helo; /* what the client said in HELO/EHLO, verbatim; empty when the form hides it */
    struct slice ptr;      /* the name that the writer looked up; empty for "unknown" and kin */
    struct slice by;       /* the writer's own name */
    struct slice protocol; /* after "with": SMTP, ESMTP, ESMTPS, HTTP, LMTP ... */
    struct slice tls;      /* version or cipher text when the line shows TLS */
    struct slice id;
    struct slice for_addr; /* "for <...>": a trap address, secret */
    struct ip addr;        /* the client's address */
    bool has_addr;
    bool is_local;        /* no SMTP client: queue pick-up, invoked by uid, fetchmail, internal */
    bool is_pickup;       /* local, and a user or program of the writer's machine handed it in */
    bool is_ptr_doubtful; /* "may be forged": the name does not point back to the address */
    int64_t time;
    bool has_time;
    const char *form; /* the MTA that the line shows: "postfix", "exim", ...; "generic" when it has
                         the clauses of RFC 5321 but names no MTA; "other" when not even those */
};

/* Parses the unfolded value of one Received field; never fails, form "other" and empty fields at
 * worst. Borrows `value`. */
struct hop received_parse(struct slice value);

/* Relays that are ours: networks and host-name globs. */
struct trust;
struct trust *trust_new(void) MUST_USE;
void trust_free(struct trust *t);
/* "192.0.2.0/24", "2001:db8::/32", "*.example.org", "mx1.example.org". ERR_USAGE with text
 * otherwise. */
enum err trust_add(struct trust *t, struct slice spec, struct errbuf *eb) MUST_USE;
bool trust_holds_ip(const struct trust *t, struct ip a);
bool trust_holds_host(const struct trust *t, struct slice name);
/* The entries as they were given, for printing: 0 .. count-1. */
size_t trust_count(const struct trust *t);
struct slice trust_spec(const struct trust *t, size_t i);

/* Learns from many messages which relays nearly all of them share. */
struct trust_learner;
struct trust_learner *trust_learner_new(void) MUST_USE;
void trust_learner_free(struct trust_learner *l);
/* Looks at one message's hops, top first. */
void trust_learner_see(struct trust_learner *l, const struct hop *hops, size_t count);
/* Adds what was learnt to `t`; each spec with the number of messages that support it goes to `say`
 * (may be NULL). Needs few messages; with under 20 it trusts the topmost line's writer only. */
void trust_learner_apply(struct trust_learner *l, struct trust *t,
                         void (*say)(void *arg, struct slice spec, uint64_t messages, uint64_t of),
                         void *arg);

enum clock_source {
    CLOCK_NONE,     /* no time that can be believed */
    CLOCK_RECEIVED, /* a trusted relay's Received line */
    CLOCK_ENVELOPE, /* an mbox "From " line: the delivering agent's clock */
    CLOCK_TRAP,     /* our own clock at acceptance (live) */
};

struct chain {
    struct hop *hops; /* top first; arena */
    size_t count;
    size_t trusted; /* hops [0, trusted) were written by our side */
    bool has_client;
    struct ip client;                      /* the first untrusted address */
    struct slice helo, ptr, protocol, tls; /* from the last trusted line, also without a client */
    int64_t time;                          /* of that line; see clock */
    enum clock_source clock;
    int64_t arrival;     /* of the topmost Received line; 0 when it has none. Part of the identity,
                            because it does not change with the trust settings */
    size_t relay_fields; /* header fields [0, relay_fields) of part 0 stand above the sender's own:
                            the last trusted Received line and all before it */
    uint64_t quirks;
};

/* Builds the chain of a message. `t` may be NULL: then the topmost line alone is trusted. The
 * topmost line is always trusted (the receiving side wrote it); lines from special addresses
 * (loopback, private) are peeled as well. Times outside 1990 .. now + 2 days are refused with QUIRK
 * CLOCK_BAD. */
enum err chain_build(struct chain *c, const struct mail *m, const struct trust *t, int64_t now,
                     struct arena *arena) MUST_USE;

/* The chain of a message that a trap of ours took from `client` itself: no line of it is ours. The
 * caller sets what the trap saw (helo, protocol, tls, time, arrival). */
enum err chain_build_live(struct chain *c, const struct mail *m, struct ip client,
                          struct arena *arena) MUST_USE;

#endif
