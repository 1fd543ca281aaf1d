/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/message_list.h"

#include "out/message.h"

#include <stdlib.h>

enum {
    ID_COLUMNS = 16, /* enough for `message ID`; the structured forms have all 32 digits */
    TIME_COLUMNS = 20,
    COUNTRY_COLUMNS = 2,
    POSTERIOR_COLUMNS = 4,
    GAP = 2,
    WIDE = 76 /* columns from which on there is room for country and posterior */
};

struct message_list {
    FILE *f;
    struct printer *printer; /* NULL: text */
    struct page page;
    size_t trap, botnet; /* columns */
    bool is_wide, failed;
};

/* A line's text leaves at once, so that a long list takes no memory. */
static void line_end(struct message_list *l)
{
    struct strbuf *out = &l->page.out;
    page_newline(&l->page);
    l->failed |= out->failed || fwrite(out->p, 1, out->n, l->f) != out->n;
    strbuf_clear(out);
}

static void line_print(struct message_list *l, struct slice id, struct slice when,
                       struct slice trap, struct slice country, struct slice botnet,
                       struct slice posterior)
{
    struct page *p = &l->page;
    page_cell(p, id, ID_COLUMNS, false);
    page_cell(p, S(""), GAP, false);
    page_cell(p, when, TIME_COLUMNS + GAP, false);
    page_cell(p, trap, l->trap, false);
    page_cell(p, S(""), GAP, false);
    if (l->is_wide) {
        page_cell(p, country, COUNTRY_COLUMNS + GAP, false);
    }
    page_cell(p, botnet, l->botnet, false);
    if (l->is_wide) {
        page_cell(p, posterior, GAP + POSTERIOR_COLUMNS, true);
    }
}

static void list_begin(struct message_list *l)
{
    if (!l->printer) {
        page_ink(&l->page, INK_HEAD);
        line_print(l, S("id"), S("received"), S("trap"), S("in"), S("botnet"), S("p"));
        page_ink(&l->page, INK_NONE);
        line_end(l);
        return;
    }
    print_map_begin(l->printer);
    print_key(l->printer, "format_version");
    print_unsigned(l->printer, MESSAGE_FORMAT_VERSION);
    print_key(l->printer, "kind");
    print_text(l->printer, S("messages"));
    print_key(l->printer, "messages");
    print_list_begin(l->printer);
}

struct message_list *message_list_new(FILE *f, enum out_format format,
                                      const struct report_style *style)
{
    struct message_list *l = calloc(1, sizeof *l);
    if (!l) {
        return NULL;
    }
    l->f = f;
    if (format == OUT_TEXT) {
        l->page = page_new(style);
        l->is_wide = l->page.width >= WIDE;
        size_t used = ID_COLUMNS + TIME_COLUMNS + 3 * GAP;
        used += l->is_wide ? COUNTRY_COLUMNS + POSTERIOR_COLUMNS + 2 * GAP : 0;
        l->trap = (l->page.width - used) / 2;
        l->botnet = l->page.width - used - l->trap;
    } else {
        l->printer = printer_new(format, f);
    }
    list_begin(l);
    return l;
}

static void row_print(struct printer *p, const struct message_row *m, const char *hex)
{
    print_map_begin(p);
    print_key(p, "id");
    print_text(p, slice_cstr(hex));
    print_key(p, "received");
    if (m->clock == CLOCK_NONE) {
        print_null(p);
    } else {
        print_time(p, m->received);
    }
    print_key(p, "trap");
    print_text_or_null(p, m->trap);
    print_key(p, "country");
    print_text_or_null(p, m->country);
    print_key(p, "botnet");
    print_text(p, m->botnet.name.n ? m->botnet.name : S("unknown"));
    print_key(p, "posterior");
    if (m->botnet.best.n) {
        print_number(p, m->botnet.posterior, 4);
    } else {
        print_null(p);
    }
    print_map_end(p);
}

void message_list_add(struct message_list *l, const struct message_row *m)
{
    char hex[33], when[21], posterior[32];
    id128_hex(m->id, hex);
    if (l->printer) {
        row_print(l->printer, m, hex);
        return;
    }
    time_rfc3339(m->received, when);
    double p = m->botnet.posterior;
    snprintf(posterior, sizeof posterior, p > 0.995 && p < 1 ? ">.99" : "%.2f", p);
    line_print(l, slice_of(hex, ID_COLUMNS), m->clock == CLOCK_NONE ? S("-") : slice_cstr(when),
               m->trap, m->country.n ? m->country : S("-"),
               m->botnet.name.n ? m->botnet.name : S("unknown"),
               m->botnet.best.n ? slice_cstr(posterior) : S("-"));
    line_end(l);
}

bool message_list_end(struct message_list *l, bool has_more)
{
    bool ok = !l->failed;
    if (l->printer) {
        print_list_end(l->printer);
        print_key(l->printer, "has_more");
        print_boolean(l->printer, has_more);
        print_map_end(l->printer);
        ok = printer_end(l->printer);
    } else {
        ok = fflush(l->f) == 0 && ok;
        strbuf_free(&l->page.out);
    }
    free(l);
    return ok;
}
