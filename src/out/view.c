/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/view.h"

#include "out/escape.h"

enum { NAME_COLUMNS = 16 };

void view_head(struct page *p, const char *title)
{
    page_newline(p);
    page_ink(p, INK_HEAD);
    page_printf(p, "%s", title);
    page_ink(p, INK_NONE);
    page_newline(p);
}

void view_field(struct page *p, const char *name, struct slice value)
{
    page_paragraph(p, name, NAME_COLUMNS, value.n ? value : S("-"));
}

void view_printf(struct page *p, const char *name, const char *fmt, ...)
{
    struct strbuf text = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    view_field(p, name, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

void view_redacted(struct page *p, const char *name, struct slice value)
{
    struct strbuf clean = STRBUF_INIT;
    redact_addresses(&clean, value);
    view_field(p, name, strbuf_slice(&clean));
    p->out.failed |= clean.failed;
    strbuf_free(&clean);
}
