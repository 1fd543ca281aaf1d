/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/trust.h"

/* ---- as said ---- */

static enum err words_take(struct trust_choice *t, const char *spec, struct errbuf *eb)
{
    struct slice rest = slice_cstr(spec);
    enum err e = OK;
    while (e == OK && rest.n) {
        struct slice word = slice_trim(slice_cut(&rest, ','));
        if (slice_eq(word, S("auto"))) {
            t->is_auto = true;
        } else if (!slice_eq(word, S("none"))) {
            e = trust_add(t->given, word, eb);
        }
    }
    return e;
}

int trust_choice_read(struct trust_choice *t, const struct command *c, const struct config *config)
{
    struct errbuf eb = {.text = ""};
    bool is_given = command_flag(c, "trust");
    t->given = trust_new();
    enum err e = t->given ? OK : ERR_NOMEM;
    for (size_t i = 0; e == OK; i++) {
        const char *spec = is_given ? command_value_at(c, "trust", i)
                           : i < config_count(config, CONFIG_TRUST)
                               ? config_item(config, CONFIG_TRUST, i)
                               : NULL;
        if (!spec) {
            return EXIT_STATUS_OK;
        }
        e = words_take(t, spec, &eb);
    }
    return command_fail(c, e, &eb);
}

void trust_choice_free(struct trust_choice *t)
{
    trust_free(t->given);
    strbuf_free(&t->inferred);
}

/* ---- inferred ---- */

/* A fresh copy of what the user gave; inference then adds to it. */
static struct trust *trust_clone(const struct trust *from)
{
    struct trust *t = trust_new();
    for (size_t i = 0; t && i < trust_count(from); i++) {
        if (trust_add(t, trust_spec(from, i), NULL) != OK) {
            trust_free(t);
            return NULL;
        }
    }
    return t;
}

static void trust_say(void *arg, struct slice spec, uint64_t messages, uint64_t of)
{
    struct trust_choice *t = arg;
    if (!t->is_quiet) {
        say("  --trust %.*s   # %llu of %llu messages came through it", SLICE_ARG(spec),
            (unsigned long long)messages, (unsigned long long)of);
    }
    strbuf_printf(&t->inferred, "%s%.*s (%llu of %llu)", t->inferred.n ? ", " : "", SLICE_ARG(spec),
                  (unsigned long long)messages, (unsigned long long)of);
}

static void headers_see(const struct trust_choice *t, struct trust_learner *learner,
                        const struct trust *so_far, struct slice raw, struct arena *arena)
{
    struct mail mail = {.raw = raw};
    struct part part = {.depth = 0};
    struct chain chain;
    arena_reset(arena);
    if (header_block_parse(&part.header, raw, arena) != OK) {
        return;
    }
    mail.parts = &part;
    mail.part_count = 1;
    mail.arena = arena;
    if (chain_build(&chain, &mail, so_far, t->now, arena) == OK) {
        trust_learner_see(learner, chain.hops, chain.count);
    }
}

static void learnt_apply(struct trust_choice *t, const char *path, struct trust_learner *learner,
                         struct trust *to)
{
    if (!t->is_quiet) {
        say("%s: relays of your side, inferred (give --trust to correct it):", path);
    }
    size_t before = t->inferred.n;
    trust_learner_apply(learner, to, trust_say, t);
    if (t->inferred.n == before && !t->is_quiet) {
        fputs("  none but the writer of the topmost Received line\n", stderr);
    }
}

/* Reads the headers of the whole input once: what relays it shares is only seen over all of it. */
static enum err trust_infer(struct trust_choice *t, const char *path, struct trust *to,
                            struct errbuf *eb)
{
    enum { HEADERS_BYTES_MAX = 4 * 1024 * 1024 };
    struct source *source = NULL;
    struct source_message m;
    struct trust_learner *learner = trust_learner_new();
    struct arena *arena = arena_new(HEADERS_BYTES_MAX);
    enum err e = learner && arena ? source_open(path, &source, eb) : ERR_NOMEM;
    while (e == OK && !*t->stop && (e = source_next(source, &m, eb)) == OK) {
        headers_see(t, learner, to, m.raw, arena);
        struct source_progress at = source_progress(source);
        progress_draw(t->progress, at.bytes_read / 2, at.bytes_total, m.ordinal + 1);
    }
    source_close(source);
    progress_end(t->progress);
    if (e == ERR_END) {
        learnt_apply(t, path, learner, to);
        e = OK;
    }
    trust_learner_free(learner);
    arena_free(arena);
    return e == OK && *t->stop ? ERR_CANCELLED : e;
}

enum err trust_for(struct trust_choice *t, const char *path, struct trust **out, struct errbuf *eb)
{
    struct trust *trust = trust_clone(t->given);
    bool is_stream = strcmp(path, "-") == 0;
    enum err e = trust ? OK : ERR_NOMEM;
    if (e == OK && t->is_auto && !is_stream) {
        progress_start(t->progress, path, t->is_quiet);
        e = trust_infer(t, path, trust, eb);
    } else if (e == OK && t->is_auto && !t->is_quiet) {
        fputs("-: standard input is read once, so no relays are inferred; give --trust if there "
              "are any\n",
              stderr);
    }
    if (e != OK) {
        trust_free(trust);
        return e;
    }
    *out = trust;
    return OK;
}
