/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verbs and their options as tables. The parser, --help and the manual pages all come from them. */
#ifndef CMD_VERB_H
#define CMD_VERB_H

#include "core/err.h"
#include "core/slice.h"

#include <stdio.h>

enum exit_status {
#define EXIT(name, code, text) EXIT_STATUS_##name = code,
#include "cmd/exit.def"
#undef EXIT
};

enum { OPTION_NO_SHORT = 0, COMMAND_VALUES_MAX = 128 };

struct option_spec {
    const char *name;     /* "since" for --since */
    char letter;          /* 's' for -s, or OPTION_NO_SHORT */
    const char *argument; /* "TIME"; NULL for a flag */
    const char *doc;      /* one sentence or two; may be given several times: says so */
};

struct command;

struct verb {
    const char *name;                  /* "import", "rules check" */
    const char *arguments;             /* "PATH..." */
    const char *summary;               /* one line */
    const char *text;                  /* paragraphs, separated by empty lines */
    const struct option_spec *options; /* ends with a NULL name; may be NULL */
    const char *const *examples;       /* "command\0comment" pairs: command, comment, ..., NULL */
    int (*run)(struct command *c);
};

/* The parsed command line. */
struct command {
    const struct verb *verb;
    struct {
        const struct option_spec *spec;
        const char *value; /* NULL for a flag */
    } values[COMMAND_VALUES_MAX];
    size_t value_count;
    char **arguments; /* what is no option */
    size_t argument_count;
};

/* Options that every verb has. */
extern const struct option_spec COMMON_OPTIONS[];

/* Parses argv (without program and verb words). Says what is wrong on stderr and returns false. */
bool command_parse(struct command *c, const struct verb *v, int argc, char **argv);

bool command_flag(const struct command *c, const char *name);
/* The last value given, or `fallback`. */
const char *command_value(const struct command *c, const char *name, const char *fallback);
/* The i-th value of an option that may be repeated, or NULL past the last. */
const char *command_value_at(const struct command *c, const char *name, size_t i);
/* A whole number in [least, most]; says what is wrong and returns false. *out is untouched when not
 * given. */
bool command_number(const struct command *c, const char *name, uint64_t least, uint64_t most,
                    uint64_t *out);

/* One line on stderr. What came from outside may be in it: it is escaped as a whole. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* "spamgauge: import: ..." on stderr; returns EXIT_STATUS_USAGE with a hint at --help. */
int usage_error(const struct command *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for a failed call: prints the detail and returns the exit status that fits the error. */
int command_fail(const struct command *c, enum err e, const struct errbuf *eb);

/* All verbs, ending with NULL. */
extern const struct verb *const VERBS[];

void help_program(FILE *f);
void help_verb(const struct verb *v, FILE *f);
/* mdoc source of a verb's page, or of spamgauge(1) when `v` is NULL. */
void help_manual(const struct verb *v, FILE *f);

#endif
