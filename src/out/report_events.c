/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Annotations are the operator's own files, but they are often copied from elsewhere: their text is
 * escaped like any other. */
#include "out/report_events.h"

#include "out/escape.h"
#include "out/human.h"

enum { EVENT_INDENT = 12 };

static void names_add(struct strbuf *text, const char *what, const struct slice *names,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_add_cstr(text, i ? ", " : text->n ? "; " : "");
        strbuf_add_cstr(text, i ? "" : what);
        strbuf_add(text, names[i]);
    }
}

static void event_text(struct page *p, const struct annotation *a)
{
    struct strbuf text = STRBUF_INIT, date = STRBUF_INIT;
    escape_fit(&date, a->date, EVENT_INDENT - 2, p->use_utf8);
    strbuf_printf(&text, "%s: ", annotation_kind_name(a->kind));
    strbuf_add(&text, a->title);
    page_paragraph(p, strbuf_cstr(&date), EVENT_INDENT, strbuf_slice(&text));
    strbuf_clear(&text);
    names_add(&text, "", a->botnets, a->botnet_count);
    names_add(&text, a->program_count == 1 ? "program " : "programs ", a->programs,
              a->program_count);
    if (text.n) {
        page_paragraph(p, "", EVENT_INDENT, strbuf_slice(&text));
    }
    /* Whole, also when it is wider than the page: it is there to be copied. */
    page_cell(p, S(""), EVENT_INDENT, false);
    page_ink(p, INK_DIM);
    page_escaped(p, a->source);
    page_ink(p, INK_NONE);
    page_newline(p);
    p->out.failed |= text.failed || date.failed;
    strbuf_free(&text);
    strbuf_free(&date);
}

void report_events_text(struct page *p, const struct report *r)
{
    const struct annotation *shown[REPORT_EVENTS];
    size_t n = annotations_pick(&r->annotations, REPORT_EVENTS, shown);
    char number[HUMAN_BYTES];
    if (!n) {
        return;
    }
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "Events in this period");
    page_ink(p, INK_NONE);
    page_newline(p);
    for (size_t i = 0; i < n; i++) {
        event_text(p, shown[i]);
    }
    if (r->annotations.count > n) {
        page_ink(p, INK_DIM);
        page_printf(p, "%s more; -f json has them all.",
                    human_count(number, r->annotations.count - n));
        page_ink(p, INK_NONE);
        page_newline(p);
    }
}

static void names_print(struct printer *p, const char *key, const struct slice *names, size_t count)
{
    print_key(p, key);
    print_list_begin(p);
    for (size_t i = 0; i < count; i++) {
        print_text(p, names[i]);
    }
    print_list_end(p);
}

void report_event_print(struct printer *p, const struct annotation *a)
{
    print_key(p, "date");
    print_text(p, a->date);
    print_key(p, "since");
    print_time(p, a->since);
    print_key(p, "until");
    print_time(p, a->until);
    print_key(p, "kind");
    print_text(p, slice_cstr(annotation_kind_name(a->kind)));
    print_key(p, "title");
    print_text(p, a->title);
    names_print(p, "botnets", a->botnets, a->botnet_count);
    names_print(p, "programs", a->programs, a->program_count);
    print_key(p, "effect");
    print_text_or_null(p, a->effect);
    print_key(p, "source");
    print_text(p, a->source);
}
