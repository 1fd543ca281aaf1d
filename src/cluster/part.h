/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clusters are made of (docs/clusters.md): parts, and what one message shows. */
#ifndef CLUSTER_PART_H
#define CLUSTER_PART_H

#include "core/err.h"
#include "core/hash.h"
#include "core/slice.h"
#include "core/strbuf.h"
#include "print/cd1.h"

enum cluster_kind { CLUSTER_MAILER, CLUSTER_CAMPAIGN, CLUSTER_KIND_COUNT };
/* "mailer", "campaign" */
const char *cluster_kind_name(enum cluster_kind k);

/* What a message shows the clusters; all borrowed, empty is unknown. */
struct cluster_message {
    struct id128 id;
    uint64_t number;  /* in the store; 0: unknown */
    int64_t received; /* 0: unknown */
    uint64_t host;    /* the store's host key; 0: unknown */
    struct slice trap, country;
    uint32_t recipients;
    uint64_t bytes;
    struct slice hd1, sd1, td1; /* printed */
    /* What HD1's parts b and c are hashes of (hd1_inputs, features.hd1); empty when only the
     * print is known, as from a store's row. */
    struct slice hd1_names, hd1_shapes;
    bool is_listed; /* hd1_inputs: a list server handled it */
    struct slice msgid_shape, boundary_shape, mime_tree, mailer, charsets;
    uint64_t quirks;
    struct slice sketch; /* CD1 packed (cd1_pack); empty: no content */
    const struct slice *domains, *url_shapes;
    size_t domain_count, url_shape_count;
    struct slice subject;         /* as the store has it: freed of recipients */
    struct slice attachment_type; /* of the first: "image/gif" */
    uint64_t attachment_bytes;
    struct slice botnet, mailer_label, program; /* decided by rules (p >= 0.9), else empty */
    double botnet_posterior, mailer_posterior, program_posterior; /* of these names */
    const struct words *words;                                    /* for templates; NULL: none */
};

/* The keys of a message's parts; 0: it has none of that kind. */
struct placed {
    uint64_t key[CLUSTER_KIND_COUNT];
    bool is_new[CLUSTER_KIND_COUNT];
};

#endif
