/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The analyse role: follows the spool through the pipeline into the store. No network. Rules, geo
 * data and the like are opened before; spool and store in the sandbox. */
#ifndef SERVE_ROLE_ANALYSE_H
#define SERVE_ROLE_ANALYSE_H

#include "analyse/spool_feed.h"
#include "net/sandbox.h"

struct analyse_options {
    int channel;
    struct store_options store;
    const char *spool;
    struct pipeline_options pipeline; /* `stop` and `on_progress` are the role's own */
    struct sandbox_user user;
    unsigned retain_days; /* of message rows; 0: for ever */
    uint64_t retain_bytes;
};

/* Enters the sandbox and works until the parent says stop or is gone. */
enum err role_analyse_run(const struct analyse_options *o, struct errbuf *eb) MUST_USE;

#endif
