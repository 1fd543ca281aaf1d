/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/context.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* $variable/spamgauge, else root's own place (may be NULL), else $HOME/fallback/spamgauge, else ./
 */
static void xdg_folder(const char *variable, const char *roots, const char *fallback, char *out,
                       size_t n)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    if (base && *base) {
        snprintf(out, n, "%s/spamgauge", base);
    } else if (roots && geteuid() == 0) {
        snprintf(out, n, "%s", roots);
    } else if (home && *home) {
        snprintf(out, n, "%s/%s/spamgauge", home, fallback);
    } else {
        snprintf(out, n, ".");
    }
}

static void data_folder(char *out, size_t n)
{
    const char *own = getenv("SPAMGAUGE_DATA");
    if (own && *own) {
        snprintf(out, n, "%s", own);
    } else {
        /* not below /root: what serve's roles become cannot get there */
        xdg_folder("XDG_DATA_HOME", "/var/lib/spamgauge", ".local/share", out, n);
    }
}

bool context_folder_make(const char *path)
{
    char part[CONTEXT_PATH_BYTES];
    for (size_t i = 1; path[i - 1]; i++) {
        if (path[i] == '/' || !path[i]) {
            snprintf(part, sizeof part, "%.*s", (int)i, path);
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return false;
            }
        }
    }
    return true;
}

static bool parent_make(const char *path)
{
    char parent[CONTEXT_PATH_BYTES];
    path_folder(path, parent, sizeof parent);
    return context_folder_make(parent);
}

int context_open(struct context *x, const struct command *c)
{
    struct errbuf eb = {.text = ""};
    const char *given = command_value(c, "config", getenv("SPAMGAUGE_CONFIG"));
    char user[CONTEXT_PATH_BYTES - 32];
    memset(x, 0, sizeof *x);
    x->command = c;
    x->config = config_new();
    if (!x->config) {
        return command_fail(c, ERR_NOMEM, NULL);
    }
    if (given) {
        snprintf(x->config_path, sizeof x->config_path, "%s", given);
    } else {
        xdg_folder("XDG_CONFIG_HOME", NULL, ".config", user, sizeof user);
        snprintf(x->config_path, sizeof x->config_path, "%s/spamgauge.yaml", user);
        if (access(x->config_path, F_OK) != 0) {
            snprintf(x->config_path, sizeof x->config_path, "/etc/spamgauge/spamgauge.yaml");
        }
        if (access(x->config_path, F_OK) != 0) {
            x->config_path[0] = '\0';
        }
    }
    if (x->config_path[0]) {
        enum err e = config_read(x->config, x->config_path, &eb);
        if (e != OK) {
            int status = command_fail(c, e, &eb);
            context_close(x);
            return status == EXIT_STATUS_NEGATIVE ? EXIT_STATUS_CONFIG : status;
        }
    }
    data_folder(x->data, sizeof x->data);
    const char *database = command_value(c, "database", config_text(x->config, CONFIG_DATABASE));
    if (*database) {
        snprintf(x->database, sizeof x->database, "%s", database);
    } else {
        snprintf(x->database, sizeof x->database, "%s/spamgauge.db", x->data);
    }
    return EXIT_STATUS_OK;
}

void context_close(struct context *x)
{
    store_close(x->store);
    rules_live_close(x->rules);
    geo_close(x->geo);
    url_context_free(x->urls);
    config_free(x->config);
    memset(x, 0, sizeof *x);
}

int context_store(struct context *x, enum store_mode mode)
{
    struct errbuf eb = {.text = ""};
    struct store_options o = {
        .path = x->database,
        .mode = mode,
        .cache_bytes = config_number(x->config, CONFIG_CACHE_BYTES),
        .is_durable = false,
    };
    if (mode == STORE_CREATE && !parent_make(x->database)) {
        err_at(&eb, ERR_IO, x->database, 0, 0, "its folder cannot be made: %s", strerror(errno));
        return command_fail(x->command, ERR_IO, &eb);
    }
    if (mode != STORE_CREATE && access(x->database, F_OK) != 0) {
        err_at(&eb, ERR_IO, x->database, 0, 0, "there is no store yet; spamgauge import makes it");
        return command_fail(x->command, ERR_IO, &eb);
    }
    enum err e = store_open(&o, &x->store, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(x->command, e, &eb);
}

int context_spool(const struct context *x, const struct command *c, char out[CONTEXT_PATH_BYTES])
{
    struct errbuf eb = {.text = ""};
    const char *given = c->argument_count ? c->arguments[0] : config_text(x->config, CONFIG_SPOOL);
    char data[CONTEXT_PATH_BYTES - 32];
    data_folder(data, sizeof data);
    int n =
        snprintf(out, CONTEXT_PATH_BYTES, "%s%s", *given ? given : data, *given ? "" : "/spool");
    if (n < 0 || n >= CONTEXT_PATH_BYTES) {
        err_set(&eb, ERR_USAGE, "the spool's path is too long");
        return command_fail(c, ERR_USAGE, &eb);
    }
    return EXIT_STATUS_OK;
}

void context_shipped_folder(const char *name, char *out, size_t n)
{
    static const char *const PLACES[] = {"../", "../share/spamgauge/"};
    char program[CONTEXT_PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < sizeof PLACES / sizeof *PLACES; i++) {
        snprintf(out, n, "%.*s%s%s", (int)(slash - program + 1), program, PLACES[i], name);
        if (access(out, R_OK) == 0) {
            return;
        }
    }
    snprintf(out, n, "/usr/share/spamgauge/%s", name);
}

void context_rule_paths(const struct context *x, bool from_arguments, struct context_paths *out)
{
    static const char *const SHIPPED[] = {"rules/botnets", "rules/mailers", "rules/programs"};
    const struct command *c = x->command;
    size_t n = from_arguments ? c->argument_count : 0,
           most = sizeof out->items / sizeof *out->items;
    bool is_given = n > 0;
    const char *rules;
    for (out->count = 0;
         !n && out->count < most && (rules = command_value_at(c, "rules", out->count));) {
        out->items[out->count++] = rules;
    }
    if (!n && out->count) {
        return;
    }
    n = n ? n : config_count(x->config, CONFIG_RULES);
    n = n < most ? n : most;
    for (out->count = 0; out->count < n; out->count++) {
        out->items[out->count] =
            is_given ? c->arguments[out->count] : config_item(x->config, CONFIG_RULES, out->count);
    }
    for (size_t i = 0; n == 0 && i < sizeof SHIPPED / sizeof *SHIPPED; i++) {
        context_shipped_folder(SHIPPED[i], out->shipped[i], sizeof out->shipped[i]);
        out->items[out->count++] = out->shipped[i];
    }
}

static void finding_say(void *arg, const struct finding *f)
{
    struct context *x = arg;
    if (f->level == FINDING_ERROR) {
        x->rule_findings++;
        log_warn("rules", "%s:%u:%u: %s; left out", f->file, f->line, f->column, f->text);
    }
}

int context_rules(struct context *x)
{
    struct errbuf eb = {.text = ""};
    struct context_paths paths;
    char cache[CONTEXT_PATH_BYTES];
    context_rule_paths(x, false, &paths);
    snprintf(cache, sizeof cache, "%s", config_text(x->config, CONFIG_RULES_CACHE));
    if (!*cache) {
        xdg_folder("XDG_CACHE_HOME", NULL, ".cache", cache, sizeof cache);
    }
    struct rule_options o = {
        .paths = paths.items,
        .path_count = paths.count,
        .cache_dir = context_folder_make(cache) ? cache : NULL,
        .on_finding = finding_say,
        .arg = x,
    };
    enum err e = rules_live_open(&o, &x->rules, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(x->command, e, &eb);
}

int context_annotations(struct context *x, struct arena *arena, struct annotations *out)
{
    struct errbuf eb = {.text = ""};
    const char *paths[64];
    char shipped[CONTEXT_PATH_BYTES];
    size_t n = config_count(x->config, CONFIG_ANNOTATIONS), count = 0;
    for (; count < n && count < sizeof paths / sizeof *paths; count++) {
        paths[count] = config_item(x->config, CONFIG_ANNOTATIONS, count);
    }
    if (!count) {
        context_shipped_folder("rules/annotations", shipped, sizeof shipped);
        paths[count++] = shipped;
    }
    enum err e = annotations_load(paths, count, finding_say, x, arena, out, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(x->command, e, &eb);
}

int context_geo(struct context *x)
{
    struct errbuf eb = {.text = ""};
    enum err e = geo_open(config_text(x->config, CONFIG_GEO), &x->geo, &eb);
    return e == OK ? EXIT_STATUS_OK : command_fail(x->command, e, &eb);
}

int context_urls(struct context *x)
{
    struct errbuf eb = {.text = ""};
    x->urls = url_context_new(&eb);
    return x->urls ? EXIT_STATUS_OK : command_fail(x->command, ERR_CONFIG, &eb);
}

/* The key is made once, readable by its owner alone; an existing one is never replaced. */
int context_recipient_key(struct context *x, uint8_t key[SECRET_KEY_BYTES])
{
    struct errbuf eb = {.text = ""};
    char path[CONTEXT_PATH_BYTES];
    snprintf(path, sizeof path, "%s", config_text(x->config, CONFIG_KEY_FILE));
    if (!*path) {
        snprintf(path, sizeof path, "%s/recipient.key", x->data);
    }
    if (!parent_make(path)) {
        err_at(&eb, ERR_IO, path, 0, 0, "its folder cannot be made: %s", strerror(errno));
        return command_fail(x->command, ERR_IO, &eb);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool ok = random_bytes(key, SECRET_KEY_BYTES) == OK &&
                  write(fd, key, SECRET_KEY_BYTES) == SECRET_KEY_BYTES && fsync(fd) == 0;
        close(fd);
        if (ok) {
            return EXIT_STATUS_OK;
        }
        unlink(path);
        err_at(&eb, ERR_IO, path, 0, 0, "cannot be written: %s", strerror(errno));
        return command_fail(x->command, ERR_IO, &eb);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, key, SECRET_KEY_BYTES) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n != SECRET_KEY_BYTES) {
        err_at(&eb, ERR_CONFIG, path, 0, 0, "not a recipient key: %s",
               n < 0 ? strerror(errno) : "too short");
        return command_fail(x->command, ERR_CONFIG, &eb);
    }
    return EXIT_STATUS_OK;
}

unsigned context_jobs(const struct context *x, const struct command *c)
{
    uint64_t jobs = config_number(x->config, CONFIG_JOBS);
    if (!command_number(c, "jobs", 1, 64, &jobs)) {
        return 0;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return jobs ? (unsigned)jobs : processors > 0 ? (unsigned)processors : 1;
}

struct report_style context_style(FILE *f)
{
    struct report_style style = {.width = 80, .use_utf8 = true, .use_colour = false};
    struct winsize size;
    const char *locale = getenv("LC_ALL");
    locale = locale && *locale ? locale : getenv("LC_CTYPE");
    locale = locale && *locale ? locale : getenv("LANG");
    if (isatty(fileno(f))) {
        style.use_colour = !getenv("NO_COLOR");
        style.use_utf8 = locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
        if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
            style.width = size.ws_col;
        }
    }
    return style;
}

int context_output(const struct command *c, FILE **out)
{
    const char *path = command_value(c, "output", "-");
    struct errbuf eb;
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (!*out) {
        err_at(&eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
        return command_fail(c, ERR_IO, &eb);
    }
    return EXIT_STATUS_OK;
}

int context_output_end(const struct command *c, FILE *f, bool is_written)
{
    struct errbuf eb;
    bool is_bad = fflush(f) != 0 || ferror(f);
    bool is_closed_pipe = is_bad && errno == EPIPE; /* `spamgauge report | head` is no failure */
    if (f != stdout && fclose(f) != 0) {
        is_bad = true;
    }
    if (is_closed_pipe) {
        return EXIT_STATUS_OK;
    }
    if (is_bad) {
        err_at(&eb, ERR_IO, command_value(c, "output", "standard output"), 0, 0, "%s",
               strerror(errno));
        return command_fail(c, ERR_IO, &eb);
    }
    return is_written ? EXIT_STATUS_OK : command_fail(c, ERR_NOMEM, NULL);
}

bool context_format(const struct command *c, enum out_format *out)
{
    const char *text = command_value(c, "format", "text");
    if (!out_format_parse(slice_cstr(text), out)) {
        usage_error(c, "--format %s: text, json, jsonl or csv, please", text);
        return false;
    }
    return true;
}

static bool time_option(const struct command *c, const char *name, int64_t *out)
{
    const char *text = command_value(c, name, NULL);
    if (text && !time_parse(slice_cstr(text), time_now(), out)) {
        usage_error(c, "--%s %s: not a time; 2010-10-01, 2010-10, 2010-10-01T12:00:00Z or 7d are",
                    name, text);
        return false;
    }
    return true;
}

bool context_filter(const struct command *c, struct store_filter *f)
{
    *f = (struct store_filter)STORE_FILTER_ALL;
    f->trap = slice_cstr(command_value(c, "trap", ""));
    f->site = slice_cstr(command_value(c, "site", ""));
    if (!time_option(c, "since", &f->since) || !time_option(c, "until", &f->until)) {
        return false;
    }
    if (f->since >= f->until) {
        usage_error(c, "--since is not before --until");
        return false;
    }
    return true;
}

uint32_t context_host_network(void *geo, uint64_t host)
{
    return geo_lookup(geo, host_ip(host)).asn;
}

/* "2010-09" is a whole month, any other time the UTC day that it is in. */
static bool period_end(struct slice text, int64_t now, int64_t *since, int64_t *until)
{
    int64_t t;
    int year, month, day;
    if (!time_parse(text, now, &t)) {
        return false;
    }
    *since = day_of(t) * SECONDS_PER_DAY;
    *until = *since + SECONDS_PER_DAY;
    if (text.n == 7 && text.p[4] == '-') {
        days_to_civil(day_of(t), &year, &month, &day);
        *until = civil_to_days(month == 12 ? year + 1 : year, month % 12 + 1, 1) * SECONDS_PER_DAY;
    }
    return true;
}

bool context_period(struct slice text, int64_t now, int64_t *since, int64_t *until)
{
    int64_t ignored;
    size_t dots = slice_find(text, S(".."));
    if (dots == SIZE_MAX) {
        return period_end(text, now, since, until);
    }
    return period_end(slice_sub(text, 0, dots), now, since, &ignored) &&
           period_end(slice_sub(text, dots + 2, SIZE_MAX), now, &ignored, until) && *since < *until;
}

bool context_window(const struct command *c, const char *name, int64_t *since, int64_t *until)
{
    const char *text = command_value(c, name, NULL);
    *since = *until = INT64_MIN;
    if (text && !context_period(slice_cstr(text), time_now(), since, until)) {
        usage_error(c, "--%s %s: a day, a month or SINCE..UNTIL, such as 2010-09", name, text);
        return false;
    }
    return true;
}

bool context_base(const struct command *c, int64_t *since, int64_t *until)
{
    const char *text = command_value(c, "base", NULL);
    *since = *until = 0;
    if (text && !context_period(slice_cstr(text), time_now(), since, until)) {
        usage_error(c, "--base %s: a day, a month or SINCE..UNTIL, such as 2010-09", text);
        return false;
    }
    return true;
}
