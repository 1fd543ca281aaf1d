/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/compose.h"

#include "core/clock.h"
#include "simulate/kind.h"
#include "simulate/lexicon.h"

#include <math.h>
#include <stdio.h>

/* ---- macros ---- */

typedef void (*macro_fn)(struct compose *c, struct slice arguments, struct strbuf *out);

static void macro_from(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_printf(out, "%.*s@%.*s", SLICE_ARG(c->from_local), SLICE_ARG(c->from_domain));
}

static void macro_from_name(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->from_name);
}

static void macro_from_local(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->from_local);
}

static void macro_from_domain(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->from_domain);
}

static void macro_to(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->to);
}

static void macro_to_local(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, slice_sub(c->to, 0, slice_find_byte(c->to, '@')));
}

static void macro_to_domain(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, slice_sub(c->to, slice_find_byte(c->to, '@') + 1, SIZE_MAX));
}

static void macro_subject(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    compose_subject_encode(c, c->subject, out);
}

static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct moment {
    int year, month, day, hour, minute, second;
    const char *weekday, *month_name;
};

static struct moment moment_of(int64_t t)
{
    struct moment m;
    int64_t day = day_of(t), second = t - day * SECONDS_PER_DAY;
    days_to_civil(day, &m.year, &m.month, &m.day);
    m.hour = (int)(second / 3600);
    m.minute = (int)(second / 60 % 60);
    m.second = (int)(second % 60);
    m.weekday = DAYS[((day + 4) % 7 + 7) % 7];
    m.month_name = MONTHS[m.month - 1];
    return m;
}

static void date_add(struct strbuf *out, int64_t t, int zone, const char *format)
{
    struct moment m = moment_of(t + (int64_t)zone * 60);
    int minutes = zone < 0 ? -zone : zone;
    for (; *format; format++) {
        switch (*format) {
        case 'w':
            strbuf_printf(out, "%s, ", m.weekday);
            break;
        case 'd':
            strbuf_printf(out, "%d %s %d %02d:%02d:%02d", m.day, m.month_name, m.year, m.hour,
                          m.minute, m.second);
            break;
        case 'p':
            strbuf_printf(out, "%02d %s %d %02d:%02d:%02d", m.day, m.month_name, m.year, m.hour,
                          m.minute, m.second);
            break;
        case 'z':
            strbuf_printf(out, " %c%02d%02d", zone < 0 ? '-' : '+', minutes / 60, minutes % 60);
            break;
        case 'm': /* an hour counted as 60 minutes */
            strbuf_printf(out, " %c%02d60", zone < 0 ? '-' : '+',
                          minutes >= 60 ? minutes / 60 - 1 : 0);
            break;
        case 'a':
            strbuf_printf(out, "%s %s %2d %02d:%02d:%02d %d", m.weekday, m.month_name, m.day,
                          m.hour, m.minute, m.second, m.year);
            break;
        default:
            strbuf_add_byte(out, *format);
        }
    }
}

void compose_date(int64_t t, int zone_minutes, struct strbuf *out)
{
    date_add(out, t, zone_minutes, "wdz");
}

static void macro_date(struct compose *c, struct slice arguments, struct strbuf *out)
{
    static const struct {
        struct slice name;
        const char *format;
        int zone; /* INT16_MAX: the machine's */
    } STYLES[] = {
        {SLICE("zero"), "wpz", 0},           {SLICE("gmt"), "wd GMT", 0},
        {SLICE("minute"), "wpm", INT16_MAX}, {SLICE("comment"), "wdz (UTC)", 0},
        {SLICE("asctime"), "a", INT16_MAX},  {SLICE("short"), "dz", INT16_MAX},
        {SLICE("plain"), "wd", INT16_MAX},   {SLICE("fixed"), "wpz", -420},
    };
    for (size_t i = 0; i < sizeof STYLES / sizeof *STYLES; i++) {
        if (slice_eq(arguments, STYLES[i].name)) {
            int zone = STYLES[i].zone == INT16_MAX ? c->host->zone_minutes : STYLES[i].zone;
            date_add(out, c->sent, zone, STYLES[i].format);
            return;
        }
    }
    date_add(out, c->sent, c->host->zone_minutes, "wpz");
}

static void macro_stamp12(struct compose *c, struct slice arguments, struct strbuf *out)
{
    struct moment m = moment_of(c->sent);
    (void)arguments;
    strbuf_printf(out, "%04d%02d%02d%02d%02d", m.year, m.month, m.day, m.hour, m.minute);
}

static void macro_stamp(struct compose *c, struct slice arguments, struct strbuf *out)
{
    macro_stamp12(c, arguments, out);
    strbuf_printf(out, "%02d", moment_of(c->sent).second);
}

static void macro_epoch(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_printf(out, "%lld", (long long)c->sent);
}

/* The upper half of a FILETIME, which Outlook writes; SpamAssassin's HeaderEval.pm has the factor.
 */
static void macro_clock(struct compose *c, struct slice arguments, struct strbuf *out)
{
    uint32_t clock = (uint32_t)((double)c->sent * 0.0023283064365387 + 27111902.8329849);
    if (slice_eq(arguments, S("bad"))) {
        clock = (uint32_t)pcg_next(&c->random);
    }
    strbuf_printf(out, slice_eq(arguments, S("A")) ? "%08X" : "%08x", clock);
}

static void macro_ip(struct compose *c, struct slice arguments, struct strbuf *out)
{
    char text[IP_TEXT_BYTES];
    struct ip a = c->address;
    if (arguments.n) {
        a = ip_from_v4((uint32_t)pcg_between(&c->random, 0x3c000001, 0xdeffffff));
    }
    ip_text(a, text);
    strbuf_add_cstr(out, text);
}

static void macro_host_label(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add_cstr(out, c->host->label);
}

static void macro_host_name(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add_cstr(out, c->host_name[0] ? c->host_name : c->host->label);
}

static void macro_host_domain(struct compose *c, struct slice arguments, struct strbuf *out)
{
    const char *dot = strchr(c->host_name, '.');
    (void)arguments;
    strbuf_add_cstr(out, dot ? dot + 1 : "local");
}

static void macro_type(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    grammar_expand(&c->grammar, c->kind ? c->client->multi : c->client->leaf, out);
}

static void macro_sub(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add_cstr(out, c->sub ? c->sub : "plain");
}

static void macro_kind(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add_cstr(out, c->kind ? c->kind : "mixed");
}

static void macro_charset(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->charset);
}

static void macro_boundary(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->boundary);
}

static void macro_cte(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    c->is_dropped = c->is_dropped || c->kind;
    strbuf_add_cstr(out, c->cte ? c->cte : "");
}

static void macro_cid(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, c->cid);
}

static void macro_url(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    if (c->campaign) {
        grammar_expand(&c->grammar, c->campaign->url, out);
    }
}

static void macro_domain(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    if (c->campaign) {
        campaign_domain(c->campaign, c->seed, day_of(c->time), &c->random, out);
    }
}

static void macro_garbage(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    lexicon_domain(&c->random, true, out);
}

static void macro_book(struct compose *c, struct slice arguments, struct strbuf *out)
{
    uint64_t words = 20;
    struct slice number = slice_cut(&arguments, ' ');
    if (grammar_number(&c->random, number, &words)) {
        lexicon_book(&c->random, (size_t)words, arguments.n != 0, out);
    }
}

static void macro_noun(struct compose *c, struct slice arguments, struct strbuf *out)
{
    (void)arguments;
    strbuf_add(out, lexicon_word(&c->random, LEXICON_NOUN));
}

static bool macro(void *arg, struct slice name, struct slice arguments, struct strbuf *out)
{
    static const struct {
        struct slice name;
        macro_fn run;
    } MACROS[] = {
#define MACRO(name, run, doc) {SLICE(name), run},
#include "simulate/macro.def"
#undef MACRO
    };
    for (size_t i = 0; i < sizeof MACROS / sizeof *MACROS; i++) {
        if (slice_eq(MACROS[i].name, name)) {
            MACROS[i].run(arg, arguments, out);
            return true;
        }
    }
    return false;
}

/* ---- the message ---- */

struct slice compose_fill(struct compose *c, struct slice text)
{
    struct strbuf b = STRBUF_INIT;
    grammar_expand(&c->grammar, text, &b);
    struct slice s = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_free(&b);
    return s;
}

void compose_line_insert(struct compose *c, size_t at, struct slice name, struct slice value)
{
    if (c->count < COMPOSE_LINES && at <= c->count) {
        memmove(&c->lines[at + 1], &c->lines[at], (c->count - at) * sizeof *c->lines);
        c->lines[at] = (struct compose_line){name, value};
        c->count++;
    }
}

static void capital_add(struct strbuf *out, struct slice word)
{
    strbuf_add_byte(out, (char)(word.p[0] - 32));
    strbuf_add(out, slice_sub(word, 1, SIZE_MAX));
}

static void sender_draw(struct compose *c)
{
    struct pcg *r = &c->random;
    struct strbuf b = STRBUF_INIT;
    struct slice first = lexicon_word(r, LEXICON_FIRST), last = lexicon_word(r, LEXICON_LAST);
    unsigned person = c->campaign ? c->family->person : 0;
    lexicon_domain(r, pcg_chance(r, 0.3), &b);
    c->from_domain = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_clear(&b);
    capital_add(&b, first);
    strbuf_add_byte(&b, ' ');
    capital_add(&b, last);
    c->from_name = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_clear(&b);
    switch (pcg_below(r, 3)) {
    case 0:
        strbuf_printf(&b, "%.*s.%.*s", SLICE_ARG(first), SLICE_ARG(last));
        break;
    case 1:
        strbuf_printf(&b, "%.*s%u", SLICE_ARG(first), (unsigned)pcg_below(r, 1000));
        break;
    default:
        grammar_characters(r, 'a', 5 + pcg_below(r, 6), &b);
    }
    c->from_local = arena_copy(c->arena, strbuf_slice(&b));
    strbuf_free(&b);
    if (person == 1) {
        size_t at = slice_find_byte(c->to, '@');
        c->from_local = slice_sub(c->to, 0, at);
        c->from_domain = slice_sub(c->to, at + 1, SIZE_MAX);
    } else if (person == 2) {
        c->from_name = c->campaign->brand;
    }
}

/* One picture in variants: all of about one size, as an engine makes them out of one. */
static void picture_draw(struct compose *c)
{
    struct pcg base = pcg_keyed(c->seed, KIND_PICTURE, c->campaign->number, UINT64_MAX);
    uint64_t variant =
        c->campaign->images ? pcg_below(&c->random, c->campaign->images) : pcg_next(&c->random);
    struct pcg r = pcg_keyed(c->seed, KIND_PICTURE, c->campaign->number, variant);
    size_t n = 900 + pcg_below(&base, 2400);
    n += pcg_below(&r, n / 25);
    char *p = arena_alloc(c->arena, n);
    if (!p) {
        return;
    }
    memcpy(p, "GIF89a\x40\x01\xf0\x00\xf7\x00\x00", 13);
    for (size_t i = 13; i < n; i++) {
        p[i] = (char)pcg_next(&r);
    }
    c->image = slice_of(p, n);
    c->cid = compose_fill(c, S("{x 12}${clock a}${x 8}@{host.label}"));
}

static void content_write(struct compose *c)
{
    const struct campaign *k = c->campaign;
    if (!k) {
        struct strbuf subject = STRBUF_INIT, text = STRBUF_INIT;
        campaign_letter(&c->random, &subject, &text);
        c->subject = compose_fill(c, strbuf_slice(&subject));
        c->text = compose_fill(c, strbuf_slice(&text));
        strbuf_free(&subject);
        strbuf_free(&text);
        return;
    }
    struct slice subject = k->subjects[pcg_below(&c->random, k->subject_count)];
    c->subject = compose_fill(c, subject);
    if (k->layout == LAYOUT_IMAGE) {
        picture_draw(c);
    }
    c->text = compose_fill(c, k->text);
    c->html = k->html.n ? compose_fill(c, k->html) : (struct slice){0};
}

/* The family's X- fields in any order. */
static void lines_shuffle(struct compose *c)
{
    size_t at[COMPOSE_LINES], n = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (slice_istarts(c->lines[i].name, S("X-")) || slice_ieq(c->lines[i].name, S("To")) ||
            slice_ieq(c->lines[i].name, S("Date"))) {
            at[n++] = i;
        }
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = pcg_below(&c->random, i);
        struct compose_line swap = c->lines[at[i - 1]];
        c->lines[at[i - 1]] = c->lines[at[j]];
        c->lines[at[j]] = swap;
    }
}

static void header_write(struct compose *c)
{
    for (size_t i = 0; i < c->client->count; i++) {
        const struct family_field *f = &c->client->fields[i];
        if (f->percent < 100 && pcg_below(&c->random, 100) >= f->percent) {
            continue;
        }
        c->is_dropped = false;
        struct slice value = compose_fill(c, f->value), name = compose_fill(c, f->name);
        if (!c->is_dropped) {
            compose_line_insert(c, c->count, name, value);
        }
    }
    if (c->family->is_shuffled) {
        lines_shuffle(c);
    }
}

enum err compose_write(struct compose *c)
{
    c->grammar = (struct grammar){.random = &c->random,
                                  .machine = c->host->machine,
                                  .macro = macro,
                                  .arg = c,
                                  .open = '{',
                                  .close = '}'};
    /* Mail waits on the way; the machine's clock may be wrong. */
    c->sent = c->time - (int64_t)(pcg_exponential(&c->random) * 20) + c->host->clock_off;
    c->charset = c->family->charset;
    if (c->campaign && c->campaign->is_russian && !slice_eq(c->charset, S("utf-8"))) {
        c->charset = S("windows-1251");
    }
    sender_draw(c);
    c->helo = compose_fill(c, c->family->helo);
    compose_fill(c, S("{=i {x 8}}")); /* what Message-ID and boundary may share */
    content_write(c);
    c->boundary = compose_fill(c, c->client->boundary);
    compose_body(c);
    header_write(c);
    return c->body.failed ? ERR_NOMEM : OK;
}
