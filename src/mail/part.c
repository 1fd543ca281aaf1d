/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is inside a part: transfer encoding undone, text as UTF-8. Each answer is kept in the part.
 */
#include "core/limits.h"
#include "mail/charset.h"
#include "mail/decode.h"
#include "mail/mail.h"

bool part_is_multipart(const struct part *p)
{
    return slice_eq(p->type, S("multipart"));
}

bool part_is_text(const struct part *p)
{
    return slice_eq(p->type, S("text")) ||
           (p->quirks & (QUIRK_BIT(MIME_NO_BOUNDARY) | QUIRK_BIT(MIME_NO_FIRST)));
}

static void part_quirks(struct mail *m, struct part *p, uint64_t quirks)
{
    p->quirks |= quirks;
    m->quirks |= quirks;
}

/* Counts what is kept against LIMIT_DECODED_BYTES; gives back what may be kept of it. */
static size_t mail_spend(struct mail *m, size_t n, uint64_t *quirks)
{
    size_t left = LIMIT_DECODED_BYTES - m->decoded_bytes;
    if (n > left) {
        *quirks |= QUIRK_BIT(DECODE_LIMIT);
        n = left;
    }
    m->decoded_bytes += n;
    return n;
}

static struct slice body_decode(struct mail *m, struct part *p, uint64_t *quirks)
{
    bool is_base64 = p->cte == CTE_BASE64;
    size_t room = is_base64 ? base64_room(p->body.n) : p->body.n;
    char *out = m->decoded_bytes < LIMIT_DECODED_BYTES ? arena_alloc(m->arena, room) : NULL;
    if (!out) {
        *quirks |= p->body.n ? QUIRK_BIT(DECODE_LIMIT) : 0;
        return slice_of(NULL, 0);
    }
    size_t n = is_base64          ? base64_decode(p->body, out, quirks)
               : p->cte == CTE_QP ? qp_decode(p->body, out, quirks)
                                  : uu_decode(p->body, out, quirks);
    n = mail_spend(m, n, quirks);
    (void)!arena_resize_last(m->arena, out, n);
    return slice_of(out, n);
}

struct slice part_decode(struct mail *m, struct part *p)
{
    if (!p->has_decoded) {
        uint64_t quirks = 0;
        bool is_coded = p->cte == CTE_BASE64 || p->cte == CTE_QP || p->cte == CTE_UU;
        p->decoded = is_coded ? body_decode(m, p, &quirks) : p->body;
        p->has_decoded = true;
        part_quirks(m, p, quirks);
    }
    return p->decoded;
}

struct slice part_text(struct mail *m, struct part *p)
{
    if (!p->has_text) {
        p->has_text = true;
        if (part_is_text(p)) {
            uint64_t quirks = 0;
            struct slice bytes = part_decode(m, p);
            size_t left = LIMIT_DECODED_BYTES - m->decoded_bytes;
            size_t bytes_max = left < LIMIT_TEXT_BYTES ? left : LIMIT_TEXT_BYTES;
            struct slice text = charset_to_utf8(bytes, p->charset, bytes_max, m->arena, &quirks);
            m->decoded_bytes += text.p != bytes.p ? text.n : 0;
            p->text = text;
            part_quirks(m, p, quirks);
        }
    }
    return p->text;
}
