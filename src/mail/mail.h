/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One message as a tree of parts over its raw bytes. Nothing is copied and nothing is normalised:
 * order, repeats, case, folding, line endings and 8-bit bytes stay as they came. Input is hostile;
 * there is no malformed message, only quirk bits and bounded results. */
#ifndef MAIL_MAIL_H
#define MAIL_MAIL_H

#include "core/arena.h"
#include "core/err.h"
#include "core/slice.h"

enum quirk_index {
#define QUIRK(id, name, text) QUIRK_INDEX_##id,
#include "mail/quirk.def"
#undef QUIRK
    QUIRK_COUNT
};

/* QUIRK_BARE_CR and so on are bits of a uint64_t. */
#define QUIRK_BIT(id) (UINT64_C(1) << QUIRK_INDEX_##id)

/* The name of quirk.def for an index below QUIRK_COUNT, and its sentence. */
const char *quirk_name(unsigned index);
const char *quirk_text(unsigned index);

enum header_id {
    HEADER_OTHER,
#define HEADER(id, name) HEADER_##id,
#include "mail/header_name.def"
#undef HEADER
    HEADER_ID_COUNT
};

struct header {
    struct slice name; /* as written, without the colon and the space before it */
    struct slice
        value; /* the raw bytes after the colon, inner folding kept, last line ending off */
    enum header_id id;
};

struct header_block {
    struct header *fields; /* in order, repeats kept; arena */
    size_t count;
    struct slice raw; /* all lines, with the empty line that ends them */
    uint64_t quirks;
};

enum cte { CTE_7BIT, CTE_8BIT, CTE_BINARY, CTE_QP, CTE_BASE64, CTE_UU, CTE_UNKNOWN, CTE_NONE };

struct part {
    struct header_block header; /* of part 0: the message's own */
    struct slice body;          /* raw, not decoded; without the line break before the boundary */
    struct slice type, subtype; /* lower case; "text" "plain" when absent or unreadable */
    struct slice charset;       /* lower case, as declared; empty when not declared */
    struct slice boundary;      /* as declared, unquoted, without white space at its end */
    struct slice filename; /* decoded to UTF-8 from Content-Disposition or Content-Type's name */
    enum cte cte;          /* CTE_NONE: no such field */
    bool is_attachment;    /* disposition attachment, or a filename on what is not text */
    int parent;            /* index of the enclosing part, -1 for part 0 */
    unsigned depth;
    uint64_t quirks; /* of this part alone */
    /* What part_decode and part_text gave, so that asking again is free. */
    struct slice decoded, text;
    bool has_decoded, has_text;
};

struct mail {
    struct slice raw;
    struct part *parts; /* pre-order; there is always part 0; arena */
    size_t part_count;
    uint64_t quirks; /* of all parts and of decoding so far */
    struct arena *arena;
    size_t decoded_bytes; /* so far; against LIMIT_DECODED_BYTES */
};

/* Parses; borrows `raw`, allocates from `arena`. ERR_NOMEM only. */
enum err mail_parse(struct mail *m, struct slice raw, struct arena *arena) MUST_USE;

/* Parses the header block at the start of `raw` alone (an importer's pre-pass, a MIME part). */
enum err header_block_parse(struct header_block *h, struct slice raw, struct arena *arena) MUST_USE;

/* The known field of a name (ASCII case aside). */
enum header_id header_id_of(struct slice name);

/* The first field of that id, or NULL. */
const struct header *header_find(const struct header_block *h, enum header_id id);

/* The value on one line: line breaks of folding taken out, trimmed, bounded by
 * LIMIT_HEADER_VALUE_BYTES. Borrows the raw bytes when there was no folding, else arena. Empty when
 * out of memory. */
struct slice header_unfold(struct slice value, struct arena *arena);

/* Unfolded, RFC 2047 encoded words decoded, as UTF-8 with U+FFFD for what cannot be. Adds to
 * *quirks (may be NULL). */
struct slice header_decode(struct slice value, struct arena *arena, uint64_t *quirks);

/* The first address of an address field: "addr" as written inside <> or bare, "name" decoded.
 * Either may be empty. */
struct mailbox {
    struct slice name;
    struct slice local;
    struct slice domain;
    struct slice addr; /* local@domain as written */
};
struct mailbox mailbox_first(struct slice value, struct arena *arena);
/* Number of addresses in an address field (bounded count of commas outside quotes and comments). */
size_t mailbox_count(struct slice value);

/* A parameter of a Content-Type or Content-Disposition value (RFC 2045, 2231 with continuations and
 * charset); empty when absent. */
struct slice mime_parameter(struct slice value, struct slice name, struct arena *arena,
                            uint64_t *quirks);

/* The transfer-decoded bytes of a leaf part (arena, or the raw body itself for 7bit/8bit/binary).
 * Bounded by LIMIT_DECODED_BYTES over the message; quirks go to the part and the message. */
struct slice part_decode(struct mail *m, struct part *p);

/* The text of a text part as UTF-8: decoded, charset converted, line endings as they came, at most
 * LIMIT_TEXT_BYTES. Empty for what is not text. */
struct slice part_text(struct mail *m, struct part *p);

/* text/..., and a multipart without a boundary or whose boundary never appears: clients show that
 * as text. */
bool part_is_text(const struct part *p);
bool part_is_multipart(const struct part *p);

#endif
