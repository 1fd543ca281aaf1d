/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/explain_out.h"
#include "out/json_field.h"

#include <math.h>

enum { DECIMALS = 6 };

static void estimate_of(struct printer *p, const char *key, const struct estimate *e)
{
    print_key(p, key);
    print_map_begin(p);
    key_number(p, "value", e->value, DECIMALS);
    key_number(p, "low", e->low, DECIMALS);
    key_number(p, "high", e->high, DECIMALS);
    print_map_end(p);
}

static void window(struct printer *p, const char *key, int64_t since, int64_t until,
                   uint64_t messages)
{
    print_key(p, key);
    print_map_begin(p);
    print_key(p, "since");
    print_time(p, since);
    print_key(p, "until");
    print_time(p, until);
    key_unsigned(p, "messages", messages);
    print_map_end(p);
}

/* The keys of a part, the same for all dimensions: null where a dimension has no such thing. */
static void part_keys(struct printer *p, const struct explain_part *r, bool has_mix)
{
    key_number(p, "before", r->before, DECIMALS);
    key_number(p, "after", r->after, DECIMALS);
    estimate_of(p, "change", &r->change);
    estimate_of(p, "ratio", &r->ratio);
    estimate_of(p, "part", &r->part);
    key_number(p, "share_before", r->share_before, DECIMALS);
    key_number(p, "share_after", r->share_after, DECIMALS);
    estimate_of(p, "share_change", &r->share_change);
    print_key(p, "is_share_only");
    print_boolean(p, r->is_share_only);
    key_number(p, "share_change_standardised", has_mix ? r->mix.standardised : NAN, DECIMALS);
    key_number(p, "share_change_mix", has_mix ? r->mix.mix : NAN, DECIMALS);
    print_key(p, "is_mix");
    print_boolean(p, r->is_mix);
    key_number(p, "hosts_before", r->hosts_before, DECIMALS);
    key_number(p, "hosts_after", r->hosts_after, DECIMALS);
    key_number(p, "by_hosts", r->by_hosts, DECIMALS);
    key_number(p, "by_rate", r->by_rate, DECIMALS);
}

static void parts(struct printer *p, const struct explain *x)
{
    print_key(p, "parts");
    print_list_begin(p);
    for (size_t k = 0; k < EXPLAIN_DIMENSIONS; k++) {
        for (size_t i = 0; i < x->tables[k].count; i++) {
            print_map_begin(p);
            print_key(p, "dimension");
            print_text(p, slice_cstr(explain_dimension_name((enum explain_dimension)k)));
            print_key(p, "name");
            print_text(p, x->tables[k].parts[i].name);
            part_keys(p, &x->tables[k].parts[i], k == EXPLAIN_BOTNET || k == EXPLAIN_PROGRAM);
            print_map_end(p);
        }
    }
    print_list_end(p);
}

static void factors(struct printer *p, const struct explain *x)
{
    print_key(p, "factors");
    if (!x->is_certain) {
        print_null(p);
        return;
    }
    print_map_begin(p);
    for (size_t k = 0; k < EXPLAIN_FACTORS; k++) {
        print_key(p, k < EXPLAIN_DIMENSIONS ? explain_dimension_name((enum explain_dimension)k)
                                            : "common");
        print_map_begin(p);
        estimate_of(p, "shapley", &x->shapley[k]);
        estimate_of(p, "lmdi", &x->lmdi[k]);
        print_map_end(p);
    }
    print_map_end(p);
}

static void sentences(struct printer *p, const char *key, const struct explain *x,
                      void (*give)(const struct explain *, bool, explain_note_fn, void *))
{
    print_key(p, key);
    print_list_begin(p);
    give(x, false, note_item, p);
    print_list_end(p);
}

bool explain_print(FILE *f, enum out_format format, const struct explain *x)
{
    struct printer *p = printer_new(format, f);
    print_map_begin(p);
    print_key(p, "format_version");
    print_integer(p, EXPLAIN_FORMAT_VERSION);
    print_key(p, "kind");
    print_text(p, S("explain"));
    window(p, "before", x->before_since, x->before_until, x->messages_before);
    window(p, "after", x->since, x->until, x->messages_after);
    print_key(p, "filter");
    print_map_begin(p);
    print_key(p, "trap");
    print_text_or_null(p, x->trap);
    print_key(p, "site");
    print_text_or_null(p, x->site);
    print_map_end(p);
    key_unsigned(p, "traps", x->traps);
    key_unsigned(p, "sites", x->sites);
    key_unsigned(p, "traps_left_out", x->traps_left_out);
    key_unsigned(p, "block_days", x->block_days);
    print_key(p, "is_certain");
    print_boolean(p, x->is_certain);
    print_key(p, "total");
    print_map_begin(p);
    part_keys(p, &x->total, false);
    print_map_end(p);
    factors(p, x);
    key_number(p, "common_ratio", x->is_certain ? x->level : NAN, DECIMALS);
    key_number(p, "misfit", x->is_certain ? x->misfit : NAN, DECIMALS);
    parts(p, x);
    /* JSONL and CSV are the parts: sentences are for the document. */
    if (format == OUT_JSON) {
        sentences(p, "findings", x, explain_findings);
        sentences(p, "notes", x, explain_notes);
    }
    print_map_end(p);
    return printer_end(p);
}
