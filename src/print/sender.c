/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/sender.h"

#include "print/date_style.h"

enum {
    QUEUE_ID_MIN = 6, /* shorter queue ids would be found in anything */
    DATE_STYLE_BYTES = 48,
};

/* Did a relay of ours write this Message-ID? MTAs name themselves on its right side, or put the
 * queue id of their Received line into the left one (Postfix, sendmail, Exim). */
static bool msgid_is_relays(const struct msgid *id, const struct chain *c)
{
    for (size_t i = 0; c && i < c->trusted && i < c->count; i++) {
        const struct hop *hop = &c->hops[i];
        if (hop->by.n > 0 && slice_ieq(hop->by, id->right)) {
            return true;
        }
        if (hop->id.n >= QUEUE_ID_MIN && slice_find(id->left, hop->id) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* Takes a field in; false when it is a Message-ID of the receiving side. */
static bool sender_take(struct sender *s, const struct header *h, int row, const struct chain *c,
                        struct arena *arena)
{
    if (row == VALUE_MESSAGE_ID) {
        struct msgid id;
        if (msgid_parse(header_unfold(h->value, arena), &id)) {
            if (msgid_is_relays(&id, c)) {
                return false;
            }
            if (!s->has_msgid) {
                s->msgid = id;
                s->has_msgid = true;
            }
        }
    }
    if (row >= 0 && !s->value[row]) {
        s->value[row] = h;
    }
    return true;
}

/* A list server handled the message: its kind of fields go as well. */
static void sender_drop_list(struct sender *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (field_of(s->fields[i]->name).kind != FIELD_LIST) {
            s->fields[kept++] = s->fields[i];
        }
    }
    s->count = kept;
    s->value[VALUE_SENDER] = NULL;
}

static void sender_boundary(struct sender *s, const struct mail *m)
{
    for (size_t i = 0; i < m->part_count; i++) {
        if (m->parts[i].boundary.n > 0) {
            s->boundary = m->parts[i].boundary;
            s->boundary_class = boundary_class(s->boundary);
            return;
        }
    }
}

static enum err sender_values(struct sender *s, struct arena *arena)
{
    const struct header *h = s->value[VALUE_DATE];
    if (h) {
        char *p = arena_alloc(arena, DATE_STYLE_BYTES);
        struct shape_out o = {p, 0, DATE_STYLE_BYTES, false};
        if (!p) {
            return ERR_NOMEM;
        }
        s->date = slice_trim(header_unfold(h->value, arena));
        date_style(s->date, &o);
        s->date_style = shape_end(&o);
    }
    h = s->value[VALUE_X_MAILER] ? s->value[VALUE_X_MAILER] : s->value[VALUE_USER_AGENT];
    if (h) {
        s->mailer = slice_trim(header_unfold(h->value, arena));
        s->mailer_class = mailer_class(s->mailer);
    }
    if (s->value[VALUE_FROM]) {
        s->from = mailbox_first(s->value[VALUE_FROM]->value, arena);
    }
    if (s->value[VALUE_TO]) {
        s->to = mailbox_first(s->value[VALUE_TO]->value, arena);
    }
    return OK;
}

enum err sender_find(struct sender *s, const struct mail *m, const struct chain *c,
                     struct arena *arena)
{
    const struct header_block *block = &m->parts[0].header;
    size_t first = c ? c->relay_fields : 0;
    bool has_list_fields = false;
    *s = (struct sender){.fields =
                             arena_calloc(arena, block->count + 1, sizeof(const struct header *))};
    if (!s->fields) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < block->count; i++) {
        const struct header *h = &block->fields[i];
        struct field f = field_of(h->name);
        s->is_listed |= f.kind == FIELD_MARK;
        if (i < first || f.kind == FIELD_ALWAYS || f.kind == FIELD_MARK) {
            continue;
        }
        has_list_fields |= f.kind == FIELD_LIST;
        if (sender_take(s, h, f.row, c, arena)) {
            s->fields[s->count++] = h;
        }
    }
    if (s->is_listed && has_list_fields) {
        sender_drop_list(s);
    }
    sender_boundary(s, m);
    return sender_values(s, arena);
}
