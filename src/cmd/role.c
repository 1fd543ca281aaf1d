/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge --role NAME: what serve's parent executes; not for people. Reads the configuration that
 * the parent hands over, opens what the role needs, and enters its sandbox. */
#include "cmd/serve_setup.h"
#include "cmd/verbs.h"
#include "core/log.h"
#include "serve/role_analyse.h"
#include "serve/role_trap.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* "61184:61184" */
static bool user_parse(const char *text, struct sandbox_user *out)
{
    struct slice rest = slice_cstr(text), first = slice_cut(&rest, ':');
    uint64_t uid, gid;
    if (!slice_to_u64(first, &uid) || !slice_to_u64(rest, &gid) || uid >= UINT32_MAX ||
        gid >= UINT32_MAX) {
        return false;
    }
    *out = (struct sandbox_user){(uid_t)uid, (gid_t)gid};
    return true;
}

/* "0,0,1": the listener of each socket that was handed over. */
static bool sockets_parse(const char *text, struct serve_setup *setup, struct server_listener *out,
                          size_t *count)
{
    struct slice rest = slice_cstr(text);
    for (*count = 0; rest.n; ++*count) {
        uint64_t l;
        if (!slice_to_u64(slice_cut(&rest, ','), &l) || l >= setup->count ||
            *count == LIMIT_LISTENERS) {
            return false;
        }
        out[*count] = (struct server_listener){.fd = ROLE_FD_SOCKETS + (int)*count,
                                               .service = &setup->services[l]};
    }
    return true;
}

static void listener_flags(const struct config *c, const struct serve_setup *setup,
                           struct server_listener *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t l = (size_t)(listeners[i].service - setup->services);
        listeners[i].is_tls = strcmp(listener_text(c, l, LISTENER_TLS), "implicit") == 0;
        listeners[i].has_proxy = listener_number(c, l, LISTENER_PROXY);
        fcntl(listeners[i].fd, F_SETFD, FD_CLOEXEC);
    }
}

/* Passwords are hashed with a key of their own: equal hashes of a password and of a recipient would
 * say that they are equal. */
static void auth_key(const uint8_t recipient_key[SECRET_KEY_BYTES], uint8_t out[SECRET_KEY_BYTES])
{
    struct id128 first = hash_keyed(recipient_key, S("auth password, first half")),
                 second = hash_keyed(recipient_key, S("auth password, second half"));
    memcpy(out, first.b, sizeof first.b);
    memcpy(out + sizeof first.b, second.b, sizeof second.b);
}

static int trap_run(struct context *x, const struct command *c, struct sandbox_user user)
{
    static struct serve_setup setup;
    struct errbuf eb = {.text = ""};
    struct server_listener listeners[LIMIT_LISTENERS];
    struct tls_context *tls = NULL;
    uint8_t recipient_key[SECRET_KEY_BYTES], key[SECRET_KEY_BYTES];
    size_t count = 0;
    const char *events = config_text(x->config, CONFIG_EVENTS);
    int status = context_recipient_key(x, recipient_key);
    enum err e = status ? ERR_IO : serve_setup_make(&setup, x, &eb);
    auth_key(recipient_key, key);
    OPENSSL_cleanse(recipient_key, sizeof recipient_key);
    for (size_t l = 0; l < setup.count; l++) {
        setup.services[l].key = key;
    }
    if (e == OK && !sockets_parse(command_value(c, "sockets", ""), &setup, listeners, &count)) {
        e = err_set(&eb, ERR_USAGE, "--sockets does not fit the configuration");
    }
    if (e == OK && setup.has_tls) {
        e = tls_context_new(setup.certificate, setup.key, &tls, &eb);
    }
    int events_fd = *events ? open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : -1;
    if (e == OK && *events && events_fd < 0) {
        e = err_at(&eb, ERR_IO, events, 0, 0, "%s", strerror(errno));
    }
    if (e == OK) {
        listener_flags(x->config, &setup, listeners, count);
        struct trap_options o = {
            .channel = ROLE_FD_CHANNEL,
            .listeners = listeners,
            .listener_count = count,
            .tls = tls,
            .sessions_max = (uint32_t)config_number(x->config, CONFIG_SESSIONS),
            .sessions_per_client_max =
                (uint32_t)config_number(x->config, CONFIG_SESSIONS_PER_CLIENT),
            .events_fd = events_fd,
            .spool = serve_setup_spool(&setup, x->config),
            .relays = setup.relays,
            .relay_count = setup.relay_count,
            .user = user,
        };
        e = role_trap_run(&o, &eb);
    }
    tls_context_free(tls);
    serve_setup_free(&setup);
    return status ? status : e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

static int trust_read(const struct config *config, const struct command *c, struct trust *t)
{
    struct errbuf eb = {.text = ""};
    for (size_t i = 0; i < config_count(config, CONFIG_TRUST); i++) {
        struct slice word = slice_cstr(config_item(config, CONFIG_TRUST, i));
        enum err e = OK;
        if (!slice_eq(word, S("auto")) && !slice_eq(word, S("none"))) { /* nothing to infer from */
            e = trust_add(t, word, &eb);
        }
        if (e != OK) {
            return command_fail(c, e, &eb);
        }
    }
    return EXIT_STATUS_OK;
}

static int analyse_run(struct context *x, const struct command *c, struct sandbox_user user)
{
    static struct serve_setup setup;
    struct errbuf eb = {.text = ""};
    uint8_t key[SECRET_KEY_BYTES];
    struct trust *trust = trust_new();
    int status = trust ? trust_read(x->config, c, trust) : command_fail(c, ERR_NOMEM, NULL);
    status = status ? status : context_recipient_key(x, key);
    status = status ? status : context_urls(x);
    status = status ? status : context_geo(x);
    status = status ? status : context_rules(x);
    if (!status) {
        enum err e = serve_setup_make(&setup, x, &eb);
        struct analyse_options o = {
            .channel = ROLE_FD_CHANNEL,
            .store = {.path = x->database,
                      .mode = STORE_CREATE,
                      .cache_bytes = config_number(x->config, CONFIG_CACHE_BYTES),
                      .is_durable = true},
            .spool = setup.spool,
            .pipeline = {.analyse = {.trust = trust,
                                     .urls = x->urls,
                                     .geo = x->geo,
                                     .rules = x->rules,
                                     .recipient_key = key},
                         .jobs = context_jobs(x, c)},
            .user = user,
            .retain_days = (unsigned)config_number(x->config, CONFIG_RETAIN_DAYS),
            .retain_bytes = config_number(x->config, CONFIG_RETAIN_BYTES),
        };
        e = e == OK ? role_analyse_run(&o, &eb) : e;
        status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
        serve_setup_free(&setup);
    }
    trust_free(trust);
    return status;
}

static int role_run(struct command *c)
{
    struct context x;
    struct sandbox_user user = {0, 0}, trap_user = {0, 0};
    const char *name = command_value(c, "role", "");
    uint64_t level = LOG_WARN;
    if (!command_number(c, "level", LOG_ERROR, LOG_DEBUG, &level) ||
        !user_parse(command_value(c, "user", "0:0"), &user) ||
        !user_parse(command_value(c, "user-trap", "0:0"), &trap_user)) {
        return EXIT_STATUS_USAGE;
    }
    log_set_level((enum log_level)level);
    fcntl(ROLE_FD_CHANNEL, F_SETFD, FD_CLOEXEC);
    /* a terminal's Ctrl-C and a service manager's SIGTERM to all are for the parent: it tells us */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    close(ROLE_FD_CONFIG);
    if (strcmp(name, serve_role_name(ROLE_TRAP)) == 0) {
        umask(S_IRWXO | S_IWGRP); /* the analyse role has the group, and reads the spool */
        status = trap_run(&x, c, trap_user);
    } else if (strcmp(name, serve_role_name(ROLE_ANALYSE)) == 0) {
        umask(S_IRWXO | S_IRWXG); /* so has the trap role, which has no business with the store */
        status = analyse_run(&x, c, user);
    } else {
        status = usage_error(c, "no role \"%s\"", name);
    }
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"role", OPTION_NO_SHORT, "NAME", "trap or analyse."},
    {"sockets", OPTION_NO_SHORT, "LIST", "The listener of each socket handed over."},
    {"user", OPTION_NO_SHORT, "UID:GID", "Who to become."},
    {"user-trap", OPTION_NO_SHORT, "UID:GID", "Who to become as trap."},
    {"level", OPTION_NO_SHORT, "N", "Of the log."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

/* Not in the list of verbs: main() knows it by its first argument. */
const struct verb VERB_ROLE = {
    .name = "role",
    .arguments = "",
    .summary = "a role of serve",
    .text = "",
    .options = OPTIONS,
    .run = role_run,
};
