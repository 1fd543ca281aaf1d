/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/serve_setup.h"

#include "smtp/greylist.h"
#include "smtp/persona.h"
#include "smtp/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    GREYLIST_LIFE_SECONDS = 4 * 3600,
    SECONDS_MOST = 7 * SECONDS_PER_DAY,
    POLICY_LINE_BYTES = 1024
};

/* What a number may be. */
static const struct {
    enum config_key key;
    uint64_t least, most;
} NUMBERS[] = {
    {CONFIG_SESSIONS, 1, LIMIT_SMTP_SESSIONS},
    {CONFIG_SESSIONS_PER_CLIENT, 1, LIMIT_SMTP_SESSIONS},
    {CONFIG_MESSAGE_BYTES, 1024, LIMIT_MESSAGE_BYTES},
    {CONFIG_RECIPIENTS_PER_MESSAGE, 1, LIMIT_SMTP_RECIPIENTS},
    {CONFIG_MESSAGES_PER_SESSION, 1, UINT32_MAX},
    {CONFIG_ERRORS_PER_SESSION, 0, UINT32_MAX},
    {CONFIG_COMMAND_SECONDS, 1, SECONDS_MOST},
    {CONFIG_DATA_IDLE_SECONDS, 1, SECONDS_MOST},
    {CONFIG_DATA_SECONDS, 1, SECONDS_MOST},
    {CONFIG_SESSION_SECONDS, 1, SECONDS_MOST},
    {CONFIG_SPOOL_RETAIN_DAYS, 0, 36500},
    {CONFIG_SPOOL_COMPRESSION, 0, 19},
    {CONFIG_DRAIN_SECONDS, 0, 3600},
    {CONFIG_WATCHDOG_SECONDS, 5, 3600},
    {CONFIG_RESTART_SECONDS, 1, 3600},
};

static const struct {
    enum listener_key key;
    uint64_t most;
} LISTENER_NUMBERS[] = {
    {LISTENER_PORT, 65535},
    {LISTENER_BANNER_MS, 600000},
    {LISTENER_REPLY_MS, 600000},
    {LISTENER_GREYLIST_SECONDS, SECONDS_PER_DAY},
    {LISTENER_REJECT_4XX_PERMILLE, 1000},
    {LISTENER_REJECT_5XX_PERMILLE, 1000},
};

static enum err numbers_check(const struct config *c, struct errbuf *eb)
{
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        uint64_t n = config_number(c, NUMBERS[i].key);
        if (n < NUMBERS[i].least || n > NUMBERS[i].most) {
            return config_error(c, NUMBERS[i].key, 0, eb, "from %llu to %llu, please",
                                (unsigned long long)NUMBERS[i].least,
                                (unsigned long long)NUMBERS[i].most);
        }
    }
    for (size_t l = 0; l < config_listeners(c); l++) {
        for (size_t i = 0; i < sizeof LISTENER_NUMBERS / sizeof *LISTENER_NUMBERS; i++) {
            if (listener_number(c, l, LISTENER_NUMBERS[i].key) > LISTENER_NUMBERS[i].most) {
                return listener_error(c, l, LISTENER_NUMBERS[i].key, 0, eb, "at most %llu, please",
                                      (unsigned long long)LISTENER_NUMBERS[i].most);
            }
        }
    }
    return OK;
}

/* Index of the text among the words, or -1 with the error said. */
static int word_of(const struct config *c, size_t l, enum listener_key k, const char *const *words,
                   int n, struct errbuf *eb)
{
    const char *text = listener_text(c, l, k);
    for (int i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    listener_error(c, l, k, 0, eb, "\"%.60s\": %s%s%s%s%s, please", text, words[0],
                   n > 2 ? ", " : " or ", words[1], n > 2 ? " or " : "", n > 2 ? words[2] : "");
    return -1;
}

static enum err name_check(const struct config *c, size_t l, enum listener_key k, struct errbuf *eb)
{
    const char *text = listener_text(c, l, k);
    size_t n = strlen(text);
    return n >= 1 && n < TRAP_NAME_BYTES
               ? OK
               : listener_error(c, l, k, 0, eb, "a name of 1 to %d bytes, please",
                                TRAP_NAME_BYTES - 1);
}

/* ---- personas ---- */

static enum err persona_find(struct serve_setup *s, const struct config *c, size_t l,
                             struct errbuf *eb)
{
    const char *name = listener_text(c, l, LISTENER_PERSONA);
    char path[CONTEXT_PATH_BYTES], shipped[CONTEXT_PATH_BYTES - 256];
    if (!*name || strchr(name, '/') || strlen(name) > 100) {
        return listener_error(c, l, LISTENER_PERSONA, 0, eb, "a name without a path, please");
    }
    for (size_t i = 0; i < config_count(c, CONFIG_PERSONAS); i++) {
        snprintf(path, sizeof path, "%s/%s.yaml", config_item(c, CONFIG_PERSONAS, i), name);
        if (access(path, F_OK) == 0) {
            return persona_load(path, &s->personas[l], eb);
        }
    }
    context_shipped_folder("rules/personas", shipped, sizeof shipped);
    snprintf(path, sizeof path, "%s/%s.yaml", shipped, name);
    if (access(path, F_OK) != 0) {
        return listener_error(c, l, LISTENER_PERSONA, 0, eb,
                              "there is no persona \"%s\" in %.200s%s", name, shipped,
                              config_count(c, CONFIG_PERSONAS) ? " or `personas`" : "");
    }
    return persona_load(path, &s->personas[l], eb);
}

/* ---- recipients ---- */

/* "PATTERN" or "PATTERN TRAP". */
static enum err recipient_add(struct policy *p, struct slice line)
{
    struct slice rest = slice_trim(line), pattern = slice_cut(&rest, ' '), trap = slice_trim(rest);
    return trap.n >= TRAP_NAME_BYTES ? ERR_SYNTAX : policy_add(p, pattern, trap);
}

static enum err recipients_read(struct policy *p, const char *path, struct errbuf *eb)
{
    char line[POLICY_LINE_BYTES];
    FILE *f = fopen(path, "r");
    enum err e = OK;
    if (!f) {
        return err_at(eb, ERR_CONFIG, path, 0, 0, "%s", strerror(errno));
    }
    for (unsigned n = 1; e == OK && fgets(line, sizeof line, f); n++) {
        struct slice text = slice_trim(slice_cstr(line));
        bool is_cut = strlen(line) == sizeof line - 1;
        if (is_cut) {
            e = err_at(eb, ERR_CONFIG, path, n, 1, "the line is too long");
        } else if (text.n && text.p[0] != '#') {
            e = recipient_add(p, text);
            e = e == OK ? e : err_at(eb, ERR_CONFIG, path, n, 1, "%s", err_text(e));
        }
    }
    fclose(f);
    return e;
}

static enum err policy_make(struct serve_setup *s, const struct config *c, size_t l,
                            struct errbuf *eb)
{
    static const char FILE_PREFIX[] = "file:";
    size_t n = listener_count(c, l, LISTENER_RECIPIENTS);
    bool takes_all = false;
    for (size_t i = 0; i < n; i++) {
        takes_all = takes_all || strcmp(listener_item(c, l, LISTENER_RECIPIENTS, i), "all") == 0;
    }
    if (takes_all && n == 1) {
        return OK;
    }
    struct policy *p = s->policies[l] = policy_new(takes_all);
    if (!p) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const char *text = listener_item(c, l, LISTENER_RECIPIENTS, i);
        enum err e = OK;
        if (strncmp(text, FILE_PREFIX, sizeof FILE_PREFIX - 1) == 0) {
            e = recipients_read(p, text + sizeof FILE_PREFIX - 1, eb);
            if (e != OK) {
                return e;
            }
        } else if (strcmp(text, "all") != 0) {
            e = recipient_add(p, slice_cstr(text));
        }
        if (e != OK) {
            return listener_error(c, l, LISTENER_RECIPIENTS, i, eb, "%s", err_text(e));
        }
    }
    return OK;
}

/* ---- listeners ---- */

static enum err relays_read(struct serve_setup *s, const struct config *c, size_t l,
                            struct errbuf *eb)
{
    s->services[l].relays = s->relays + s->relay_count;
    for (size_t i = 0; i < listener_count(c, l, LISTENER_XCLIENT); i++) {
        const char *text = listener_item(c, l, LISTENER_XCLIENT, i);
        if (!cidr_parse(slice_cstr(text), &s->relays[s->relay_count])) {
            return listener_error(c, l, LISTENER_XCLIENT, i, eb, "\"%.60s\" is no network", text);
        }
        s->relay_count++;
        s->services[l].relay_count++;
    }
    return OK;
}

static enum err listener_make(struct serve_setup *s, const struct config *c, size_t l,
                              struct errbuf *eb)
{
    static const char *const PROTOCOLS[] = {"smtp", "lmtp"}, *const TLS[] = {"none", "starttls",
                                                                             "implicit"};
    const char *address = listener_text(c, l, LISTENER_ADDRESS);
    struct smtp_service *v = &s->services[l];
    int protocol = word_of(c, l, LISTENER_PROTOCOL, PROTOCOLS, 2, eb);
    int tls = protocol < 0 ? -1 : word_of(c, l, LISTENER_TLS, TLS, 3, eb);
    if (tls < 0) {
        return ERR_CONFIG;
    }
    if (!listen_address_is_valid(address)) {
        return listener_error(c, l, LISTENER_ADDRESS, 0, eb,
                              "\"%.60s\" is no IPv4 or IPv6 address and not systemd:NAME", address);
    }
    enum err e = name_check(c, l, LISTENER_TRAP, eb);
    e = e == OK ? name_check(c, l, LISTENER_SITE, eb) : e;
    s->wishes[l] = (struct listen_wish){address, (uint16_t)listener_number(c, l, LISTENER_PORT)};
    s->traps[l] =
        (struct serve_trap){listener_text(c, l, LISTENER_TRAP), listener_text(c, l, LISTENER_SITE)};
    *v = (struct smtp_service){
        .trap = slice_cstr(s->traps[l].trap),
        .site = slice_cstr(s->traps[l].site),
        .listener = slice_cstr(address),
        .host = slice_cstr(s->host),
        .is_lmtp = protocol == 1,
        .has_tls = tls == 1,
        .is_teased = listener_number(c, l, LISTENER_TEASER),
        .accepts_auth = listener_number(c, l, LISTENER_AUTH),
        .banner_ms = (uint32_t)listener_number(c, l, LISTENER_BANNER_MS),
        .reply_ms = (uint32_t)listener_number(c, l, LISTENER_REPLY_MS),
        .reject_4xx_permille = (uint32_t)listener_number(c, l, LISTENER_REJECT_4XX_PERMILLE),
        .reject_5xx_permille = (uint32_t)listener_number(c, l, LISTENER_REJECT_5XX_PERMILLE),
        .limits = {.message_bytes = config_number(c, CONFIG_MESSAGE_BYTES),
                   .recipients = (uint32_t)config_number(c, CONFIG_RECIPIENTS_PER_MESSAGE),
                   .errors = (uint32_t)config_number(c, CONFIG_ERRORS_PER_SESSION),
                   .messages = (uint32_t)config_number(c, CONFIG_MESSAGES_PER_SESSION),
                   .command_seconds = (uint32_t)config_number(c, CONFIG_COMMAND_SECONDS),
                   .data_idle_seconds = (uint32_t)config_number(c, CONFIG_DATA_IDLE_SECONDS),
                   .data_seconds = (uint32_t)config_number(c, CONFIG_DATA_SECONDS),
                   .session_seconds = (uint32_t)config_number(c, CONFIG_SESSION_SECONDS)},
    };
    s->has_tls = s->has_tls || tls > 0;
    e = e == OK ? relays_read(s, c, l, eb) : e;
    e = e == OK ? persona_find(s, c, l, eb) : e;
    e = e == OK ? policy_make(s, c, l, eb) : e;
    uint32_t delay = (uint32_t)listener_number(c, l, LISTENER_GREYLIST_SECONDS);
    if (e == OK && delay && !(s->greylists[l] = greylist_new(delay, GREYLIST_LIFE_SECONDS))) {
        e = ERR_NOMEM;
    }
    v->persona = s->personas[l];
    v->policy = s->policies[l];
    v->greylist = s->greylists[l];
    return e;
}

static void path_choose(const struct context *x, enum config_key k, const char *fallback,
                        char out[CONTEXT_PATH_BYTES])
{
    const char *given = config_text(x->config, k);
    snprintf(out, CONTEXT_PATH_BYTES, "%s%s%s", *given ? given : x->data, *given ? "" : "/",
             *given ? "" : fallback);
}

static void host_choose(const struct config *c, char *out, size_t n)
{
    const char *given = config_text(c, CONFIG_HOST);
    snprintf(out, n, "%s", given);
    if (!*given && (gethostname(out, n) != 0 || !*out)) {
        snprintf(out, n, "localhost");
    }
    out[n - 1] = '\0';
}

enum err serve_setup_make(struct serve_setup *s, const struct context *x, struct errbuf *eb)
{
    const struct config *c = x->config;
    size_t relays = 0;
    memset(s, 0, sizeof *s);
    host_choose(c, s->host, sizeof s->host);
    path_choose(x, CONFIG_SPOOL, "spool", s->spool);
    path_choose(x, CONFIG_CERTIFICATE, "tls/certificate.pem", s->certificate);
    path_choose(x, CONFIG_CERTIFICATE_KEY, "tls/key.pem", s->key);
    enum err e = numbers_check(c, eb);
    for (size_t l = 0; l < config_listeners(c); l++) {
        relays += listener_count(c, l, LISTENER_XCLIENT);
    }
    s->relays = calloc(relays + 1, sizeof *s->relays);
    e = e == OK && !s->relays ? ERR_NOMEM : e;
    for (; s->count < config_listeners(c) && e == OK; s->count++) {
        e = listener_make(s, c, s->count, eb);
    }
    return e;
}

void serve_setup_free(struct serve_setup *s)
{
    for (size_t l = 0; l < LIMIT_LISTENERS; l++) {
        persona_free(s->personas[l]);
        policy_free(s->policies[l]);
        greylist_free(s->greylists[l]);
    }
    free(s->relays);
    memset(s, 0, sizeof *s);
}

struct spool_writer_options serve_setup_spool(const struct serve_setup *s, const struct config *c)
{
    return (struct spool_writer_options){
        .folder = s->spool,
        .quota_bytes = config_number(c, CONFIG_SPOOL_BYTES),
        .free_bytes_least = config_number(c, CONFIG_SPOOL_FREE_BYTES),
        .retain_bytes = config_number(c, CONFIG_SPOOL_RETAIN_BYTES),
        .retain_seconds = (unsigned)config_number(c, CONFIG_SPOOL_RETAIN_DAYS) * SECONDS_PER_DAY,
        .may_drop_unanalysed = config_number(c, CONFIG_SPOOL_DROP),
        .share_bytes = config_number(c, CONFIG_SPOOL_CLIENT_BYTES),
        .compression_level = (int)config_number(c, CONFIG_SPOOL_COMPRESSION),
    };
}
