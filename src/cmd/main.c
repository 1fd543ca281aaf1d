/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One binary, many verbs: finds the verb, parses its options, runs it. */
#include "cmd/verbs.h"
#include "core/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The longest verb that the first words name: "rules check" before "rules". *used is its number of
 * words. */
static const struct verb *verb_find(int argc, char **argv, int *used)
{
    for (int words = argc < 2 ? argc : 2; words > 0; words--) {
        char name[64];
        snprintf(name, sizeof name, words == 2 ? "%s %s" : "%s", argv[0],
                 words == 2 ? argv[1] : "");
        for (const struct verb *const *at = VERBS; *at; at++) {
            const struct verb *v = *at;
            if (strcmp(v->name, name) == 0) {
                *used = words;
                return v;
            }
        }
    }
    return NULL;
}

/* "rules" alone: the second words there are. */
static bool verb_family_print(const char *name)
{
    bool found = false;
    for (const struct verb *const *at = VERBS; *at; at++) {
        const struct verb *v = *at;
        size_t n = strlen(name);
        if (strncmp(v->name, name, n) == 0 && v->name[n] == ' ') {
            fprintf(stderr, found ? "  spamgauge %-14s %s\n" : "usage:\n  spamgauge %-14s %s\n",
                    v->name, v->summary);
            found = true;
        }
    }
    return found;
}

static int manual_print(int argc, char **argv)
{
    int used;
    if (argc == 0) {
        help_manual(NULL, stdout);
        return EXIT_STATUS_OK;
    }
    const struct verb *v = verb_find(argc, argv, &used);
    if (!v) {
        say("spamgauge: no verb '%s'", argv[0]);
        return EXIT_STATUS_USAGE;
    }
    help_manual(v, stdout);
    return EXIT_STATUS_OK;
}

int main(int argc, char **argv)
{
    struct command c;
    int used = 0;
    signal(SIGPIPE, SIG_IGN); /* `spamgauge report | head` is no crash */
    if (argc < 2) {
        help_program(stderr);
        return EXIT_STATUS_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 ||
        strcmp(argv[1], "version") == 0) {
        puts("spamgauge " SPAMGAUGE_VERSION);
        return EXIT_STATUS_OK;
    }
    if (strcmp(argv[1], "--manual") == 0) {
        return manual_print(argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "--role") == 0) { /* serve's parent executes itself so */
        return command_parse(&c, &VERB_ROLE, argc, argv) ? VERB_ROLE.run(&c) : EXIT_STATUS_USAGE;
    }
    bool wants_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                      strcmp(argv[1], "help") == 0;
    if (wants_help && argc == 2) {
        help_program(stdout);
        return EXIT_STATUS_OK;
    }
    int first = wants_help ? 2 : 1;
    const struct verb *v = verb_find(argc - first, argv + first, &used);
    if (!v) {
        if (!verb_family_print(argv[first])) {
            say("spamgauge: no verb '%s'; spamgauge --help lists them", argv[first]);
        }
        return EXIT_STATUS_USAGE;
    }
    int skip = first + used - 1; /* getopt wants a word before the options */
    if (!command_parse(&c, v, argc - skip, argv + skip)) {
        return EXIT_STATUS_USAGE;
    }
    if (wants_help || command_flag(&c, "help")) {
        help_verb(v, stdout);
        return EXIT_STATUS_OK;
    }
    int loud = (int)command_flag(&c, "verbose") + (command_value_at(&c, "verbose", 1) != NULL);
    log_set_level(command_flag(&c, "quiet") ? LOG_ERROR : (enum log_level)(LOG_WARN + loud));
    return v->run(&c);
}
