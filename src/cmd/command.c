/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/context.h"
#include "out/escape.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 64, LONG_BASE = 256 };

const struct option_spec COMMON_OPTIONS[] = {
    {"database", 'd', "PATH", "The store; default: spamgauge.db in the data folder."},
    {"config", 'c', "FILE", "Configuration file instead of the usual places; see spamgauge check."},
    {"quiet", 'q', NULL, "No progress and no notes; errors only."},
    {"verbose", 'v', NULL, "More notes; twice for debugging."},
    {"help", 'h', NULL, "Prints this help."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static size_t specs_collect(const struct verb *v, const struct option_spec *out[OPTIONS_MAX])
{
    size_t n = 0;
    for (const struct option_spec *s = v->options; s && s->name && n < OPTIONS_MAX; s++) {
        out[n++] = s;
    }
    for (const struct option_spec *s = COMMON_OPTIONS; s->name && n < OPTIONS_MAX; s++) {
        out[n++] = s;
    }
    return n;
}

bool command_parse(struct command *c, const struct verb *v, int argc, char **argv)
{
    const struct option_spec *specs[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[3 * OPTIONS_MAX + 2];
    size_t n = specs_collect(v, specs), at = 0;
    memset(c, 0, sizeof *c);
    c->verb = v;
    shorts[at++] = ':';
    for (size_t i = 0; i < n; i++) {
        longs[i] =
            (struct option){specs[i]->name, specs[i]->argument ? required_argument : no_argument,
                            NULL, LONG_BASE + (int)i};
        if (specs[i]->letter) {
            shorts[at++] = specs[i]->letter;
            if (specs[i]->argument) {
                shorts[at++] = ':';
            }
        }
    }
    shorts[at] = '\0';
    longs[n] = (struct option){0};
    optind = 0;
    for (int key; (key = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (key == '?' || key == ':') {
            usage_error(c, key == ':' ? "option %s needs a value" : "unknown option %s",
                        argv[optind - 1]);
            return false;
        }
        size_t i = key >= LONG_BASE ? (size_t)(key - LONG_BASE) : n;
        for (size_t k = 0; k < n && i == n; k++) {
            i = specs[k]->letter == key ? k : n;
        }
        if (c->value_count == COMMAND_VALUES_MAX) {
            usage_error(c, "too many options");
            return false;
        }
        c->values[c->value_count].spec = specs[i];
        c->values[c->value_count++].value = optarg;
    }
    c->arguments = argv + optind;
    c->argument_count = (size_t)(argc - optind);
    return true;
}

const char *command_value_at(const struct command *c, const char *name, size_t i)
{
    for (size_t k = 0; k < c->value_count; k++) {
        if (strcmp(c->values[k].spec->name, name) == 0 && i-- == 0) {
            return c->values[k].value ? c->values[k].value : "";
        }
    }
    return NULL;
}

bool command_flag(const struct command *c, const char *name)
{
    return command_value_at(c, name, 0) != NULL;
}

const char *command_value(const struct command *c, const char *name, const char *fallback)
{
    const char *found = fallback, *value;
    for (size_t i = 0; (value = command_value_at(c, name, i)) != NULL; i++) {
        found = value;
    }
    return found;
}

bool command_number(const struct command *c, const char *name, uint64_t least, uint64_t most,
                    uint64_t *out)
{
    const char *text = command_value(c, name, NULL);
    uint64_t value;
    if (!text) {
        return true;
    }
    if (!slice_to_u64(slice_cstr(text), &value) || value < least || value > most) {
        usage_error(c, "--%s %s: a whole number from %llu to %llu, please", name, text,
                    (unsigned long long)least, (unsigned long long)most);
        return false;
    }
    *out = value;
    return true;
}

void say(const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    escape_terminal(&line, strbuf_slice(&text), context_style(stderr).use_utf8);
    strbuf_add_byte(&line, '\n');
    fputs(strbuf_cstr(&line), stderr);
    strbuf_free(&line);
    strbuf_free(&text);
}

int usage_error(const struct command *c, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    say("spamgauge %s: %s", c->verb->name, strbuf_cstr(&text));
    say("Try: spamgauge %s --help", c->verb->name);
    strbuf_free(&text);
    return EXIT_STATUS_USAGE;
}

int command_fail(const struct command *c, enum err e, const struct errbuf *eb)
{
    char text[1024];
    say("spamgauge %s: %s", c->verb->name, err_format(eb, e, text, sizeof text));
    switch (e) {
    case ERR_USAGE:
        return EXIT_STATUS_USAGE;
    case ERR_CONFIG:
    case ERR_SYNTAX:
        return EXIT_STATUS_CONFIG;
    case ERR_BUSY:
        return EXIT_STATUS_TEMPORARY;
    case ERR_NOTFOUND:
        return EXIT_STATUS_NEGATIVE;
    default:
        return EXIT_STATUS_STORE;
    }
}
