/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What verbs share: the effective configuration, the places of files, and the opening of store,
 * rules and geo data from them. Everything opened here is closed by context_close. */
#ifndef CMD_CONTEXT_H
#define CMD_CONTEXT_H

#include "analyse/pipeline.h"
#include "cmd/verb.h"
#include "core/config.h"
#include "observe/annotation.h"
#include "out/printer.h"
#include "out/report_text.h"

enum { CONTEXT_PATH_BYTES = 4096 };

struct context {
    const struct command *command;
    struct config *config;
    char config_path[CONTEXT_PATH_BYTES]; /* "" when no file was found: defaults */
    char database[CONTEXT_PATH_BYTES];
    char data[CONTEXT_PATH_BYTES - 32]; /* the data folder; it may not be there yet */
    struct store *store;
    struct rules_live *rules;
    struct geo *geo;
    struct url_context *urls;
    size_t rule_findings; /* rules left out because of errors */
};

/* Reads the configuration (-c, $SPAMGAUGE_CONFIG, ~/.config/spamgauge/spamgauge.yaml,
 * /etc/spamgauge/spamgauge.yaml: the first that exists). On failure says why and returns the exit
 * status; 0 otherwise. */
int context_open(struct context *x, const struct command *c);
void context_close(struct context *x);

/* Each says why on failure and returns the exit status; 0 otherwise. */
int context_store(struct context *x, enum store_mode mode);
int context_rules(struct context *x);
int context_geo(struct context *x);
int context_urls(struct context *x);
int context_recipient_key(struct context *x, uint8_t key[SECRET_KEY_BYTES]);

/* Makes a folder and those above it, for the user alone; that it is there already is fine. */
bool context_folder_make(const char *path);

/* The rule files and folders in effect: the command's arguments if `from_arguments`, else the
 * configured ones, else the shipped pack. */
struct context_paths {
    const char *items[256];
    size_t count;
    char shipped[3][CONTEXT_PATH_BYTES];
};
void context_rule_paths(const struct context *x, bool from_arguments, struct context_paths *out);

/* The annotations in effect; bad entries are warned of and left out. */
int context_annotations(struct context *x, struct arena *arena, struct annotations *out);

/* The shipped pack's folder: beside the program in its source tree, else in share/ of its prefix.
 */
void context_shipped_folder(const char *name, char *out, size_t n);

/* The spool: the command's argument, else the configured one, else spool in the data folder. */
int context_spool(const struct context *x, const struct command *c, char out[CONTEXT_PATH_BYTES]);

/* What this thread count and terminal are. */
unsigned context_jobs(const struct context *x, const struct command *c);
struct report_style context_style(FILE *f);

/* Opens -o PATH ("-" or absent: standard output). context_output_end says when
 * writing failed (`is_written` is what the printer says of it). */
int context_output(const struct command *c, FILE **out);
int context_output_end(const struct command *c, FILE *f, bool is_written);
/* -f FORMAT; false after saying what is wrong. */
bool context_format(const struct command *c, enum out_format *out);
/* --since, --until, --trap, --site. False after saying what is wrong. */
bool context_filter(const struct command *c, struct store_filter *f);
/* The AS number of a host, 0 when unknown; `geo` is context.geo. For hosts_query.network. */
uint32_t context_host_network(void *geo, uint64_t host);
/* --base DATE, MONTH or SINCE..UNTIL (the last day is in it) as [since, until); 0, 0 when not
 * given. False after saying what is wrong. */
bool context_base(const struct command *c, int64_t *since, int64_t *until);
/* A day, month or SINCE..UNTIL as [since, until). */
bool context_period(struct slice text, int64_t now, int64_t *since, int64_t *until);
/* The same of an option; INT64_MIN twice when it is not given. False after saying what is wrong. */
bool context_window(const struct command *c, const char *name, int64_t *since, int64_t *until);

#define FORMAT_OPTIONS                                                                             \
    {"format", 'f', "FORMAT", "text, json, jsonl or csv; default: text."},                         \
    {                                                                                              \
        "output", 'o', "PATH", "Writes there instead of standard output."                          \
    }
#define FILTER_OPTIONS                                                                             \
    {"since", OPTION_NO_SHORT, "TIME",                                                             \
     "From this time on: 2010-10-01, 2010-10, RFC 3339, or relative such as 7d."},                 \
        {"until", OPTION_NO_SHORT, "TIME", "Up to this time, not with it."},                       \
        {"trap", OPTION_NO_SHORT, "NAME", "This trap only."},                                      \
    {                                                                                              \
        "site", OPTION_NO_SHORT, "NAME", "Traps of this site only."                                \
    }
#define LABEL_OPTIONS                                                                              \
    {"botnet", OPTION_NO_SHORT, "NAME", "Of this botnet; unknown: what no rule names."},           \
        {"program", OPTION_NO_SHORT, "NAME", "Of this affiliate program."},                        \
        {"mailer", OPTION_NO_SHORT, "NAME", "Of this mailer."},                                    \
    {                                                                                              \
        "country", OPTION_NO_SHORT, "CODE", "From this country, as two letters."                   \
    }

#endif
