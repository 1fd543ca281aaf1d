/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates on real files: each WANTED is one campaign; four of five of its messages are learnt,
 * the fifth is tried, and all once the template is settled; then all of AGAINST. Usage:
 * template_mail AGAINST WANTED... */
#include "analyse/analyse.h"
#include "analyse/redact.h"
#include "cluster/template.h"
#include "core/clock.h"
#include "core/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct campaign {
    const char *path;
    struct template *t;
    uint64_t learnt, held, missed, taken;
    uint64_t late, late_missed; /* of those held out, once the template was settled */
};

struct work {
    struct analyser *analyser;
    struct arena *arena;
    struct campaign *all;
    size_t count;
};

static void words_learn(struct campaign *c, uint64_t ordinal, const struct words *w)
{
    if (ordinal % 5 == 4 || c->learnt >= TEMPLATE_LEARN) {
        bool is_late = c->learnt >= TEMPLATE_LEARN, is_missed = !template_matches(c->t, w);
        c->held++;
        c->missed += is_missed;
        c->late += is_late;
        c->late_missed += is_late && is_missed;
        if (is_late && ordinal % TEMPLATE_TRY == 0 && template_learn(c->t, w) != OK) {
            exit(1);
        }
    } else if (template_learn(c->t, w) == OK) {
        c->learnt++;
    }
}

/* `c`: the campaign to learn; NULL: all are tried. Held-out messages are tried as the template is
 * by then, so that early misses count too. */
static uint64_t path_read(struct work *k, const char *path, struct campaign *c)
{
    struct source *source;
    struct source_message m;
    const struct analysis *a;
    struct errbuf eb = {.text = ""};
    struct recipients r;
    struct words w;
    uint64_t n = 0;
    if (source_open(path, &source, &eb) != OK) {
        fprintf(stderr, "%s: %s\n", path, eb.text);
        exit(1);
    }
    while (source_next(source, &m, &eb) == OK) {
        if (analyse_message(k->analyser, &m, time_now(), &a) != OK ||
            recipients_collect(&r, &a->mail, &a->chain, NULL, k->arena) != OK ||
            words_of(&w, &a->features, r.addr, r.count, k->arena) != OK) {
            exit(1);
        }
        if (c) {
            words_learn(c, n, &w);
        }
        for (size_t i = 0; !c && i < k->count; i++) {
            if (template_matches(k->all[i].t, &w)) {
                struct template_info info;
                template_info(k->all[i].t, &info);
                k->all[i].taken++;
                printf("%s matches %s (%zu anchors, usable %d)\n", m.name, k->all[i].path,
                       info.anchor_words, info.is_usable);
            }
        }
        arena_reset(k->arena);
        n++;
    }
    source_close(source);
    return n;
}

int main(int argc, char **argv)
{
    struct url_context *urls = url_context_new(NULL);
    struct trust *trust = trust_new();
    uint8_t key[SECRET_KEY_BYTES] = {0};
    struct analyse_config config = {
        .trap = S("bench"), .trust = trust, .urls = urls, .recipient_key = key};
    struct work k = {.analyser = analyser_new(&config),
                     .arena = arena_new(LIMIT_MESSAGE_ARENA_BYTES),
                     .all = calloc((size_t)argc, sizeof *k.all)};
    if (argc < 3 || !k.analyser || !k.arena || !k.all) {
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct campaign *c = &k.all[k.count++];
        *c = (struct campaign){.path = argv[i], .t = template_new()};
        path_read(&k, argv[i], c);
    }
    uint64_t against = path_read(&k, argv[1], NULL), held = 0, missed = 0, taken = 0;
    uint64_t late = 0, late_missed = 0;
    for (size_t i = 0; i < k.count; i++) {
        struct campaign *c = &k.all[i];
        struct template_info info;
        struct strbuf b = STRBUF_INIT;
        template_info(c->t, &info);
        if (template_print(c->t, &b) != OK) {
            return 1;
        }
        printf("%s: learnt %" PRIu64 ", outliers %" PRIu64 ", anchors %zu, usable %d, %zu bytes; "
               "held out %" PRIu64 ", missed %" PRIu64 " (settled: %" PRIu64 " of %" PRIu64
               "); of %" PRIu64 " others %" PRIu64 "\n  %.300s\n",
               c->path, info.learnt, info.outliers, info.anchor_words, info.is_usable,
               template_bytes(c->t), c->held, c->missed, c->late_missed, c->late, against, c->taken,
               strbuf_cstr(&b));
        late += info.is_usable ? c->late : 0;
        late_missed += info.is_usable ? c->late_missed : 0;
        held += info.is_usable ? c->held : 0;
        missed += info.is_usable ? c->missed : 0;
        taken += info.is_usable ? c->taken : 0;
        strbuf_free(&b);
        template_free(c->t);
    }
    printf("usable ones: missed %" PRIu64 " of %" PRIu64 " held out; took %" PRIu64 " of %" PRIu64
           " others; settled: missed %" PRIu64 " of %" PRIu64 "\n",
           missed, held, taken, against, late_missed, late);
    analyser_free(k.analyser);
    arena_free(k.arena);
    free(k.all);
    trust_free(trust);
    url_context_free(urls);
    return 0;
}
