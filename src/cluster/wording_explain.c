/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wordings and their grouping, for people. */
#include "cluster/wording_grouping.h"

enum err wordings_print(const struct wordings *v, size_t i, struct strbuf *out)
{
    const struct wording *w = &v->items[i];
    struct cd1 c;
    char text[CD1_TEXT_BYTES];
    wording_sketch_cd1(&w->sketch, &c);
    strbuf_add(out, slice_of(text, cd1_print(&c, text)));
    struct slice shapes = slice_cstr(w->shapes);
    while (shapes.n > 0) {
        strbuf_add_byte(out, ' ');
        strbuf_add(out, slice_cut(&shapes, '\n'));
    }
    return out->failed ? ERR_NOMEM : OK;
}

static void likeness_print(struct strbuf *out, const char *what, double likeness)
{
    if (likeness < 0) {
        strbuf_printf(out, "%s cannot be compared\n", what);
    } else {
        strbuf_printf(out, "%s alike to %.2f\n", what, likeness);
    }
}

enum err wordings_explain(struct wordings *v, size_t a, size_t b, struct strbuf *out)
{
    struct wording_grouping *g = wording_grouping_make(v);
    if (!g) {
        return ERR_NOMEM;
    }
    struct wording_evidence e;
    grouping_evidence(g, g->node_of[a], g->node_of[b], &e);
    likeness_print(out, "texts", e.text);
    likeness_print(out, "openings", e.open);
    likeness_print(out, "ends", e.close);
    likeness_print(out, "texts around the links", e.call);
    likeness_print(out, "HTML skeletons", e.html);
    likeness_print(out, "URL shapes", e.shapes);
    likeness_print(out, "subjects", e.subject);
    likeness_print(out, "attachments", e.attachment);
    strbuf_add_cstr(out,
                    e.shares_domain ? "a rare domain in common\n" : "no rare domain in common\n");
    strbuf_printf(out, "evidence %.2f of 1 that is enough: %s\n", e.strength, e.reason);
    bool is_one = wording_grouping_head(g, (uint32_t)a) == wording_grouping_head(g, (uint32_t)b);
    strbuf_add_cstr(out, !is_one          ? "two campaigns\n"
                         : e.strength < 1 ? "one campaign, by others between them\n"
                                          : "one campaign\n");
    wording_grouping_free(g);
    return out->failed ? ERR_NOMEM : OK;
}
