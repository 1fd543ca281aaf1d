/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Received line. RFC 5321 4.4 gives the clauses (from, by, via, with, id, for; date), each MTA
 * puts what it knows of the client into comments of its own shape. So: cut the line into words,
 * address literals, comments and semicolons; walk the clauses; read the comments of the from clause
 * by what they hold. No regular expressions, no going back: linear in the line.
 *
 * Whatever the client could choose (HELO, ident, a certificate's name) must never be read as its
 * address: see client_read(). All slices borrow from the line. */
#include "mail/received.h"

#include "core/vec.h"
#include "mail/date.h"

enum {
    TOKENS_MAX = 48, /* of one line; a long real one (Exchange, TLS comments) has about 30 */
    COMMENT_DEPTH_MAX = 16,
    ITEMS_MAX = 24, /* of one comment */
};

enum form {
#define FORM(id, name) FORM_##id,
#include "mail/received_form.def"
#undef FORM
};

static const char *const FORM_NAMES[] = {
#define FORM(id, name) [FORM_##id] = name,
#include "mail/received_form.def"
#undef FORM
};

enum token_kind { TOKEN_WORD, TOKEN_LITERAL, TOKEN_COMMENT, TOKEN_SEMICOLON };

struct token {
    enum token_kind kind;
    struct slice text; /* without the brackets or parentheses */
};

struct line {
    struct token tokens[TOKENS_MAX];
    size_t count;
    struct slice first_tail, last_tail; /* after the first and last semicolon outside comments */
    bool has_tail;
};

/* ---- cutting ---- */

enum { CLASS_WORD, CLASS_SPACE, CLASS_OPEN, CLASS_CLOSE, CLASS_SEMICOLON, CLASS_BRACKET };

static const uint8_t CLASS[256] = {
    ['\t'] = CLASS_SPACE,    ['\n'] = CLASS_SPACE,  ['\v'] = CLASS_SPACE, ['\f'] = CLASS_SPACE,
    ['\r'] = CLASS_SPACE,    [' '] = CLASS_SPACE,   ['('] = CLASS_OPEN,   [')'] = CLASS_CLOSE,
    [';'] = CLASS_SEMICOLON, ['['] = CLASS_BRACKET,
};

static unsigned class_of(char c)
{
    return CLASS[(unsigned char)c];
}

/* The end (its closing parenthesis) of the comment that opens at `p`, or NULL. */
static const char *comment_end(const char *p, const char *end)
{
    static const bool IS_SPECIAL[256] = {['('] = true, [')'] = true, ['\\'] = true};
    unsigned depth = 0;
    for (; p < end; p++) {
        if (end - p >= (ptrdiff_t)sizeof(vec)) {
            vec v = vec_load(p);
            p += vec_first((vec)(v == '(') | (vec)(v == ')') | (vec)(v == '\\'));
            if (p == end) {
                return NULL;
            }
        }
        if (!IS_SPECIAL[(uint8_t)*p]) {
            continue;
        }
        if (*p == '\\') {
            p++;
        } else if (*p == ')') {
            if (--depth == 0) {
                return p;
            }
        } else if (++depth > COMMENT_DEPTH_MAX) {
            return NULL;
        }
    }
    return NULL;
}

/* A word runs to white space, a parenthesis, a semicolon, or the bracket of an address literal; in
 * "<id@[192.0.2.1]>" and "user@[192.0.2.1]" the bracket belongs to the word. */
static const char *word_end(const char *p, const char *end)
{
    const char *start = p;
    for (; p < end; p++) {
        if (end - p >= (ptrdiff_t)sizeof(vec)) {
            vec v = vec_load(p);
            p += vec_first((vec)(v == ' ') | (vec)((vec)(v - '\t') <= '\r' - '\t') |
                           (vec)((vec)(v & 0xfe) == '(') | (vec)(v == ';') | (vec)(v == '['));
            if (p == end) {
                return p;
            }
        }
        unsigned class = class_of(*p);
        if (class != CLASS_WORD &&
            (class != CLASS_BRACKET || (p > start && p[-1] != '@' && *start != '<'))) {
            break;
        }
    }
    return p;
}

static void token_add(struct line *l, enum token_kind kind, const char *p, const char *end)
{
    if (kind == TOKEN_WORD) {
        while (end > p && end[-1] == ',') {
            end--;
        }
        if (end == p) {
            return;
        }
    }
    if (l->count < TOKENS_MAX) {
        l->tokens[l->count++] = (struct token){kind, slice_span(p, end)};
    }
}

static void line_cut(struct line *l, struct slice s)
{
    const char *p = s.p, *end = s.p + s.n;
    bool is_balanced = true; /* after one comment that never closes parentheses mean nothing */
    l->count = 0;
    l->has_tail = false;
    while (p < end) {
        const char *stop;
        switch (class_of(*p)) {
        case CLASS_OPEN:
            stop = is_balanced ? comment_end(p, end) : NULL;
            is_balanced = stop != NULL;
            if (stop) {
                token_add(l, TOKEN_COMMENT, p + 1, stop);
                p = stop;
            }
            p++;
            break;
        case CLASS_SEMICOLON:
            token_add(l, TOKEN_SEMICOLON, p, p + 1);
            l->last_tail = slice_span(p + 1, end);
            if (!l->has_tail) {
                l->first_tail = l->last_tail;
            }
            l->has_tail = true;
            p++;
            break;
        case CLASS_BRACKET:
            for (stop = p + 1; stop < end && *stop != ']' && class_of(*stop) == CLASS_WORD;) {
                stop++;
            }
            token_add(l, TOKEN_LITERAL, p + 1, stop);
            p = stop + (stop < end && *stop == ']');
            break;
        case CLASS_WORD:
            stop = word_end(p, end);
            token_add(l, TOKEN_WORD, p, stop);
            p = stop;
            break;
        default:
            p++;
        }
    }
}

/* ---- words ---- */

enum keyword {
    KEY_NONE,
    KEY_FROM,
    KEY_BY,
    KEY_VIA,
    KEY_WITH,
    KEY_ID,
    KEY_FOR,
    KEY_TLS,
    KEY_SENDER
};

#define PACK2(a, b)       ((uint32_t)(a) << 8 | (uint32_t)(b))
#define PACK4(a, b, c, d) (PACK2(a, b) << 16 | PACK2(c, d))

static enum keyword keyword_of(const struct token *t)
{
    struct slice w = t->text;
    uint32_t letters = 0;
    if (t->kind != TOKEN_WORD || w.n < 2) {
        return KEY_NONE;
    }
    if (w.n > 4) {
        return w.n == 13 && slice_ieq(w, S("envelope-from")) ? KEY_SENDER : KEY_NONE;
    }
    for (size_t i = 0; i < w.n; i++) { /* only letters become lower-case letters by this bit */
        letters = letters << 8 | (uint8_t)w.p[i] | 0x20;
    }
    switch (letters) {
    case PACK4('f', 'r', 'o', 'm'):
        return KEY_FROM;
    case PACK2('b', 'y'):
        return KEY_BY;
    case PACK4(0, 'v', 'i', 'a'):
        return KEY_VIA;
    case PACK4('w', 'i', 't', 'h'):
        return KEY_WITH;
    case PACK2('i', 'd'):
        return KEY_ID;
    case PACK4(0, 'f', 'o', 'r'):
        return KEY_FOR;
    case PACK4(0, 't', 'l', 's'):
        return KEY_TLS;
    default:
        return KEY_NONE;
    }
}

/* A table of beginnings, sorted by their first letter in lower case. */
struct prefix {
    struct slice start;
    int value;
};

/* The value of the first entry that `s` begins with (ASCII case aside), or -1. */
static int prefix_find(const struct prefix *table, size_t count, struct slice s)
{
    size_t low = 0, high = count;
    if (s.n == 0) {
        return -1;
    }
    int first = (uint8_t)s.p[0] | 0x20; /* a letter's lower case; of the table all are letters */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((table[middle].start.p[0] | 0x20) < first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count && (table[low].start.p[0] | 0x20) == first; low++) {
        if (slice_istarts(s, table[low].start)) {
            return table[low].value;
        }
    }
    return -1;
}

#define PREFIX_FIND(table, s) prefix_find((table), sizeof(table) / sizeof *(table), (s))

/* What writers put in the place of a name that they do not know. */
static bool is_unknown(struct slice name)
{
    static const struct slice WORDS[] = {SLICE("unknown"),     SLICE("unverified"),
                                         SLICE("UnknownHost"), SLICE("unknown-host"),
                                         SLICE("HELO"),        SLICE("source")};
    char first = name.n ? ascii_lower(name.p[0]) : '\0';
    if (first != 'u' && first != 'h' && first != 's') {
        return name.n == 0;
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (slice_ieq(name, WORDS[i])) {
            return true;
        }
    }
    return false;
}

/* "<a@b>" as "a@b". */
static struct slice unbracket(struct slice s)
{
    if (s.n && s.p[0] == '<') {
        s = slice_sub(s, 1, SIZE_MAX);
        s.n = slice_find_byte(s, '>');
    }
    return s;
}

static struct slice without_dot(struct slice name)
{
    if (name.n > 1 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    return name;
}

/* An address with what writers hang on it: "192.0.2.1", "192.0.2.1:25", "IPv6:2001:db8::1",
 * "2001:db8::1%eth0". */
static bool address_read(struct slice s, struct ip *out)
{
    if (s.n < 2 || (ascii_hex(s.p[0]) < 0 && s.p[0] != ':' && ascii_lower(s.p[0]) != 'i')) {
        return false;
    }
    if (ip_parse(s, out)) {
        return true;
    }
    size_t colon = slice_find_byte(s, ':'), percent = slice_find_byte(s, '%');
    if (percent < s.n) {
        return ip_parse(slice_sub(s, 0, percent), out);
    }
    return colon < s.n && memchr(s.p, '.', colon) && ip_parse(slice_sub(s, 0, colon), out);
}

/* ---- the client ---- */

/* What one comment of the from clause says. */
struct client {
    struct slice helo; /* "HELO x", "helo=x" */
    struct slice name;
    struct ip addr;
    bool has_addr, has_helo;
    bool is_helo_pair; /* "helo=x": Exim's way */
    bool is_literal;   /* the address stood in brackets */
    bool is_forged;    /* sendmail: the name does not point back */
    bool is_local;     /* "user@localhost", "[unix socket]", "[local]" */
};

/* Comments that hold what the client chose (a certificate's name) or nothing about it. */
static bool comment_is_other(struct slice c)
{
    static const struct prefix STARTS[] = {
        {SLICE("authenticated"), 1}, {SLICE("AUTH:"), 1},        {SLICE("Client "), 1},
        {SLICE("cipher"), 1},        {SLICE("envelope-"), 1},    {SLICE("encrypted"), 1},
        {SLICE("misconfigured"), 1}, {SLICE("No client"), 1},    {SLICE("not verified"), 1},
        {SLICE("proxying for"), 1},  {SLICE("SquirrelMail"), 1}, {SLICE("SSL"), 1},
        {SLICE("SMTPD"), 1},         {SLICE("sender "), 1},      {SLICE("see "), 1},
        {SLICE("smtp-auth"), 1},     {SLICE("TLS"), 1},          {SLICE("using "), 1},
        {SLICE("version="), 1}};
    return PREFIX_FIND(STARTS, c) > 0;
}

/* "name", "address", "[address]", "name[address]:port", each perhaps after "ident@". The ident is
 * the client's word, so only what follows the last "@" is looked at. */
static void item_read(struct client *c, struct slice item)
{
    size_t at = item.n;
    while (at > 0 && item.p[at - 1] != '@') {
        at--;
    }
    struct slice rest = slice_sub(item, at, SIZE_MAX);
    size_t bracket = slice_find_byte(rest, '[');
    bool had_addr = c->has_addr;
    if (bracket < rest.n) {
        struct slice inner = slice_sub(rest, bracket + 1, SIZE_MAX);
        inner.n = slice_find_byte(inner, ']');
        if (!had_addr && address_read(inner, &c->addr)) {
            c->has_addr = c->is_literal = true;
        } else if (slice_ieq(inner, S("local")) || slice_ieq(inner, S("unix"))) {
            c->is_local = true; /* OpenSMTPD's and Cyrus' sockets */
        }
        rest.n = bracket;
    } else if (!had_addr && address_read(rest, &c->addr)) {
        c->has_addr = true;
        return;
    }
    if (rest.n && !c->name.n && !had_addr) {
        c->name = without_dot(rest);
        c->is_local |= at > 0 && slice_ieq(rest, S("localhost"));
    }
}

static bool is_helo_word(struct slice w)
{
    return slice_ieq(w, S("HELO")) || slice_ieq(w, S("EHLO")) || slice_ieq(w, S("LHLO"));
}

static void comment_read(struct client *c, struct slice comment)
{
    for (unsigned items = 0; items < ITEMS_MAX; items++) {
        while (comment.n && (ascii_is_space(comment.p[0]) || comment.p[0] == '(')) {
            comment = slice_sub(comment, 1, SIZE_MAX);
        }
        size_t n = 0;
        while (n < comment.n && class_of(comment.p[n]) != CLASS_SPACE) {
            n++;
        }
        if (n == 0) {
            return;
        }
        struct slice item = slice_of(comment.p, n);
        comment = slice_sub(comment, n, SIZE_MAX);
        if (is_helo_word(item)) {
            comment = slice_trim(comment);
            size_t end = slice_find_byte(comment, ' ');
            c->helo = slice_sub(comment, 0, end);
            c->has_helo = true;
            return; /* what follows is still the client's word */
        } else if (slice_istarts(item, S("helo="))) {
            c->helo = slice_sub(item, 5, SIZE_MAX);
            c->has_helo = c->is_helo_pair = true;
        } else if (slice_ieq(item, S("may"))) {
            c->is_forged = slice_istarts(slice_trim(comment), S("be forged"));
            return;
        } else if (slice_ieq(item, S("account"))) { /* CommuniGate: "(account user HELO x)" */
            comment = slice_trim(comment);
            comment = slice_sub(comment, slice_find_byte(comment, ' '), SIZE_MAX);
        } else if (slice_ieq(item, S("verified")) || slice_ieq(item, S("unverified")) ||
                   slice_find_byte(item, '=') < item.n) {
            continue;
        } else {
            item_read(c, item);
        }
    }
}

/* The first word or literal of the clause, the literal behind it ("from host [192.0.2.1] by"), and
 * what the comments say. */
struct from_clause {
    struct slice word, literal;
    bool is_word_literal;
    struct client said;
};

static struct from_clause from_read(const struct line *l, size_t start, size_t end)
{
    struct from_clause f = {0};
    for (size_t i = start; i < end; i++) {
        const struct token *t = &l->tokens[i];
        if (t->kind == TOKEN_COMMENT) {
            if (!comment_is_other(t->text)) {
                struct client c = f.said;
                comment_read(&c, t->text);
                if (f.said.has_addr) { /* the first address counts, names go with it */
                    c.name = f.said.name;
                }
                f.said = c;
            }
        } else if (i == start) {
            f.word = t->text;
            f.is_word_literal = t->kind == TOKEN_LITERAL;
        } else if (t->kind == TOKEN_LITERAL && !f.literal.n) {
            f.literal = t->text;
        }
    }
    return f;
}

/* Who is who in "from WORD (COMMENTS)" depends on the MTA; the comments' shape mostly tells which:
 *   Postfix, sendmail ...  from HELO (PTR [addr])      from HELO ([addr])
 *   Exim                   from PTR ([addr] helo=HELO)  from [addr] (helo=HELO)   from PTR ([addr])
 *   qmail and kin          from PTR (HELO HELO) (addr)  from PTR (addr)
 *   IMail, fetchmail       from HELO [addr]
 * A literal as WORD with an address in a comment is the HELO, except where the comment says HELO
 * itself. */
static void client_read(struct hop *h, enum form form, const struct line *l, size_t start,
                        size_t end)
{
    struct from_clause f = from_read(l, start, end);
    const struct client *c = &f.said;
    struct ip addr;
    struct slice none = slice_of(h->raw.p, 0);
    bool is_word_addr = address_read(f.word, &addr);
    bool is_ptr_first = c->has_helo || form == FORM_EXIM || form == FORM_SMARTERMAIL ||
                        (c->has_addr && !c->is_literal && !c->name.n && form == FORM_GENERIC) ||
                        (form == FORM_QMAIL && !c->name.n);

    h->is_ptr_doubtful = c->is_forged;
    if (c->is_local && !c->has_addr) { /* Cyrus takes mail from the MTA by a socket, too */
        h->is_local = true;
        h->is_pickup = !slice_istarts(h->protocol, S("LMTP"));
    }
    h->addr = c->addr;
    h->has_addr = c->has_addr;
    if (!h->has_addr && f.literal.n && address_read(f.literal, &h->addr)) {
        h->has_addr = true;
    } else if (!h->has_addr && is_word_addr) {
        h->addr = addr;
        h->has_addr = true;
        f.word = none;
    }
    if (is_ptr_first) {
        h->helo = c->helo;
        h->ptr = is_word_addr || f.is_word_literal ? c->name : without_dot(f.word);
    } else {
        h->ptr = c->name;
        h->helo = f.word;
        if (f.is_word_literal && f.word.n) { /* the HELO verbatim, with its brackets */
            const char *stop = f.word.p + f.word.n;
            bool is_closed = stop < h->raw.p + h->raw.n && *stop == ']';
            h->helo = slice_span(f.word.p - 1, stop + is_closed);
        }
    }
    if (is_unknown(h->ptr)) {
        h->ptr = none;
    }
    if (!is_ptr_first && slice_eq(h->helo, S("source"))) { /* Postini hides the HELO */
        h->helo = none;
    }
}

/* ---- the other clauses ---- */

/* The value of "key=" in a comment, up to white space, a comma or a semicolon. */
static struct slice pair_value(struct slice comment, struct slice key)
{
    size_t at = slice_find(comment, key);
    if (at == SIZE_MAX) {
        return slice_of(comment.p, 0);
    }
    struct slice value = slice_sub(comment, at + key.n, SIZE_MAX);
    size_t n = 0;
    while (n < value.n && !ascii_is_space(value.p[n]) && value.p[n] != ',' && value.p[n] != ';') {
        n++;
    }
    return slice_sub(value, 0, n);
}

static struct slice first_word(struct slice s)
{
    size_t n = 0;
    s = slice_trim(s);
    while (n < s.n && !ascii_is_space(s.p[n]) && s.p[n] != ',') {
        n++;
    }
    return slice_sub(s, 0, n);
}

/* Version or cipher of a comment that speaks of TLS; empty for others. */
static struct slice tls_read(struct slice c)
{
    if (c.n == 0) {
        return c;
    }
    switch (ascii_lower(c.p[0])) {
    case 'u': /* Postfix: "using TLSv1.2 with cipher ..."; Mimecast: "Using TLS" */
        return slice_istarts(c, S("using ")) ? first_word(slice_sub(c, 6, SIZE_MAX))
                                             : slice_sub(c, 0, 0);
    case 'v': /* Gmail, sendmail, hMailServer, Exchange */
        return slice_istarts(c, S("version=")) ? pair_value(c, S("=")) : slice_sub(c, 0, 0);
    case 'c': /* Haraka: "cipher=X bits=256 version=TLSv1.2"; Exim 3: "Cipher TLSv1:X:168" */
        if (slice_istarts(c, S("cipher="))) {
            struct slice version = pair_value(c, S("version="));
            return version.n ? version : pair_value(c, S("="));
        }
        return slice_istarts(c, S("cipher ")) ? first_word(slice_sub(c, 7, SIZE_MAX))
                                              : slice_sub(c, 0, 0);
    case 't': /* Courier: "TLS: TLSv1/SSLv3,168bits,X"; Exim: "TLS1.2:X:256"; Exchange: "TLS" */
        if (slice_istarts(c, S("TLS: "))) {
            return first_word(slice_sub(c, 5, SIZE_MAX));
        }
        return slice_istarts(c, S("TLS")) ? first_word(c) : slice_sub(c, 0, 0);
    case 'a': /* Courier: "AUTH: LOGIN user, TLS: TLSv1/SSLv3,..." */
        if (slice_starts(c, S("AUTH:"))) {
            return first_word(pair_value(c, S("TLS: ")));
        }
        break;
    default:
        break;
    }
    if (slice_istarts(c, S("SSL")) || slice_ends(c, S(" encrypted"))) { /* qmail's TLS patch */
        return first_word(c);
    }
    return slice_sub(c, 0, 0);
}

static bool is_sendmail_version(struct slice c)
{
    return c.n > 3 && c.p[0] >= '4' && c.p[0] <= '8' && c.p[1] == '.' && ascii_is_digit(c.p[2]) &&
           slice_find_byte(c, '/') < c.n;
}

/* How the MTAs sign: the beginning of a comment behind the by clause. */
static enum form form_of_comment(struct slice c)
{
    static const struct prefix SIGNS[] = {
        {SLICE("amavis"), FORM_AMAVIS},
        {SLICE("CommuniGate"), FORM_COMMUNIGATE},
        {SLICE("Cyrus"), FORM_CYRUS},
        {SLICE("Exim"), FORM_EXIM},
        {SLICE("ecelerity"), FORM_ECELERITY},
        {SLICE("fetchmail"), FORM_FETCHMAIL},
        {SLICE("getmail"), FORM_FETCHMAIL},
        {SLICE("HCL Domino"), FORM_DOMINO},
        {SLICE("Haraka"), FORM_HARAKA},
        {SLICE("Horde"), FORM_WEBMAIL},
        {SLICE("hMailServer"), FORM_HMAILSERVER},
        {SLICE("IBM Domino"), FORM_DOMINO},
        {SLICE("IceWarp"), FORM_ICEWARP},
        {SLICE("InterMail"), FORM_INTERMAIL},
        {SLICE("iPlanet"), FORM_SUN},
        {SLICE("Kerio"), FORM_KERIO},
        {SLICE("Lotus "), FORM_DOMINO},
        {SLICE("Microsoft "), FORM_EXCHANGE},
        {SLICE("MDaemon"), FORM_MDAEMON},
        {SLICE("Merak"), FORM_ICEWARP},
        {SLICE("Mercury"), FORM_MERCURY},
        {SLICE("mail_out_v"), FORM_AOL},
        {SLICE("Netscape"), FORM_SUN},
        {SLICE("OpenSMTPD"), FORM_OPENSMTPD},
        {SLICE("Oracle Comm"), FORM_SUN},
        {SLICE("Postfix"), FORM_POSTFIX},
        {SLICE("PowerMTA"), FORM_POWERMTA},
        {SLICE("qmail"), FORM_QMAIL},
        {SLICE("qpsmtpd"), FORM_QPSMTPD},
        {SLICE("rspamd"), FORM_RSPAMD},
        {SLICE("SMTPD32"), FORM_IMAIL},
        {SLICE("SMTPD-"), FORM_IMAIL},
        {SLICE("Sun "), FORM_SUN},
        {SLICE("SurgeMail"), FORM_SURGEMAIL},
        {SLICE("SquirrelMail"), FORM_WEBMAIL},
        {SLICE("SmarterMail"), FORM_SMARTERMAIL},
        {SLICE("smtp-sink"), FORM_SMTP_SINK},
        {SLICE("Zimbra"), FORM_ZIMBRA},
    };
    if (is_sendmail_version(c)) {
        return FORM_SENDMAIL;
    }
    int form = PREFIX_FIND(SIGNS, c);
    return form < 0 ? FORM_OTHER : (enum form)form;
}

/* Exim's queue ids: 6-6-2 or, since 4.97, 6-11-4 letters and digits. */
static bool is_exim_id(struct slice id)
{
    return (id.n == 16 && id.p[6] == '-' && id.p[13] == '-') ||
           (id.n == 23 && id.p[6] == '-' && id.p[18] == '-');
}

/* What the clauses gave, next to the hop itself. */
struct clauses {
    size_t from_start, from_end;
    bool has_from, has_by, has_any, is_helo_seen;
    enum form form;
};

static void comment_note(struct hop *h, struct clauses *c, struct slice text, enum keyword key)
{
    if (!h->tls.n) {
        h->tls = tls_read(text);
    }
    if (key == KEY_FROM) {
        c->is_helo_seen |= text.n > 5 && text.p[4] == ' ' && is_helo_word(slice_sub(text, 0, 4));
        if (slice_starts(text, S("LHLO "))) {
            c->form = FORM_ZIMBRA;
        } else if (slice_starts(text, S("TLS: ")) || slice_starts(text, S("AUTH: ")) ||
                   slice_istarts(slice_sub(text, slice_find_byte(text, '['), 8), S("[::ffff:"))) {
            c->form = FORM_COURIER;
        } else if (slice_starts(text, S("envelope-sender"))) {
            c->form = FORM_QMAIL;
        }
        return;
    }
    enum form form = form_of_comment(text);
    if (form != FORM_OTHER && c->form == FORM_OTHER) {
        c->form = form;
    }
    if (form == FORM_POSTFIX && text.n > 8 && slice_find(text, S("from userid")) != SIZE_MAX) {
        h->is_local = h->is_pickup = true;
    } else if (form == FORM_FETCHMAIL || form == FORM_AOL) {
        h->is_local = true; /* a mailbox was read; AOL's inner hops name the user only */
    } else if (key == KEY_NONE && !c->has_by && slice_istarts(text, S("from "))) {
        h->is_local = h->is_pickup = true; /* sendmail's "(from user@localhost) by" */
        c->form = c->form == FORM_OTHER ? FORM_SENDMAIL : c->form;
    }
}

/* Is there another "by" behind token `i`? Then the one at `i` is somebody's HELO. */
static bool has_later_by(const struct line *l, size_t i)
{
    while (++i < l->count) {
        if (keyword_of(&l->tokens[i]) == KEY_BY) {
            return true;
        }
    }
    return false;
}

/* The protocol is one word, but for Microsoft's. XMail: "with [XMail 1.22 ESMTP Server]". */
static size_t protocol_read(struct hop *h, struct clauses *c, const struct line *l, size_t i)
{
    const struct token *t = &l->tokens[i];
    size_t words =
        slice_istarts(t->text, S("Microsoft")) || slice_istarts(t->text, S("Internet")) ? 3 : 1;
    if (t->kind == TOKEN_LITERAL && slice_istarts(t->text, S("XMail"))) {
        i += i + 2 < l->count && l->tokens[i + 2].kind == TOKEN_WORD ? 2 : 0;
        h->protocol = l->tokens[i].text;
        c->form = FORM_XMAIL;
        return i;
    }
    h->protocol = t->text;
    while (--words && i + 1 < l->count && l->tokens[i + 1].kind == TOKEN_WORD &&
           keyword_of(&l->tokens[i + 1]) == KEY_NONE) {
        const struct slice *next = &l->tokens[++i].text;
        h->protocol = slice_span(h->protocol.p, next->p + next->n);
    }
    size_t slash = slice_find_byte(h->protocol, '/');
    if (slash < h->protocol.n && slash > 0) { /* IronPort: "ESMTP/TLS/RC4-SHA" */
        h->tls = slice_sub(h->protocol, slash + 1, SIZE_MAX);
        h->protocol.n = slash;
    }
    return i;
}

/* The value of clause `key` begins at token `i`; returns the last token that belongs to it. */
static size_t value_read(struct hop *h, struct clauses *c, const struct line *l, enum keyword key,
                         size_t i)
{
    struct slice text = l->tokens[i].text;
    switch (key) {
    case KEY_BY:
        h->by = without_dot(text);
        break;
    case KEY_WITH:
        if (!h->protocol.n) {
            return protocol_read(h, c, l, i);
        }
        break;
    case KEY_VIA:
        if (slice_istarts(text, S("HTTP")) && !h->protocol.n) { /* Yahoo's and Horde's webmail */
            h->protocol = text;
        }
        break;
    case KEY_ID:
        if (!h->id.n) {
            h->id = unbracket(text);
        }
        break;
    case KEY_FOR:
        if (!h->for_addr.n) {
            h->for_addr = unbracket(text);
        }
        break;
    case KEY_TLS:
        if (!h->tls.n) {
            h->tls = text;
        }
        break;
    default:
        break;
    }
    return i;
}

static void clauses_walk(struct hop *h, struct clauses *c, const struct line *l)
{
    enum keyword key = KEY_NONE;
    bool is_value_due = false; /* the clause's value has not come yet */
    for (size_t i = 0; i < l->count; i++) {
        const struct token *t = &l->tokens[i];
        enum keyword next = keyword_of(t);
        if (key == KEY_FROM && is_value_due && next != KEY_NONE &&
            (next != KEY_BY || has_later_by(l, i))) {
            next = KEY_NONE; /* a client that says "HELO with" */
        }
        if ((next == KEY_FROM && (c->has_from || c->has_by)) || (next == KEY_BY && c->has_by)) {
            next = KEY_NONE;
        }
        if (next != KEY_NONE || t->kind == TOKEN_SEMICOLON) {
            if (key == KEY_FROM) {
                c->from_end = i;
            }
            key = next;
            is_value_due = next != KEY_NONE;
            c->has_any |= is_value_due;
            c->has_by |= key == KEY_BY;
            if (key == KEY_FROM) {
                c->has_from = true;
                c->from_start = i + 1;
                c->from_end = l->count;
            }
        } else if (t->kind == TOKEN_COMMENT) {
            comment_note(h, c, t->text, key);
        } else if (is_value_due || (key == KEY_WITH && !h->protocol.n)) {
            i = value_read(h, c, l, key, i);
            is_value_due = false;
        }
    }
}

/* ---- the whole ---- */

/* Protocols that no SMTP client speaks; some of them only if the line gives no address. */
static bool protocol_is_local(struct slice p, bool has_addr)
{
    enum { WITHOUT_ADDR, ALWAYS };
    static const struct prefix LOCAL[] = {
        {SLICE("APOP"), ALWAYS},       {SLICE("DAV"), WITHOUT_ADDR},
        {SLICE("ETRN"), ALWAYS},       {SLICE("HTTP"), WITHOUT_ADDR},
        {SLICE("IMAP"), ALWAYS},       {SLICE("Internet Mail"), WITHOUT_ADDR},
        {SLICE("local"), ALWAYS},      {SLICE("LMTP"), WITHOUT_ADDR},
        {SLICE("mapi"), WITHOUT_ADDR}, {SLICE("ODMR"), ALWAYS},
        {SLICE("POP3"), ALWAYS},       {SLICE("qmail-scanner"), ALWAYS},
        {SLICE("SDPS"), ALWAYS},       {SLICE("spam-scanned"), ALWAYS},
        {SLICE("scanned-ok"), ALWAYS}, {SLICE("StoreDriver"), WITHOUT_ADDR},
        {SLICE("UUCP"), WITHOUT_ADDR},
    };
    int when = PREFIX_FIND(LOCAL, p);
    return when == ALWAYS || (when == WITHOUT_ADDR && !has_addr);
}

static enum form form_guess(const struct hop *h, const struct clauses *c)
{
    struct slice p = h->protocol;
    struct ip addr;
    if (slice_istarts(p, S("Microsoft")) || slice_istarts(p, S("Internet Mail Service")) ||
        slice_ieq(p, S("mapi"))) {
        return FORM_EXCHANGE;
    }
    if (slice_ieq(p, S("hMailServer"))) {
        return FORM_HMAILSERVER;
    }
    if (slice_ieq(p, S("NNFMP"))) {
        return FORM_YAHOO;
    }
    if (slice_istarts(p, S("qmail-scanner"))) {
        return FORM_QMAIL;
    }
    if (slice_iends(h->by, S("google.com")) ||
        (!c->has_from && h->id.n && slice_ieq(p, S("SMTP")) && address_read(h->by, &addr))) {
        return FORM_GMAIL;
    }
    if (is_exim_id(h->id)) {
        return FORM_EXIM;
    }
    if (slice_istarts(p, S("HTTP"))) {
        return FORM_WEBMAIL;
    }
    if (c->is_helo_seen) {
        return FORM_QMAIL;
    }
    return c->has_any ? FORM_GENERIC : FORM_OTHER;
}

static struct mail_date date_find(const struct line *l, struct slice value)
{
    struct mail_date d = {0};
    if (l->has_tail) {
        d = mail_date_parse(l->last_tail);
        if (!d.is_valid && l->first_tail.p != l->last_tail.p) {
            d = mail_date_parse(l->first_tail);
        }
        return d;
    }
    /* Bots and a few gateways forget the semicolon: "... by 192.0.2.1 Fri, 03 Dec 2004 ..." */
    static const char DAYS[] = "montuewedthufrisatsun";
    for (size_t i = 1; i + 2 < l->count; i++) {
        struct slice word = l->tokens[i].text;
        if (l->tokens[i].kind != TOKEN_WORD || word.n != 3) {
            continue;
        }
        for (size_t day = 0; day < 7; day++) {
            if (slice_ieq(word, slice_of(DAYS + 3 * day, 3))) {
                return mail_date_parse(slice_span(word.p, value.p + value.n));
            }
        }
    }
    return d;
}

struct hop received_parse(struct slice value)
{
    struct hop h = {.raw = value};
    struct clauses c = {0};
    UNCLEARED struct line l;
    struct slice none = slice_of(value.p, 0);
    h.helo = h.ptr = h.by = h.protocol = h.tls = h.id = h.for_addr = none;
    line_cut(&l, value);
    clauses_walk(&h, &c, &l);
    bool is_pickup = c.has_from && c.from_start + 3 <= c.from_end &&
                     slice_ieq(l.tokens[c.from_start].text, S("mail")) &&
                     slice_ieq(l.tokens[c.from_start + 1].text, S("pickup"));
    if (!c.has_from && !c.has_by && !h.is_local && l.count && l.tokens[0].kind == TOKEN_COMMENT &&
        slice_starts(l.tokens[0].text, S("qmail "))) {
        c.form = FORM_QMAIL; /* "(qmail 123 invoked from network)", "... by uid 90)" */
        h.is_pickup = slice_find(l.tokens[0].text, S("invoked by")) != SIZE_MAX;
    }
    if (c.form == FORM_OTHER) {
        c.form = form_guess(&h, &c);
    }
    if (c.has_from && !is_pickup) {
        if (c.from_start < c.from_end && slice_ieq(l.tokens[c.from_start].text, S("UnknownHost"))) {
            c.form = FORM_SMARTERMAIL;
        }
        client_read(&h, c.form, &l, c.from_start, c.from_end);
    }
    h.is_pickup |= is_pickup || slice_istarts(h.protocol, S("local"));
    h.is_local |=
        h.is_pickup || protocol_is_local(h.protocol, h.has_addr) ||
        (!c.has_from && (c.form != FORM_OTHER || (l.count && l.tokens[0].kind == TOKEN_COMMENT)));
    if (h.is_local) { /* what stands there is a user, a queue or, with an address, a mailbox server
                       */
        h.ptr = c.form == FORM_FETCHMAIL && h.has_addr && !h.ptr.n ? h.helo : none;
        h.helo = none;
    }
    struct mail_date d = date_find(&l, value);
    h.time = d.time;
    h.has_time = d.is_valid;
    h.form = FORM_NAMES[c.form];
    return h;
}
