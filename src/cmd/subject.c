/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/subject.h"

static const struct {
    const char *name;
    enum dimension dimension;
} OPTIONS[] = {
    {"botnet", DIMENSION_BOTNET},   {"program", DIMENSION_PROGRAM}, {"mailer", DIMENSION_MAILER},
    {"country", DIMENSION_COUNTRY}, {"campaign", DIMENSION_TOTAL},
};

static bool is_campaign(const struct subject *s)
{
    return s->option && strcmp(s->option, "campaign") == 0;
}

/* A mailer's label is a word of rules; one with "mailer-" and eight digits is an id. */
bool subject_value_is_cluster(const struct subject *s, const char *value)
{
    enum cluster_kind kind = CLUSTER_KIND_COUNT; /* stays so without the word */
    uint32_t id;
    return is_campaign(s) ||
           (s->dimension == DIMENSION_MAILER && value &&
            cluster_id_parse(slice_cstr(value), &kind, &id) && kind != CLUSTER_KIND_COUNT);
}

static bool option_read(const struct command *c, struct subject *out)
{
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        const char *value;
        for (size_t k = 0; (value = command_value_at(c, OPTIONS[i].name, k)); k++) {
            if (!*value) {
                usage_error(c, "--%s needs a name", OPTIONS[i].name);
                return false;
            }
        }
        if (!command_value(c, OPTIONS[i].name, NULL)) {
            continue;
        }
        if (out->option) {
            usage_error(c, "one of --botnet, --program, --mailer, --country, --campaign, please");
            return false;
        }
        out->option = OPTIONS[i].name;
        out->dimension = OPTIONS[i].dimension;
    }
    return true;
}

/* --generation N goes with labels of rules alone. */
static bool generation_read(const struct command *c, struct subject *s)
{
    enum dimension d = s->dimension;
    uint64_t number = 0;
    if (!command_value(c, "generation", NULL)) {
        return true;
    }
    if (!command_number(c, "generation", 1, UINT32_MAX, &number)) {
        return false;
    }
    if (d != DIMENSION_BOTNET && d != DIMENSION_MAILER && d != DIMENSION_PROGRAM) {
        usage_error(c, "--generation is of labels: --botnet, --mailer or --program, please");
        return false;
    }
    const char *value;
    for (size_t k = 0; (value = command_value_at(c, s->option, k)); k++) {
        if (subject_value_is_cluster(s, value)) {
            usage_error(c, "--generation is of labels; %s has none: it is counted as it is today",
                        value);
            return false;
        }
    }
    s->generation = (unsigned)number;
    return true;
}

bool subject_read(const struct command *c, struct subject *out)
{
    *out = (struct subject){.dimension = DIMENSION_TOTAL};
    return option_read(c, out) && generation_read(c, out);
}

bool subject_has_hours(const struct subject *s)
{
    return !s->generation && s->dimension != DIMENSION_MAILER && !is_campaign(s);
}

bool subject_step_check(const struct command *c, const struct subject *s, enum index_step step)
{
    if (step != INDEX_HOUR || subject_has_hours(s)) {
        return true;
    }
    usage_error(c, "%s are counted by the day, not by the hour",
                s->generation ? "older labels" : "mailers and campaigns");
    return false;
}

enum err subject_query(const struct subject *s, const char *value, struct store *store,
                       struct arena *arena, struct index_query *q, struct errbuf *eb)
{
    q->dimension = s->dimension;
    q->generation = s->generation;
    q->value = value ? slice_cstr(value) : S("");
    q->clusters = NULL;
    if (!subject_value_is_cluster(s, value)) {
        return OK;
    }
    struct cluster_choice *clusters = arena_calloc(arena, 1, sizeof *clusters);
    if (!clusters) {
        return err_set(eb, ERR_NOMEM, "out of memory for the ids of clusters");
    }
    q->dimension = DIMENSION_TOTAL;
    q->value = S("");
    q->clusters = clusters;
    return cluster_choose(store, is_campaign(s) ? CLUSTER_CAMPAIGN : CLUSTER_MAILER,
                          slice_cstr(value), arena, clusters, eb);
}
