/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Annotations: dated, sourced events written by people (takedowns, closures, gaps). Read from YAML
 * files; the shipped ones are in rules/annotations/. docs/annotations.md is the reference of the
 * form. */
#ifndef OBSERVE_ANNOTATION_H
#define OBSERVE_ANNOTATION_H

#include "core/arena.h"
#include "sig/rules.h"

/* What kind of event; a word of annotation_kind.def. */
enum annotation_kind {
#define ANNOTATION_KIND(id, name, text) ANNOTATION_##id,
#include "observe/annotation_kind.def"
#undef ANNOTATION_KIND
    ANNOTATION_KIND_COUNT
};
const char *annotation_kind_name(enum annotation_kind k);

struct annotation {
    int64_t since, until; /* the day, month or year that the source gives, [since, until) */
    struct slice date;    /* as written: "2008-11-11", "2007-06", "2022" */
    enum annotation_kind kind;
    struct slice title, effect, source;
    const struct slice *botnets; /* labels; none and no programs: all */
    size_t botnet_count;
    const struct slice *programs;
    size_t program_count;
};

struct annotations {
    const struct annotation *items; /* by date; arena */
    size_t count;
};

/* Reads files and the *.yaml of folders, sorted. What is wrong in a file is a finding with its
 * place, and the entry is left out; ERR_CONFIG when a path cannot be read. */
enum err annotations_load(const char *const *paths, size_t path_count, finding_fn on_finding,
                          void *arg, struct arena *arena, struct annotations *out,
                          struct errbuf *eb) MUST_USE;

/* Those that overlap [since, until). Shallow: the texts stay where `all` has them. ERR_NOMEM. */
enum err annotations_within(const struct annotations *all, int64_t since, int64_t until,
                            struct arena *arena, struct annotations *out) MUST_USE;

/* At most `max` of them, by date. When there are more, those that most often explain a change come
 * first: takedowns, closures, gaps, court and police; then the others. Of the kind that has no room
 * for all some from each part of the period. Returns how many `out` holds. */
size_t annotations_pick(const struct annotations *from, size_t max, const struct annotation **out);

#endif
