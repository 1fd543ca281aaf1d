/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "simulate/campaign.h"

#include "simulate/grammar.h"
#include "simulate/kind.h"
#include "simulate/lexicon.h"

#include <stdio.h>

enum type_id {
#define TYPE(id, name, program) TYPE_##id,
#define PHRASE(type, role, text)
#include "simulate/campaign_type.def"
#undef TYPE
#undef PHRASE
    TYPE_COUNT
};

static const struct {
    const char *name;
    struct slice program;
} TYPES[] = {
#define TYPE(id, name, program) {name, SLICE(program)},
#define PHRASE(type, role, text)
#include "simulate/campaign_type.def"
#undef TYPE
#undef PHRASE
};

enum phrase_role { ROLE_SUBJECT, ROLE_OPEN, ROLE_BODY, ROLE_CALL, ROLE_CLOSE };
enum { ROLE_PHRASES = 12 };

static const struct {
    enum type_id type;
    enum phrase_role role;
    struct slice text;
} PHRASES[] = {
#define TYPE(id, name, program)
#define PHRASE(type, role, text) {TYPE_##type, ROLE_##role, SLICE(text)},
#include "simulate/campaign_type.def"
#undef TYPE
#undef PHRASE
};

static const struct {
    struct slice text;
    unsigned weight;
} URL_FORMS[] = {
#define URL_FORM(text, weight) {SLICE(text), weight},
#include "simulate/url_form.def"
#undef URL_FORM
};

static const char *const LAYOUTS[LAYOUT_COUNT] = {"text", "html", "image", "short", "book"};

const char *campaign_layout_name(enum campaign_layout l)
{
    return LAYOUTS[l];
}

/* ---- making ---- */

struct maker {
    struct campaign *c;
    struct pcg r;
    struct grammar frozen; /* [..] */
    struct arena *arena;
    double mess;
    bool is_ok;
};

static struct slice keep(struct maker *m, struct strbuf *b)
{
    struct slice s = arena_copy(m->arena, strbuf_slice(b));
    m->is_ok = m->is_ok && !b->failed && (s.p || b->n == 0);
    strbuf_free(b);
    return s;
}

/* `want` different phrases of a role, in the order of the draw. */
static size_t phrases_draw(struct maker *m, enum type_id type, enum phrase_role role, size_t want,
                           struct slice *out)
{
    struct slice all[ROLE_PHRASES];
    size_t count = 0;
    for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES && count < ROLE_PHRASES; i++) {
        if (PHRASES[i].type == type && PHRASES[i].role == role) {
            all[count++] = PHRASES[i].text;
        }
    }
    want = want < count ? want : count;
    for (size_t i = 0; i < want; i++) {
        size_t at = i + pcg_below(&m->r, count - i);
        struct slice swap = all[i];
        struct strbuf b = STRBUF_INIT;
        all[i] = all[at];
        all[at] = swap;
        grammar_expand(&m->frozen, all[i], &b);
        out[i] = keep(m, &b);
    }
    return want;
}

/* How a campaign's HTML is built: what stands around a paragraph and a link. */
struct skeleton {
    const char *begin, *paragraph, *link, *end;
};
static const struct skeleton SKELETONS[] = {
    {"<html>\n<body>\n", "<p>%s</p>\n", "<p><a href=\"%u\">%s</a></p>\n", "</body>\n</html>\n"},
    {"<HTML><BODY bgcolor=\"#FFFFFF\"><center>\n", "<FONT face=Arial size=2>%s</FONT><BR>\n",
     "<A href=\"%u\"><B>%s</B></A><BR>\n", "</center></BODY></HTML>\n"},
    {"<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.0 Transitional//EN\">\n<HTML><HEAD>\n<META "
     "http-equiv=Content-Type content=\"text/html\">\n</HEAD>\n<BODY>\n",
     "<DIV><FONT face=Arial size=2>%s</FONT></DIV>\n",
     "<DIV><A href=\"%u\">%s</A></DIV>\n<DIV>&nbsp;</DIV>\n", "</BODY></HTML>\n"},
    {"<table width=600 border=0><tr><td>\n", "<tr><td class=\"{n 4}\">%s</td></tr>\n",
     "<tr><td align=center><a href='%u'><img src='http://{domain}/{a 4-7}.gif' border=0></a><br>%s"
     "</td></tr>\n",
     "</table>\n"},
    {"<style>.{=k {a 3-6}}{color:#{x 6}}</style><div class={$k}>\n", "%s<br><br>\n",
     "<h3><a href=%u target=_blank>%s</a></h3>\n", "</div>\n"},
    {"<html><head><title>{a 5-9}</title></head><body "
     "style=\"font-family:{Arial|Verdana|Tahoma}\">\n",
     "<span style=\"color:#{x 6}\">%s</span><br/>\n", "<b><a href=\"%u\">%s</a></b><br/>\n",
     "<!-- {n 12-30} --></body></html>\n"},
    {"", "<b>%s</b><br>\n", "<a href=\"%u\">%s</a>\n", ""},
    {"<BODY><P align=center>\n", "<FONT size={1|2|3|4} color=#{x 6}>%s</FONT>\n",
     "<BR><BR><A href=\"%u\"><FONT size=5>%s</FONT></A><BR>\n",
     "<P><FONT color=#FFFFF{9|A|B|C|D|E}>{book 20-60}</FONT></P></BODY>\n"},
};

/* Appends the pattern with %s as the text and %u as the link. */
static void pattern_add(struct strbuf *out, const char *pattern, struct slice text)
{
    for (; *pattern; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 's') {
            strbuf_add(out, text);
            pattern++;
        } else if (pattern[0] == '%' && pattern[1] == 'u') {
            strbuf_add_cstr(out, "{url}");
            pattern++;
        } else {
            strbuf_add_byte(out, *pattern);
        }
    }
}

/* A call in HTML: the link takes the words in front of the address. */
static void call_add(struct strbuf *out, const struct skeleton *k, struct slice phrase)
{
    size_t at = slice_find(phrase, S("{url}"));
    if (at == SIZE_MAX) {
        pattern_add(out, k->paragraph, phrase);
        return;
    }
    struct slice words = slice_trim(slice_sub(phrase, 0, at));
    if (words.n && words.p[words.n - 1] == ':') {
        words.n--;
    }
    pattern_add(out, k->link, words.n ? words : S("{domain}"));
}

/* A paragraph as this campaign breaks it against comparisons: letters that are left out or doubled,
 * random tokens, a part that comes and goes. */
static struct slice paragraph_mess(struct maker *m, struct slice p)
{
    struct strbuf b = STRBUF_INIT;
    if (pcg_chance(&m->r, 0.12 * m->mess)) {
        strbuf_printf(&b, "{?%u %.*s}", (unsigned)pcg_between(&m->r, 40, 90), SLICE_ARG(p));
    } else if (pcg_chance(&m->r, 0.1 * m->mess)) {
        strbuf_printf(&b, "%.*s {n 4-9}", SLICE_ARG(p));
    } else {
        strbuf_add(&b, p);
    }
    return keep(m, &b);
}

static void bodies_make(struct maker *m, enum type_id type)
{
    struct campaign *c = m->c;
    struct slice open[1], body[5], call[2], close[1];
    struct strbuf text = STRBUF_INIT, html = STRBUF_INIT;
    const struct skeleton *k = &SKELETONS[pcg_below(&m->r, sizeof SKELETONS / sizeof *SKELETONS)];
    bool is_short = c->layout == LAYOUT_SHORT;
    size_t opens = phrases_draw(m, type, ROLE_OPEN, !is_short && pcg_chance(&m->r, 0.7), open);
    size_t most = is_short ? 1 : c->layout == LAYOUT_BOOK ? 1 : (size_t)pcg_between(&m->r, 2, 5);
    size_t count =
        phrases_draw(m, type, ROLE_BODY, is_short && pcg_chance(&m->r, 0.5) ? 0 : most, body);
    size_t calls =
        phrases_draw(m, type, ROLE_CALL, !is_short && pcg_chance(&m->r, 0.2) ? 2 : 1, call);
    size_t closes = phrases_draw(m, type, ROLE_CLOSE, !is_short && pcg_chance(&m->r, 0.5), close);
    const char *gap = pcg_chance(&m->r, 0.5) ? "\n\n" : "\n";
    bool is_padded = c->layout == LAYOUT_BOOK || pcg_chance(&m->r, 0.2 * m->mess);
    bool is_padded_first = is_padded && pcg_chance(&m->r, 0.4);
    const char *pad = c->layout == LAYOUT_BOOK ? "{book 60-160 lines}" : "{book 10-50 lines}";
    strbuf_add_cstr(&html, k->begin);
    if (is_padded_first) {
        strbuf_printf(&text, "%s\n\n", pad);
    }
    for (size_t i = 0; i < opens; i++) {
        strbuf_printf(&text, "%.*s%s", SLICE_ARG(open[i]), gap);
        pattern_add(&html, k->paragraph, open[i]);
    }
    for (size_t i = 0; i < count; i++) {
        struct slice p = paragraph_mess(m, body[i]);
        strbuf_printf(&text, "%.*s.%s", SLICE_ARG(p), gap);
        pattern_add(&html, k->paragraph, p);
    }
    for (size_t i = 0; i < calls; i++) {
        strbuf_printf(&text, "%.*s%s", SLICE_ARG(call[i]), gap);
        call_add(&html, k, call[i]);
    }
    for (size_t i = 0; i < closes; i++) {
        strbuf_printf(&text, "%.*s%s", SLICE_ARG(close[i]), gap);
        pattern_add(&html, k->paragraph, close[i]);
    }
    if (is_padded && !is_padded_first) {
        strbuf_printf(&text, "\n%s", pad);
        pattern_add(&html, k->paragraph, slice_cstr(pad));
    }
    if (pcg_chance(&m->r, 0.25 * m->mess)) {
        strbuf_add_cstr(&text, "\n{n 8-20}\n");
        strbuf_add_cstr(&html, "<font size=1>{n 8-20}</font>");
    }
    if (c->has_garbage) {
        strbuf_add_cstr(&text, "{?60 http://{garbage}/ }{?30 http://{garbage}/ }\n");
        strbuf_add_cstr(&html, "{?60 <a href=\"http://{garbage}/\"></a>}");
    }
    strbuf_add_cstr(&html, k->end);
    c->text = keep(m, &text);
    c->html = keep(m, &html);
}

static void image_make(struct maker *m)
{
    struct strbuf html = STRBUF_INIT;
    bool has_link = pcg_chance(&m->r, 0.5);
    /* What is in the picture stands nowhere else. */
    strbuf_add_cstr(&html, has_link ? "<HTML><BODY>\n<a href=\"{url}\"><IMG src=\"cid:{cid}\" "
                                      "border=0></a><BR>\n</BODY></HTML>\n"
                                    : "<HTML><BODY>\n<IMG alt=\"\" src=\"cid:{cid}\"><BR>\n"
                                      "</BODY></HTML>\n");
    m->c->html = keep(m, &html);
    m->c->text = S("{?50 {book 8-40}}\n");
    m->c->images = pcg_chance(&m->r, 0.5) ? 0 : (unsigned)pcg_between(&m->r, 1, 6);
}

static struct slice url_make(struct maker *m)
{
    struct strbuf b = STRBUF_INIT;
    uint64_t sum = 0, at;
    size_t i;
    for (i = 0; i < sizeof URL_FORMS / sizeof *URL_FORMS; i++) {
        sum += URL_FORMS[i].weight;
    }
    at = pcg_below(&m->r, sum);
    for (i = 0; at >= URL_FORMS[i].weight; i++) {
        at -= URL_FORMS[i].weight;
    }
    grammar_expand(&m->frozen, URL_FORMS[i].text, &b);
    return keep(m, &b);
}

enum err campaign_make(struct campaign *out, uint64_t seed, size_t number, double mess,
                       struct arena *arena)
{
    static const unsigned DAYS[] = {1, 1, 2, 4, 7, 30, 3650};
    struct maker m = {.c = out,
                      .r = pcg_keyed(seed, KIND_CAMPAIGN, number, 0),
                      .arena = arena,
                      .mess = mess,
                      .is_ok = true};
    char name[32];
    struct strbuf brand = STRBUF_INIT;
    m.frozen = (struct grammar){.random = &m.r, .open = '[', .close = ']'};
    enum type_id type = (enum type_id)pcg_below(&m.r, TYPE_COUNT);
    double layout = pcg_real(&m.r);
    *out = (struct campaign){.type = TYPES[type].name,
                             .program = TYPES[type].program,
                             .number = number,
                             .is_russian = type == TYPE_RUSSIAN};
    out->layout = layout < 0.36   ? LAYOUT_TEXT
                  : layout < 0.74 ? LAYOUT_HTML
                  : layout < 0.85 ? LAYOUT_IMAGE
                  : layout < 0.94 ? LAYOUT_SHORT
                                  : LAYOUT_BOOK;
    out->domain_days =
        pcg_chance(&m.r, 0.08 * mess) ? 0 : DAYS[pcg_below(&m.r, sizeof DAYS / sizeof *DAYS)];
    out->domains = (unsigned)pcg_between(&m.r, 1, 12);
    out->domain_pool = pcg_chance(&m.r, 0.1 * mess) ? UINT64_MAX - (uint64_t)type : number;
    out->has_garbage = pcg_chance(&m.r, 0.08 * mess);
    out->url = url_make(&m);
    out->subject_count =
        phrases_draw(&m, type, ROLE_SUBJECT, (size_t)pcg_between(&m.r, 1, 3), out->subjects);
    strbuf_add(&brand, lexicon_word(&m.r, LEXICON_DOMAIN));
    strbuf_add_byte(&brand, ' ');
    strbuf_add(&brand, lexicon_word(&m.r, LEXICON_DOMAIN));
    out->brand = keep(&m, &brand);
    if (out->layout == LAYOUT_IMAGE) {
        image_make(&m);
    } else {
        bodies_make(&m, type);
        if (out->layout == LAYOUT_TEXT || (out->layout != LAYOUT_HTML && pcg_chance(&m.r, 0.6))) {
            out->html = S("");
        }
    }
    snprintf(name, sizeof name, "campaign-%03zu", number);
    out->name = arena_copy(arena, slice_cstr(name));
    return m.is_ok && out->name.p ? OK : ERR_NOMEM;
}

void campaign_domain(const struct campaign *c, uint64_t seed, int64_t day, struct pcg *r,
                     struct strbuf *out)
{
    if (c->domain_days == 0) {
        lexicon_domain(r, true, out);
        return;
    }
    uint64_t period = (uint64_t)day / c->domain_days;
    uint64_t which = pcg_below(r, c->domains);
    struct pcg d = pcg_keyed(seed, KIND_DOMAIN, c->domain_pool, period << 8 | which);
    lexicon_domain(&d, false, out);
}

void campaign_letter(struct pcg *r, struct strbuf *subject, struct strbuf *text)
{
    static const char *const SUBJECTS[] = {
        "Re: {noun}",         "{noun} and {noun}", "meeting {9 1-2}.{9 1}",
        "Re: Re: the {noun}", "Fwd: {noun} {9 4}", "question"};
    strbuf_add_cstr(subject, SUBJECTS[pcg_below(r, sizeof SUBJECTS / sizeof *SUBJECTS)]);
    strbuf_add_cstr(text,
                    "{Hi|Hello|Dear} {to.local},\n\n{book 15-120 lines}\n\n{?40 > {book 10-40 "
                    "lines}\n\n}{?30 http://www.{a 5-9}.{org|net|com}/{a 3-8}/\n\n}"
                    "{Regards|Thanks|Cheers|Bye},\n{from.name}\n{?30 -- \n{from.name}, "
                    "{a 5-9} {Inc|Ltd|GmbH}\n}");
}
