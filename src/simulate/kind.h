/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside simulate only: the kinds of entities that have a generator of their own (stat/pcg.h). A
 * new kind goes to the end: numbers are what a seed means. */
#ifndef SIMULATE_KIND_H
#define SIMULATE_KIND_H

enum simulate_kind {
    KIND_FAMILY = 1,
    KIND_BOTNET,
    KIND_CAMPAIGN,
    KIND_CARRIER,
    KIND_RUN,
    KIND_HOST,
    KIND_LEASE,
    KIND_MESSAGE,
    KIND_PATH,
    KIND_DOMAIN,
    KIND_TRAP,
    KIND_PICTURE,
};

#endif
