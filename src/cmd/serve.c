/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge serve: traps and analysis, live. */
#include "cmd/serve_setup.h"
#include "cmd/verbs.h"
#include "core/log.h"
#include "core/path.h"
#include "serve/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One reading of the configuration with what the plan borrows from. */
struct generation {
    struct context x;
    struct serve_setup setup;
    struct strbuf yaml;
};

struct serve {
    const struct command *command;
    struct generation generations[2]; /* the one in effect and the one that is tried */
    unsigned current;
    bool is_begun; /* the first plan is what serve_verb_run has read already; later ones are read
                      anew */
    struct sandbox_user user, trap_user;
    char user_text[32], trap_user_text[32];
};

static void generation_close(struct generation *g)
{
    serve_setup_free(&g->setup);
    strbuf_free(&g->yaml);
    context_close(&g->x);
    *g = (struct generation){.yaml = STRBUF_INIT};
}

static int generation_open(struct generation *g, const struct command *c)
{
    struct errbuf eb = {.text = ""};
    int status = context_open(&g->x, c);
    if (status) {
        return status;
    }
    enum err e = OK;
    if (!config_listeners(g->x.config)) {
        e = config_listener_add(g->x.config, listen_is_activated() ? "systemd:*" : "127.0.0.1");
    }
    e = e == OK ? serve_setup_make(&g->setup, &g->x, &eb) : e;
    if (e == OK) {
        config_print(g->x.config, &g->yaml);
        e = g->yaml.failed ? ERR_NOMEM : OK;
    }
    return e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

/* ---- folders ---- */

static enum err parent_give(const struct serve *s, const char *path, struct errbuf *eb)
{
    char folder[CONTEXT_PATH_BYTES];
    path_folder(path, folder, sizeof folder);
    if (!context_folder_make(folder)) {
        return err_at(eb, ERR_IO, folder, 0, 0, "cannot be made: %s", strerror(errno));
    }
    enum err e = user_give(s->user, folder, false, eb);
    return e == OK ? user_reaches(s->user, folder, true, eb) : e;
}

static bool has_two_users(const struct serve *s)
{
    return s->user.uid != s->trap_user.uid;
}

/* The store's files, if they are there: an import by root may have made them. The trap role has the
 * group and no business with them. */
static enum err store_give(const struct serve *s, const char *database, struct errbuf *eb)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm"};
    char path[CONTEXT_PATH_BYTES + 8];
    enum err e = parent_give(s, database, eb);
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES && e == OK; i++) {
        snprintf(path, sizeof path, "%s%s", database, SUFFIXES[i]);
        e = user_give(s->user, path, false, eb);
        if (e == OK && has_two_users(s)) {
            e = user_permit(path, S_IRWXG | S_IRWXO, 0, eb);
        }
    }
    return e;
}

/* The spool, and in it the one file that the analyse role may write. */
static enum err spool_make(const struct serve *s, const char *spool, struct errbuf *eb)
{
    char path[CONTEXT_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/analysed", spool);
    if (!context_folder_make(spool)) {
        return err_at(eb, ERR_IO, spool, 0, 0, "cannot be made: %s", strerror(errno));
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
    }
    close(fd);
    enum err e = user_give(s->trap_user, spool, true, eb);
    if (e == OK && has_two_users(s)) {
        e = user_give(s->user, path, false, eb);
        e = e == OK ? user_permit(path, S_IRWXG, S_IRGRP, eb) : e;
        e = e == OK ? user_permit(spool, S_IRWXG, S_IRGRP | S_IXGRP, eb) : e;
        e = e == OK ? user_reaches(s->user, spool, false, eb) : e;
    }
    return e == OK ? user_reaches(s->trap_user, spool, true, eb) : e;
}

/* The group may pass the data folder, on its way to the spool. */
static enum err users_choose(struct serve *s, const struct generation *g, struct errbuf *eb)
{
    const struct config *c = g->x.config;
    enum err e = user_choose(config_text(c, CONFIG_USER), g->x.data, &s->user, eb);
    e = e == OK ? user_choose_trap(config_text(c, CONFIG_USER_TRAP), g->setup.spool, s->user,
                                   &s->trap_user, eb)
                : e;
    return e == OK && has_two_users(s) ? user_permit(g->x.data, S_IXGRP, S_IXGRP, eb) : e;
}

static int folders_make(struct serve *s, struct generation *g)
{
    struct errbuf eb = {.text = ""};
    uint8_t key[SECRET_KEY_BYTES];
    if (!context_folder_make(g->x.data)) {
        err_at(&eb, ERR_IO, g->x.data, 0, 0, "cannot be made: %s", strerror(errno));
        return command_fail(s->command, ERR_IO, &eb);
    }
    enum err e = users_choose(s, g, &eb);
    e = e == OK ? store_give(s, g->x.database, &eb) : e;
    e = e == OK ? spool_make(s, g->setup.spool, &eb) : e;
    if (e != OK) {
        return command_fail(s->command, e, &eb);
    }
    return context_recipient_key(&g->x, key);
}

static int certificate_make(const struct serve *s, const struct generation *g)
{
    struct errbuf eb = {.text = ""};
    char folder[CONTEXT_PATH_BYTES + 8];
    if (!g->setup.has_tls) {
        return EXIT_STATUS_OK;
    }
    snprintf(folder, sizeof folder, "%s/tls", g->x.data);
    if (!*config_text(g->x.config, CONFIG_CERTIFICATE_KEY)) {
        context_folder_make(folder);
    }
    enum err e = tls_certificate_ensure(g->setup.certificate, g->setup.key, g->setup.host, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(s->command, e, &eb);
}

/* ---- plans ---- */

static void plan_fill(const struct generation *g, struct serve_plan *out)
{
    const struct config *c = g->x.config;
    *out = (struct serve_plan){
        .wishes = g->setup.wishes,
        .traps = g->setup.traps,
        .count = g->setup.count,
        .config = strbuf_slice(&g->yaml),
        .drain_seconds = (unsigned)config_number(c, CONFIG_DRAIN_SECONDS),
        .watchdog_seconds = (unsigned)config_number(c, CONFIG_WATCHDOG_SECONDS),
        .restart_seconds = (unsigned)config_number(c, CONFIG_RESTART_SECONDS),
    };
}

static bool plan(void *arg, struct serve_plan *out)
{
    struct serve *s = arg;
    struct generation *now = &s->generations[s->current], *next = &s->generations[1 - s->current];
    if (!s->is_begun) {
        s->is_begun = true;
        plan_fill(now, out);
        return true;
    }
    generation_close(next);
    if (generation_open(next, s->command) || certificate_make(s, next)) {
        generation_close(next);
        return false;
    }
    if (strcmp(next->x.database, now->x.database) != 0 ||
        strcmp(next->setup.spool, now->setup.spool) != 0) {
        log_error("serve", "database and spool do not change while it runs: start it again");
        generation_close(next);
        return false;
    }
    s->current = 1 - s->current;
    plan_fill(next, out);
    return true;
}

static void user_print(struct sandbox_user u, char *out, size_t n)
{
    snprintf(out, n, "%u:%u", (unsigned)u.uid, (unsigned)u.gid);
}

static int serve_verb_run(struct command *c)
{
    static struct serve s; /* two setups are much of a stack */
    struct errbuf eb = {.text = ""};
    s = (struct serve){.command = c};
    if (c->argument_count) {
        return usage_error(c, "it takes no arguments");
    }
    if (!command_flag(c, "quiet") && log_get_level() < LOG_INFO) {
        log_set_level(LOG_INFO);
    }
    struct generation *first = &s.generations[0];
    int status = generation_open(first, c);
    status = status ? status : folders_make(&s, first);
    status = status ? status : certificate_make(&s, first);
    if (!status) {
        char says[3 * CONTEXT_PATH_BYTES + 64];
        const char *arguments[] = {
            "--database",  first->x.database,
            "--user",      s.user_text,
            "--user-trap", s.trap_user_text,
            "--level",     (const char *[]){"0", "1", "2", "3"}[log_get_level()],
            NULL};
        user_print(s.user, s.user_text, sizeof s.user_text);
        user_print(s.trap_user, s.trap_user_text, sizeof s.trap_user_text);
        snprintf(says, sizeof says, "spool=%s store=%s configuration=%s", first->setup.spool,
                 first->x.database, first->x.config_path[0] ? first->x.config_path : "defaults");
        struct serve_options o = {
            .plan = plan, .arg = &s, .role_arguments = arguments, .says = says};
        enum err e = serve_run(&o, &eb);
        status = e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
    }
    generation_close(&s.generations[0]);
    generation_close(&s.generations[1]);
    return status;
}

static const char *const EXAMPLES[] = {
    "spamgauge serve",
    "A trap at 127.0.0.1, port 2525, as an unprivileged try-out.",
    "spamgauge serve -c /etc/spamgauge/spamgauge.yaml",
    "As the service does it; SIGHUP reads the configuration anew.",
    "spamgauge report",
    "What has come in so far, while it runs.",
    NULL,
};

const struct verb VERB_SERVE = {
    .name = "serve",
    .arguments = "",
    .summary = "traps and analysis, live",
    .text =
        "Listens where the configuration says (listeners), takes mail as the persona of each "
        "listener would, keeps it in the spool, and analyses it into the store. It accepts and "
        "keeps; it relays nothing, ever.\n\n"
        "It stays in the foreground, logs to standard error, and says there where it listens and "
        "where the data goes. A small parent process binds the ports and starts two roles: trap "
        "(sockets and spool, nothing else) and analyse (spool and store, no network). Each is "
        "unprivileged and sandboxed, watched, and started again when it fails; a message that was "
        "given 250 is on the disk and counted once whatever is killed.\n\n"
        "SIGTERM and SIGINT end it: sessions have drain_seconds to come to their end. SIGHUP reads "
        "configuration, personas, recipients, certificates and rules anew; a configuration that is "
        "not sound is refused and the old one stays. Sockets may come from a service manager "
        "(address: systemd:NAME), which is told about readiness, status and health.",
    .options = NULL,
    .examples = EXAMPLES,
    .run = serve_verb_run,
};
