/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why two variants are of one mailer, or not. */
#include "cluster/variant_grouping.h"

#include <math.h>

static void explain_names(const struct variant_model *m, size_t a, size_t b, double e,
                          struct strbuf *out)
{
    struct variant_order o;
    variant_order(m, a, b, &o);
    strbuf_printf(out, "%+6.1f  field names: ", e);
    if (o.is_equal) {
        strbuf_add_cstr(out, "the same, in the same order\n");
    } else if (o.is_known) {
        strbuf_printf(out, "%u and %u, %u in both, %u of them in the same order\n", o.first,
                      o.second, o.common, o.in_order);
    } else {
        strbuf_add_cstr(out, "other ones, known by their hash alone\n");
    }
}

static void explain_field(const struct variant_model *m, enum variant_field f, size_t a, size_t b,
                          struct strbuf *out)
{
    double e = variant_field_evidence(m, f, a, b);
    bool is_single = m->value[a][f] == VARIANT_ABSENT || m->value[b][f] == VARIANT_ABSENT;
    if (e != 0) {
        strbuf_printf(out, "%+6.1f  %s: %s\n", e, variant_field_name(f),
                      e > 0       ? "the same"
                      : is_single ? "only one has it"
                                  : "different");
    }
}

/* Grouped first, so that machines count as they did there. */
enum err variants_explain(struct variants *v, size_t a, size_t b, struct strbuf *out)
{
    struct variant_grouping g;
    struct variant_evidence e;
    enum err err = variant_grouping_make(&g, v);
    if (err != OK) {
        return err;
    }
    const struct variant_model *m = &g.model;
    struct host_meeting machines;
    const struct variant_group *x = &g.groups[variant_group_root(&g, g.group_of[a])];
    const struct variant_group *y = &g.groups[variant_group_root(&g, g.group_of[b])];
    variant_evidence(m, a, b, -INFINITY, &e);
    host_sample_meet(&x->hosts, &y->hosts, &machines);
    double hosts = x == y ? 0 : variant_machines_say(&g, x, y, e.differ, machines.evidence);
    explain_names(m, a, b, e.names, out);
    for (unsigned f = 0; f < VARIANT_FIELD_COUNT; f++) {
        explain_field(m, (enum variant_field)f, a, b, out);
    }
    strbuf_printf(out, "%+6.1f  machines of their groups: ", hosts);
    if (x == y) {
        strbuf_add_cstr(out, "they are of one group\n");
    } else {
        strbuf_printf(out, "%u and %u, %u in both, %u returned to one\n", machines.first,
                      machines.second, machines.both, machines.returned);
    }
    strbuf_printf(out, "%+6.1f  in all, with %.0f before any evidence: %s\n", e.total + hosts,
                  variant_prior(),
                  e.total + hosts > 0 ? "one mailer" : "not one mailer by themselves");
    variant_grouping_free(&g);
    return out->failed ? ERR_NOMEM : OK;
}
