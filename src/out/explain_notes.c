/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The findings of `explain` in sentences, each with its numbers and interval, and its caveats. */
#include "out/explain_out.h"
#include "out/human.h"

#include <math.h>
#include <stdarg.h>

static const double PART_LEAST = 0.1; /* of the change: what is named in a sentence */
enum { NAMED_MAX = 3 };

struct saying {
    bool use_utf8;
    explain_note_fn fn;
    void *arg;
};

static void say(const struct saying *s, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(const struct saying *s, const char *key, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    s->fn(s->arg, key, strbuf_slice(&text));
    strbuf_free(&text);
}

/* Part of a sentence. */
struct phrase {
    char text[128];
};

/* "-12.5": of per cent, points or messages. */
static struct phrase change(const struct saying *s, double v)
{
    struct phrase p = {""};
    human_change(p.text, v, 1, s->use_utf8);
    return p;
}

/* "-33.3 % (95 %: -38.1 to -28.2)" of a ratio */
static struct phrase change_of(const struct saying *s, const struct estimate *ratio)
{
    struct phrase p, value = change(s, (ratio->value - 1.0) * 100.0);
    if (isnan(ratio->value)) {
        snprintf(p.text, sizeof p.text, "new");
    } else if (isnan(ratio->low)) {
        snprintf(p.text, sizeof p.text, "%.31s %%", value.text);
    } else {
        snprintf(p.text, sizeof p.text, "%.31s %% (95 %%: %.31s to %.31s)", value.text,
                 change(s, (ratio->low - 1.0) * 100.0).text,
                 change(s, (ratio->high - 1.0) * 100.0).text);
    }
    return p;
}

static struct phrase part_of(const struct saying *s, const struct estimate *part)
{
    struct phrase p;
    char value[HUMAN_BYTES], low[HUMAN_BYTES], high[HUMAN_BYTES];
    human_figure(value, part->value * 100.0, 0, s->use_utf8);
    if (isnan(part->low)) {
        snprintf(p.text, sizeof p.text, "%s %%", value);
    } else {
        snprintf(p.text, sizeof p.text, "%s %% (95 %%: %s to %s)", value,
                 human_figure(low, part->low * 100.0, 0, s->use_utf8),
                 human_figure(high, part->high * 100.0, 0, s->use_utf8));
    }
    return p;
}

static const char *direction(const struct explain *x)
{
    return x->total.change.value < 0.0 ? "fall" : "rise";
}

static void say_total(const struct saying *s, const struct explain *x)
{
    char before[HUMAN_BYTES], after[HUMAN_BYTES];
    say(s, "total", "All mail: %s messages a day before, %s after: %s.",
        human_figure(before, x->total.before, 0, s->use_utf8),
        human_figure(after, x->total.after, 0, s->use_utf8), change_of(s, &x->total.ratio).text);
    if (!x->has_interval) {
        say(s, "no_interval",
            "A window has fewer than three days, which say nothing of how days differ: there is no "
            "interval, and no split of the change.");
    } else if (!x->is_certain) {
        say(s, "not_certain",
            "The interval holds no change at all: this may be chance, so no split of it is given.");
    }
}

/* Countries and traps always have parts; what is worth a word is a part that is not that of their
 * mail. */
static bool part_stands_out(const struct explain_part *p, enum explain_dimension k)
{
    bool is_label = k == EXPLAIN_BOTNET || k == EXPLAIN_PROGRAM;
    return p->part.value >= PART_LEAST &&
           (is_label || p->part.low > p->share_before || p->part.high < p->share_before);
}

static void say_parts(const struct saying *s, const struct explain *x, enum explain_dimension k)
{
    const struct explain_table *t = &x->tables[k];
    const char *name = explain_dimension_name(k);
    size_t named = 0;
    if (t->count < 2) {
        return; /* it is all of it */
    }
    for (size_t i = 0; i < t->count && named < NAMED_MAX; i++) {
        const struct explain_part *p = &t->parts[i];
        if (part_stands_out(p, k)) {
            named++;
            say(s, name, "%s %.*s: %s, which is %s of the %s.", name, SLICE_ARG(p->name),
                change_of(s, &p->ratio).text, part_of(s, &p->part).text, direction(x));
        }
    }
    if (!named) {
        say(s, name, "No %s stands out: each has about the part of the %s that it had of the mail.",
            name, direction(x));
    }
}

static void say_share_only(const struct saying *s, const struct explain *x,
                           enum explain_dimension k)
{
    const struct explain_table *t = &x->tables[k];
    struct strbuf names = STRBUF_INIT;
    for (size_t i = 0; i < t->count; i++) {
        const struct explain_part *p = &t->parts[i];
        if (p->is_share_only) {
            strbuf_printf(&names, "%s%.*s (%.1f to %.1f %%, messages %s %%)", names.n ? ", " : "",
                          SLICE_ARG(p->name), p->share_before * 100.0, p->share_after * 100.0,
                          change(s, (p->ratio.value - 1.0) * 100.0).text);
        }
    }
    if (names.n) {
        say(s, "share_only",
            "Shares that rose only because others fell, by %s: %s. None of them sent more for "
            "certain.",
            explain_dimension_name(k), strbuf_cstr(&names));
    }
    strbuf_free(&names);
}

static void say_mix(const struct saying *s, const struct explain *x, enum explain_dimension k)
{
    const struct explain_table *t = &x->tables[k];
    struct strbuf names = STRBUF_INIT;
    for (size_t i = 0; i < t->count; i++) {
        const struct explain_part *p = &t->parts[i];
        if (p->is_mix) {
            strbuf_printf(&names, "%s%.*s %s points crude, %s standardised", names.n ? "; " : "",
                          SLICE_ARG(p->name), change(s, p->mix.crude * 100.0).text,
                          change(s, p->mix.standardised * 100.0).text);
        }
    }
    if (names.n) {
        say(s, "mix",
            "Shares by %s that changed with the mix of traps and countries, which may be all that "
            "changed: %s (at the mix of before).",
            explain_dimension_name(k), strbuf_cstr(&names));
    }
    strbuf_free(&names);
}

/* `what` is before the name, which may be empty: "botnet ", "all mail". */
static void say_hosts(const struct saying *s, const struct explain_part *p, const char *what)
{
    if (isfinite(p->by_hosts)) {
        double hosts = p->hosts_after / p->hosts_before, volume = p->after / p->before;
        say(s, "hosts",
            "%s%.*s: hosts a day %s %%, messages %s %%, so messages a host %s %%. Of the change "
            "of %s messages a day, hosts make %s and what each sends %s.",
            what, SLICE_ARG(p->name), change(s, (hosts - 1.0) * 100.0).text,
            change(s, (volume - 1.0) * 100.0).text, change(s, (volume / hosts - 1.0) * 100.0).text,
            change(s, p->change.value).text, change(s, p->by_hosts).text,
            change(s, p->by_rate).text);
    }
}

static void say_factors(const struct saying *s, const struct explain *x)
{
    size_t best = 0;
    if (!x->has_factors) {
        say(s, "factor",
            "Which of botnet, program, country and trap changed on its own cannot be told: too "
            "much "
            "of it was in one of the windows only.");
        return;
    }
    for (size_t k = 1; k < EXPLAIN_FACTORS; k++) {
        if (x->shapley[k].value / x->total.change.value >
            x->shapley[best].value / x->total.change.value) {
            best = k;
        }
    }
    double part = x->shapley[best].value / x->total.change.value;
    if (best < EXPLAIN_DIMENSIONS) {
        say(s, "factor",
            "What changed on its own is first of all the %s: %.0f %% of the %s (Shapley); all "
            "other dimensions follow from it, or less.",
            explain_dimension_name((enum explain_dimension)best), part * 100.0, direction(x));
    } else {
        say(s, "factor",
            "First of all it is a change that all have in common: %.0f %% of the %s (Shapley). A "
            "common cause is as likely on the side of the traps as on that of the senders.",
            part * 100.0, direction(x));
    }
}

void explain_findings(const struct explain *x, bool use_utf8, explain_note_fn fn, void *arg)
{
    struct saying s = {use_utf8, fn, arg};
    say_total(&s, x);
    for (size_t k = 0; x->is_certain && k < EXPLAIN_DIMENSIONS; k++) {
        say_parts(&s, x, (enum explain_dimension)k);
    }
    if (x->is_certain) {
        say_factors(&s, x);
        say_hosts(&s, &x->total, "All mail");
        size_t botnets = x->tables[EXPLAIN_BOTNET].count;
        for (size_t i = 0; botnets > 1 && i < botnets; i++) {
            const struct explain_part *p = &x->tables[EXPLAIN_BOTNET].parts[i];
            if (p->part.value >= PART_LEAST) {
                say_hosts(&s, p, "botnet ");
            }
        }
    }
    if (x->has_interval) {
        for (size_t k = EXPLAIN_BOTNET; k <= EXPLAIN_PROGRAM; k++) {
            say_share_only(&s, x, (enum explain_dimension)k);
            say_mix(&s, x, (enum explain_dimension)k);
        }
    }
}

void explain_notes(const struct explain *x, bool use_utf8, explain_note_fn fn, void *arg)
{
    struct saying s = {use_utf8, fn, arg};
    char a[HUMAN_BYTES], b[HUMAN_BYTES], c[HUMAN_BYTES];
    say(&s, "traps",
        "%s trap%s of %s site%s compared: those that watched at least half of the days of both "
        "windows. %s left out. Days on which a trap did not watch are missing, not zero.",
        human_count(a, x->traps), x->traps == 1 ? "" : "s", human_count(b, x->sites),
        x->traps == 1   ? " is"
        : x->sites == 1 ? " are"
                        : "s are",
        x->traps_left_out ? (snprintf(c, sizeof c, "%zu %s", x->traps_left_out,
                                      x->traps_left_out == 1 ? "was" : "were"),
                             c)
                          : "None was");
    if (x->has_interval) {
        say(&s, "interval", "Intervals are a bootstrap of %d draws over blocks of %s day%s%s. %s",
            EXPLAIN_DRAWS, human_count(a, x->block_days), x->block_days == 1 ? "" : "s",
            x->sites > 1 ? " and sites together" : "",
            x->sites > 1 ? x->sites < 5 ? "With so few sites they are rough: it is sites that make "
                                          "evidence, not messages."
                                        : ""
                         : "One site only: how other sites would differ is not in them.");
    }
    if (x->traps_left_out) {
        say(&s, "hosts_left_out",
            "Hosts are not compared, because those of the traps left out can not be taken out.");
    } else if (x->is_certain) {
        say(&s, "hosts_seen",
            "Hosts are addresses as seen. A host that sends less is also seen less: \"hosts "
            "--compare\" corrects for that.");
    }
    if (x->is_certain && x->has_factors) {
        say(&s, "factors",
            "Shapley and LMDI split the change by which of botnet, program, country and trap "
            "changed on its own (one multiplier for each value of each); \"common\" is what all "
            "had in common. Where two go together (a botnet of one country only), the one named "
            "first "
            "takes it. %.1f %% of the volume moved in single combinations only, chance "
            "included.",
            x->misfit * 100.0);
    }
    say(&s, "verdict",
        "This says what changed in what the traps got. Whether a botnet really stopped, traps were "
        "avoided or a label is wrong is another question.");
}
