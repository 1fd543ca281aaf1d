/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the Received reader only: how trust passes from one line to the line below it. Shared by
 * the chain and the learner, so that both walk alike. */
#ifndef MAIL_TRUST_H
#define MAIL_TRUST_H

#include "mail/received.h"

enum crossing {
    CROSSING_OWN,    /* local hand-over, or a client of our own network: the line below is ours */
    CROSSING_RELAY,  /* the client is a trusted relay: it wrote the line below */
    CROSSING_CLIENT, /* the client is a stranger: what is below is his word */
    CROSSING_BLIND,  /* the writer does not say who came: nobody can tell whose the line below is */
};

/* `hop` is trusted. `below` may be NULL; `own_by` is the last writer's name above, for what a
 * program handed in on its machine; `t` may be NULL. */
enum crossing trust_crossing(const struct trust *t, const struct hop *hop, const struct hop *below,
                             struct slice own_by);

/* Loopback, private (RFC 1918, RFC 4193), link-local and carrier NAT (RFC 6598) addresses: no
 * stranger on the Internet comes from there. Narrower than ip_is_special(). */
bool trust_ip_is_own(struct ip a);

/* Equal but for case and a final dot. */
bool trust_name_eq(struct slice a, struct slice b);

#endif
