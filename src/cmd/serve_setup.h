/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live part of the configuration, checked and built: listeners with their personas, policies
 * and guards. The parent makes it to know that it is sound, the trap role to run on it, `check` to
 * say what is wrong. */
#ifndef CMD_SERVE_SETUP_H
#define CMD_SERVE_SETUP_H

#include "cmd/context.h"
#include "serve/serve.h"
#include "smtp/server.h"
#include "spool/writer.h"

struct serve_setup {
    struct listen_wish wishes[LIMIT_LISTENERS];
    struct serve_trap traps[LIMIT_LISTENERS];
    struct smtp_service services[LIMIT_LISTENERS];
    struct persona *personas[LIMIT_LISTENERS];
    struct policy *policies[LIMIT_LISTENERS]; /* NULL: everybody, for the listener's trap */
    struct greylist *greylists[LIMIT_LISTENERS];
    struct cidr *relays; /* of all listeners; each service has a part of it */
    size_t count, relay_count;
    bool has_tls; /* some listener needs a certificate */
    char host[256];
    char spool[CONTEXT_PATH_BYTES], certificate[CONTEXT_PATH_BYTES], key[CONTEXT_PATH_BYTES];
};

/* ERR_CONFIG with file, line and column; ERR_NOMEM. Free it in any case. Borrows the configuration.
 */
enum err serve_setup_make(struct serve_setup *s, const struct context *x,
                          struct errbuf *eb) MUST_USE;
void serve_setup_free(struct serve_setup *s);

/* The spool's options; they borrow from the setup. */
struct spool_writer_options serve_setup_spool(const struct serve_setup *s, const struct config *c);

#endif
