/* SPDX-License-Identifier: GPL-3.0-or-later */
/* URLs in prose. The scan looks at nothing but the dots, the colons and the written-out "dot" of a
 * text, sixteen bytes at a time; what stands around one decides. A candidate is consumed whole, so
 * the work is linear however the text is made. */
#include "core/utf8.h"
#include "mail/url_build.h"

/* Of the many spaces that disguise a dot, spammers use one or two; more is layout. */
enum { DISGUISE_SPACES_MAX = 3 };

struct text_scan {
    struct url_scan *s;
    struct slice t;
    size_t floor; /* nothing before it may become part of a candidate: it was one already */
};

/* A host name read with its disguises undone. */
struct spelled {
    char text[HOST_BYTES_MAX + 1];
    size_t n;
    size_t end;   /* where it ends in the text */
    size_t reach; /* how far reading came before a guess was taken back */
    bool is_disguised;
    bool is_spaced;    /* a dot with blanks around it, or a blank inside a label */
    bool is_worded;    /* "dot" between blanks */
    bool is_bracketed; /* "[.]", "(dot)": nobody writes that by chance */
};

static char at(const struct text_scan *x, size_t i)
{
    return i < x->t.n ? x->t.p[i] : ' ';
}

static bool byte_is_label(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '_';
}

/* Letters of European scripts (U+00C0..U+07FF) belong to a word around them. Above that come CJK
 * texts, which have no blanks, and punctuation. */
static bool byte_is_letter_lead(char c)
{
    return (uint8_t)c >= 0xc3 && (uint8_t)c <= 0xdf;
}

static bool byte_is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* Where the run of label bytes and dots that ends at `end` begins. */
static size_t name_start(const struct text_scan *x, size_t end)
{
    size_t l = end;
    while (l > x->floor && end - l < HOST_BYTES_MAX) {
        char c = x->t.p[l - 1];
        if (byte_is_label(c) || c == '.') {
            l--;
        } else if (l - 1 > x->floor && byte_is_continuation(c) &&
                   byte_is_letter_lead(x->t.p[l - 2])) {
            l -= 2;
        } else {
            break;
        }
    }
    return l;
}

/* Where the run of label bytes and dots that begins at `from` ends. */
static size_t name_end(const struct text_scan *x, size_t from)
{
    size_t r = from;
    while (r < x->t.n && r - from <= 2 * HOST_BYTES_MAX) {
        char c = x->t.p[r];
        if (byte_is_label(c) || c == '.') {
            r++;
        } else if (byte_is_letter_lead(c) && byte_is_continuation(at(x, r + 1))) {
            r += 2;
        } else {
            break;
        }
    }
    return r;
}

static size_t spaces_at(const struct text_scan *x, size_t i)
{
    size_t n = 0;
    while (n <= DISGUISE_SPACES_MAX && i + n < x->t.n && ascii_is_space(x->t.p[i + n])) {
        n++;
    }
    return n > DISGUISE_SPACES_MAX ? 0 : n;
}

static bool word_dot_at(const struct text_scan *x, size_t i)
{
    return slice_ieq(slice_sub(x->t, i, 3), S("dot"));
}

/* Length of "[.]", "(dot)", "{ dot }" at `i`; 0 if none. */
static size_t bracket_dot(const struct text_scan *x, size_t i)
{
    static const char OPEN[] = "[({<", CLOSE[] = "])}>";
    const char *open = i < x->t.n ? memchr(OPEN, x->t.p[i], 4) : NULL;
    if (!open) {
        return 0;
    }
    size_t j = i + 1 + spaces_at(x, i + 1);
    size_t n = at(x, j) == '.' ? 1 : word_dot_at(x, j) ? 3 : 0;
    j += n + spaces_at(x, j + n);
    return n && at(x, j) == CLOSE[open - OPEN] ? j + 1 - i : 0;
}

/* Length of " . ", ". ", " .", " dot " or " (dot) " at `i`; 0 if none. */
static size_t spaced_dot(const struct text_scan *x, size_t i, struct spelled *h)
{
    size_t before = spaces_at(x, i), j = i + before;
    size_t bracket = bracket_dot(x, j);
    size_t n = bracket ? bracket : at(x, j) == '.' ? 1 : before && word_dot_at(x, j) ? 3 : 0;
    size_t after = n ? spaces_at(x, j + n) : 0;
    if (!n || before + after == 0 || (n == 3 && !bracket && !after)) {
        return 0;
    }
    h->is_bracketed |= bracket > 0;
    h->is_worded |= n == 3;
    return before + n + after;
}

static bool spelled_add(struct spelled *h, struct slice s)
{
    if (s.n > HOST_BYTES_MAX - h->n) {
        return false;
    }
    memcpy(h->text + h->n, s.p, s.n);
    h->n += s.n;
    return true;
}

static bool spelled_is_complete(const struct text_scan *x, const struct spelled *h)
{
    return host_is_complete(x->s, slice_of(h->text, h->n));
}

/* Reads a host name from `from` on. Blanks are only believed while what came before is not a whole
 * host name by itself, or the writer has put them at an earlier dot; a blank without a dot only
 * once, and only after a scheme (`is_explicit`). */
static void host_spell(const struct text_scan *x, size_t from, bool is_explicit, struct spelled *h)
{
    h->n = 0;
    h->end = h->reach = from;
    h->is_disguised = h->is_spaced = h->is_worded = h->is_bracketed = false;
    struct spelled before = *h; /* the state to go back to when a guess led nowhere */
    bool is_guess = false, has_joined = false;
    for (size_t i = from;;) {
        size_t run = i;
        while (run < x->t.n && byte_is_label(x->t.p[run])) {
            run++;
        }
        if (run == i || !spelled_add(h, slice_sub(x->t, i, run - i))) {
            break;
        }
        h->end = run;
        size_t dot = at(x, run) == '.' && byte_is_label(at(x, run + 1)) ? 1 : 0;
        if (!dot && (dot = bracket_dot(x, run)) != 0) {
            h->is_disguised = h->is_bracketed = true;
        }
        bool is_whole = !dot && !h->is_spaced && spelled_is_complete(x, h);
        if (!dot && !is_whole && (dot = spaced_dot(x, run, h)) != 0) {
            if (!is_guess) {
                before = *h;
                is_guess = true;
            }
            h->is_disguised = h->is_spaced = true;
        }
        if (dot && byte_is_label(at(x, run + dot)) && spelled_add(h, S("."))) {
            i = run + dot;
            continue;
        }
        size_t blanks = spaces_at(x, run);
        struct slice next = slice_sub(x->t, run + blanks, SIZE_MAX);
        if (!is_explicit || is_whole || has_joined || !blanks || slice_istarts(next, S("www.")) ||
            slice_istarts(next, S("http"))) {
            break;
        }
        if (!is_guess) {
            before = *h;
            is_guess = true;
        }
        has_joined = true;
        h->is_disguised = h->is_spaced = true;
        i = run + blanks;
    }
    if (h->n && h->text[h->n - 1] == '.') {
        h->n--;
    }
    size_t reach = h->end;
    if (is_guess && !spelled_is_complete(x, h)) {
        *h = before;
    }
    h->reach = reach;
}

/* Bytes that end a URL in prose: blanks, controls, the delimiters of RFC 3986 appendix C. */
static bool byte_ends_url(char c)
{
    static const bool ENDS[256] = {
        [0 ... ' '] = true, ['<'] = true, ['>'] = true, ['"'] = true, ['`'] = true, [0x7f] = true,
    };
    return ENDS[(uint8_t)c];
}

/* The end of a URL whose path, query or fragment goes on at `from`. */
static size_t rest_end(const struct text_scan *x, size_t from, char quote, bool has_backslash)
{
    size_t r = from;
    while (r < x->t.n && !byte_ends_url(x->t.p[r])) {
        char c = x->t.p[r];
        if ((c == quote && quote) || (c == '\\' && !has_backslash) ||
            ((uint8_t)c >= 0x80 && !byte_is_letter_lead(c) && !byte_is_continuation(c))) {
            break;
        }
        if (byte_is_letter_lead(c)) {
            r++; /* with its continuation */
        }
        r += r < x->t.n;
    }
    return r;
}

static size_t byte_count(struct slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += s.p[i] == c;
    }
    return n;
}

/* Without the punctuation that belongs to the sentence. A closing bracket stays while one of its
 * kind is open inside (encyclopaedia links). */
static size_t prose_trim(const struct text_scan *x, size_t from, size_t end)
{
    size_t surplus_known = 0; /* one count for each kind of bracket is enough */
    size_t surplus[3] = {0, 0, 0};
    static const char OPEN[] = "([{", CLOSE[] = ")]}";
    while (end > from) {
        char c = x->t.p[end - 1];
        const char *close = memchr(CLOSE, c, 3);
        if (close) {
            size_t kind = (size_t)(close - CLOSE);
            struct slice all = slice_sub(x->t, from, end - from);
            if (!(surplus_known & 1U << kind)) {
                size_t opened = byte_count(all, OPEN[kind]), closed = byte_count(all, c);
                surplus[kind] = closed > opened ? closed - opened : 0;
                surplus_known |= 1U << kind;
            }
            if (!surplus[kind]) {
                break;
            }
            surplus[kind]--;
        } else if (!memchr(".,;:!?'*|", c, 9)) {
            break;
        }
        end--;
    }
    return end;
}

/* Puts scheme, cleaned host and the rest together and adds that. */
static void spelled_url(struct text_scan *x, struct slice scheme, const struct spelled *h,
                        struct slice rest)
{
    char *p = x->s->index->reference;
    size_t n = 0;
    struct slice parts[] = {scheme, scheme.n ? S("://") : S(""), slice_of(h->text, h->n), rest};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t room = REFERENCE_BYTES_MAX - n;
        size_t take = parts[i].n < room ? parts[i].n : room;
        if (take) {
            memcpy(p + n, parts[i].p, take);
        }
        n += take;
    }
    url_add(x->s, slice_of(p, n), REFERENCE_TEXT, h->is_disguised);
}

/* <http://example.com/a long
 *  one> : RFC 3986 appendix C has line breaks inside the brackets taken out. Returns the end, 0
 * when there is no such thing. */
static size_t bracketed_url(struct text_scan *x, size_t start)
{
    bool is_after_label = start >= 5 && slice_ieq(slice_sub(x->t, start - 5, 5), S("<URL:"));
    if (!is_after_label && !(start && x->t.p[start - 1] == '<')) {
        return 0;
    }
    char *p = x->s->index->reference;
    size_t n = 0, lines = 0;
    for (size_t i = start; i < x->t.n && i - start < LIMIT_URL_BYTES && n < REFERENCE_BYTES_MAX;
         i++) {
        char c = x->t.p[i];
        if (c == '>') {
            if (lines) {
                url_add(x->s, slice_of(p, n), REFERENCE_TEXT, false);
            }
            return lines ? i + 1 : 0;
        }
        if (c == '<' || (c == '\n' && at(x, i + 1) == '\n') || lines > 4) {
            return 0;
        }
        if (c == '\n') {
            lines++;
        } else if (ascii_is_space(c)) {
            char next = at(x, i + 1), last = x->t.p[i - 1];
            if (!ascii_is_space(next) && !ascii_is_space(last)) {
                return 0; /* a blank between words: prose in brackets */
            }
        } else {
            p[n++] = c;
        }
    }
    return 0;
}

/* The end of what may be user info, host and port. An international name ends where a listed
 * top-level domain is followed by a script without blanks: "example.com获取". */
static size_t authority_end(const struct text_scan *x, size_t from, size_t bytes_max, char quote)
{
    size_t r = from;
    bool is_ascii = true;
    for (; r < x->t.n && r - from < bytes_max && !byte_ends_url(x->t.p[r]); r++) {
        char c = x->t.p[r];
        if (c == '/' || c == '\\' || c == '?' || c == '#' || (quote && c == quote)) {
            break;
        }
        if ((uint8_t)c >= 0xe0 && is_ascii) {
            bool is_punctuation = (uint8_t)c == 0xe2 && (uint8_t)at(x, r + 1) <= 0x81;
            if (is_punctuation || host_is_complete(x->s, slice_sub(x->t, from, r - from))) {
                break;
            }
        }
        is_ascii &= (uint8_t)c < 0x80;
    }
    return r;
}

/* What must end a URL because of what stands in front of it: quotes, "[url=X]" and "[url]X[/url]"
 * of bulletin boards. */
static char quote_before(const struct text_scan *x, size_t start)
{
    char c = start ? x->t.p[start - 1] : ' ';
    return c == '\'' ? '\'' : c == '[' || c == '=' ? ']' : c == ']' ? '[' : 0;
}

static bool authority_is_plain(struct slice a)
{
    for (size_t i = 0; i < a.n; i++) {
        char c = a.p[i];
        if (!byte_is_label(c) && c != '.' && c != ':' && c != '%' && (uint8_t)c < 0x80) {
            return false;
        }
    }
    return true;
}

/* Past the slashes after a scheme's colon; how many, and whether they lean the wrong way. */
static size_t slashes_skip(const struct text_scan *x, size_t i, size_t *count, bool *has_backslash)
{
    size_t blanks = spaces_at(x, i);
    if (blanks && (at(x, i + blanks) == '/' || at(x, i + blanks) == '\\')) {
        i += blanks;
    }
    *count = 0;
    for (; at(x, i) == '/' || at(x, i) == '\\'; i++) {
        *has_backslash |= x->t.p[i] == '\\';
        (*count)++;
    }
    blanks = *count ? spaces_at(x, i) : 0;
    if (blanks && slice_istarts(slice_sub(x->t, i + blanks, 3), S("www"))) {
        i += blanks;
    }
    return i;
}

/* A colon at `colon`: is a scheme before it? Returns where to look on. */
static size_t explicit_url(struct text_scan *x, size_t colon)
{
    size_t word_end = colon;
    if (word_end > x->floor && x->t.p[word_end - 1] == ' ') {
        word_end--;
    }
    size_t n = 5;
    while (n >= 3 &&
           (word_end - x->floor < n || !url_scheme_is_known(slice_sub(x->t, word_end - n, n)))) {
        n--;
    }
    if (n < 3) {
        return colon + 1;
    }
    size_t start = word_end - n, slashes;
    bool has_backslash = false;
    size_t from = slashes_skip(x, colon + 1, &slashes, &has_backslash);
    x->s->place = (uint32_t)start;
    size_t end = bracketed_url(x, start);
    if (end) {
        return end;
    }
    char quote = quote_before(x, start);
    /* Without slashes it is most often no URL, and the next try may start within: keep it short. */
    size_t host_end =
        authority_end(x, from, slashes ? REFERENCE_BYTES_MAX : (size_t)HOST_BYTES_MAX, quote);
    if (!slashes) {
        struct slice name = slice_sub(x->t, from, prose_trim(x, from, host_end) - from);
        if (!host_is_complete(x->s, slice_sub(name, 0, slice_find_byte(name, ':')))) {
            return colon + 1;
        }
    }
    bool goes_on = host_end < x->t.n && memchr("/?#\\", x->t.p[host_end], 4) &&
                   (x->t.p[host_end] != '\\' || has_backslash);
    end = goes_on ? rest_end(x, host_end, quote, has_backslash) : host_end;
    size_t trimmed = prose_trim(x, from, end);
    struct slice authority =
        slice_sub(x->t, from, (goes_on && host_end < trimmed ? host_end : trimmed) - from);
    bool has_user = authority.n && memchr(authority.p, '@', authority.n);
    struct slice name = slice_sub(authority, 0, slice_find_byte(authority, ':'));
    bool is_v6 = authority.n && authority.p[0] == '[';
    if (has_user || is_v6 ||
        (authority_is_plain(authority) && (goes_on || host_is_complete(x->s, name)))) {
        struct slice whole = slice_sub(x->t, start, trimmed - start);
        url_add(x->s, whole, REFERENCE_TEXT, false);
        return end > colon ? end : colon + 1;
    }
    struct spelled h;
    host_spell(x, from, true, &h);
    if (!h.is_disguised) {
        url_add(x->s, slice_sub(x->t, start, trimmed - start), REFERENCE_TEXT, false);
        return end > colon ? end : colon + 1;
    }
    size_t rest = rest_end(x, h.end, quote, has_backslash);
    rest = memchr("/?#:", at(x, h.end), 4) ? prose_trim(x, h.end, rest) : h.end;
    spelled_url(x, slice_sub(x->t, start, n), &h, slice_sub(x->t, h.end, rest - h.end));
    return rest > colon ? rest : colon + 1;
}

enum tld_class tld_class_of(struct slice host)
{
    size_t dot = host.n;
    while (dot && host.p[dot - 1] != '.') {
        dot--;
    }
    struct slice tld = slice_sub(host, dot, SIZE_MAX);
    switch (name_key(tld)) {
#define TLD(class, ...)                                                                            \
    case NAME_KEY(__VA_ARGS__):                                                                    \
        return class;
#include "mail/url_tld.def"
#undef TLD
    default:
        return tld.n == 2 ? TLD_OTHER : TLD_WORD;
    }
}

/* Case of the letters of a name, to tell "end.It was" from a host name. */
static bool tld_case_fits(struct slice name, size_t tld)
{
    bool has_lower = false, has_upper = false;
    for (size_t i = tld; i < name.n; i++) {
        has_lower |= ascii_is_lower(name.p[i]);
        has_upper |= ascii_is_upper(name.p[i]);
    }
    if (!has_upper) {
        return true;
    }
    for (size_t i = 0; i < tld; i++) {
        if (ascii_is_lower(name.p[i])) {
            return false;
        }
    }
    return !has_lower;
}

/* Names that look like hosts, and nearly never are: languages, packages, the DOS shell. */
static bool name_is_no_host(struct slice name)
{
    static const struct slice WHOLE[] = {SLICE("asp.net"), SLICE("vb.net"), SLICE("ado.net"),
                                         SLICE("dot.com"), SLICE("command.com")};
    static const struct slice PREFIX[] = {SLICE("com."), SLICE("org."), SLICE("net."),
                                          SLICE("java."), SLICE("javax.")};
    for (size_t i = 0; i < sizeof WHOLE / sizeof WHOLE[0]; i++) {
        if (slice_ieq(name, WHOLE[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof PREFIX / sizeof PREFIX[0]; i++) {
        if (slice_istarts(name, PREFIX[i])) {
            return true;
        }
    }
    return false;
}

/* May a name without scheme and "www." be taken for a host? `has_path` is evidence for it. */
static bool bare_is_believable(const struct text_scan *x, struct slice name, bool has_path)
{
    size_t tld = name.n, labels = 1, longest = 0, run = 0;
    bool has_mark = false; /* a digit or hyphen: a made-up name, not two words */
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.') {
            tld = i + 1;
            labels++;
            run = 0;
            continue;
        }
        if (name.p[i] == '_') {
            return false;
        }
        run++;
        longest = run > longest ? run : longest;
        has_mark |= ascii_is_digit(name.p[i]) || name.p[i] == '-';
    }
    if (labels < 2 || name.n - tld < 2 || longest < 2 || name_is_no_host(name)) {
        return false;
    }
    for (size_t i = tld; i < name.n && !slice_istarts(slice_sub(name, tld, 4), S("xn--")); i++) {
        if (!ascii_is_alpha(name.p[i])) {
            return false;
        }
    }
    if (!host_is_complete(x->s, name)) {
        return false;
    }
    enum tld_class class = tld_class_of(name);
    if (class == TLD_OPEN) {
        return tld_case_fits(name, tld) || ascii_is_upper(name.p[0]);
    }
    if (!tld_case_fits(name, tld)) {
        return false;
    }
    return class == TLD_OTHER || has_path || (labels >= 3 && has_mark);
}

/* Is `l` the start of a word that may begin a host name? */
static bool bare_may_start(const struct text_scan *x, size_t l, bool is_www)
{
    char c = l ? x->t.p[l - 1] : ' ';
    return !memchr(is_www ? "@\\" : "@\\/~$%#&=+", c, is_www ? 2 : 10);
}

/* The path, query or port that follows a bare host name at `r`; its end, trimmed. */
static size_t bare_rest(const struct text_scan *x, size_t r)
{
    char c = at(x, r), next = at(x, r + 1);
    if (c == '/' || (c == ':' && ascii_is_digit(next)) || (c == '?' && ascii_is_alnum(next))) {
        return prose_trim(x, r, rest_end(x, r, 0, false));
    }
    return r;
}

/* A dot with label bytes on both sides. */
static size_t bare_url(struct text_scan *x, size_t dot)
{
    size_t l = name_start(x, dot), r = name_end(x, dot + 1);
    size_t end = r;
    while (l < dot && (x->t.p[l] == '.' || x->t.p[l] == '-')) {
        l++;
    }
    while (r > dot + 1 && (x->t.p[r - 1] == '.' || x->t.p[r - 1] == '-')) {
        r--;
    }
    struct slice name = slice_sub(x->t, l, r - l);
    bool is_www = slice_istarts(name, S("www."));
    char next = at(x, r);
    if (!bare_may_start(x, l, is_www) || next == '@' || next == '(' || next == '\\' ||
        next == '=' || name.n > HOST_BYTES_MAX) {
        if (next == '@') { /* a mail address: its domain is no link */
            end = name_end(x, r + 1);
        }
        return end > dot ? end : dot + 1;
    }
    x->s->place = (uint32_t)l;
    size_t rest = bare_rest(x, r);
    if (is_www ? host_is_complete(x->s, name)
               : slice_find(name, S("..")) == SIZE_MAX &&
                     bare_is_believable(x, name, rest > r && next == '/')) {
        url_add(x->s, slice_sub(x->t, l, rest - l), REFERENCE_TEXT, false);
        return rest > end ? rest : end;
    }
    if (is_www || bracket_dot(x, r)) {
        struct spelled h;
        host_spell(x, l, false, &h);
        if (h.is_disguised && spelled_is_complete(x, &h)) {
            rest = bare_rest(x, h.end);
            spelled_url(x, S(""), &h, slice_sub(x->t, h.end, rest - h.end));
            return rest;
        }
    }
    return end;
}

/* "the dot com bubble": words before a written "dot" that make a phrase, not a host name. */
static bool word_is_phrase(struct slice w)
{
    static const struct slice WORDS[] = {
        SLICE("this"),   SLICE("that"),  SLICE("your"),  SLICE("their"),  SLICE("every"),
        SLICE("polka"),  SLICE("other"), SLICE("with"),  SLICE("former"), SLICE("early"),
        SLICE("failed"), SLICE("first"), SLICE("these"), SLICE("many"),   SLICE("another"),
        SLICE("called"), SLICE("from"),  SLICE("some"),  SLICE("about"),
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (slice_ieq(w, WORDS[i])) {
            return true;
        }
    }
    return w.n < 4;
}

/* joe (at) example (dot) com is a mail address. */
static bool is_after_written_at(const struct text_scan *x, size_t l)
{
    size_t n = l;
    while (n && l - n < DISGUISE_SPACES_MAX && ascii_is_space(x->t.p[n - 1])) {
        n--;
    }
    return n >= 4 && (slice_ieq(slice_sub(x->t, n - 4, 4), S("(at)")) ||
                      slice_ieq(slice_sub(x->t, n - 4, 4), S("[at]")));
}

/* A dot in disguise that begins at `form` (a bracket, a blank, or a dot before a blank), without a
 * scheme in front. Returns where to look on, past `form`. */
static size_t disguised_url(struct text_scan *x, size_t form, size_t next)
{
    size_t l = name_start(x, form);
    struct spelled h;
    if (l == form || (uint8_t)x->t.p[l] >= 0x80 || !bare_may_start(x, l, false)) {
        return next;
    }
    host_spell(x, l, false, &h);
    struct slice name = slice_of(h.text, h.n);
    next = h.reach > next ? h.reach : next;
    if (!h.is_disguised || !spelled_is_complete(x, &h) || h.end <= form ||
        is_after_written_at(x, l) || at(x, h.end) == '@') {
        return next;
    }
    size_t www = slice_find(name, S(".www."));
    if (www != SIZE_MAX) { /* "to order . www . example . com" */
        h.n -= www + 1;
        memmove(h.text, h.text + www + 1, h.n);
        name = slice_of(h.text, h.n);
    }
    if (h.is_spaced && !h.is_bracketed && !slice_istarts(name, S("www."))) {
        size_t word = slice_find_byte(name, '.');
        size_t tld = name.n;
        while (tld && name.p[tld - 1] != '.') {
            tld--;
        }
        bool is_even = ascii_is_space(at(x, form)) &&
                       (h.is_worded || ascii_is_space(at(x, form + 1 + spaces_at(x, form))));
        if (tld_class_of(name) != TLD_OPEN || !tld_case_fits(name, tld) || !is_even ||
            (h.is_worded && word_is_phrase(slice_sub(name, 0, word)))) {
            return next;
        }
    }
    x->s->place = (uint32_t)l;
    size_t rest = bare_rest(x, h.end);
    spelled_url(x, S(""), &h, slice_sub(x->t, h.end, rest - h.end));
    return rest > next ? rest : next;
}

/* Back over the blanks, and the bracket with its blanks, in front of a dot at `dot`. */
static size_t form_start(const struct text_scan *x, size_t dot)
{
    size_t i = dot;
    for (int pass = 0; pass < 2; pass++) {
        size_t least = i > DISGUISE_SPACES_MAX ? i - DISGUISE_SPACES_MAX : 0;
        least = least > x->floor ? least : x->floor;
        while (i > least && ascii_is_space(x->t.p[i - 1])) {
            i--;
        }
        if (i > x->floor && memchr("[({<", x->t.p[i - 1], 4)) {
            i--;
        } else {
            break;
        }
    }
    return i;
}

/* What an anchor's three bytes may be the middle of. Kept in step with anchor_next. */
static size_t anchor_try(struct text_scan *x, size_t i, enum url_text_mode mode)
{
    char middle = at(x, i + 1), next = at(x, i + 2);
    if (middle == ':') {
        return explicit_url(x, i + 1);
    }
    if (mode == URL_TEXT_EXPLICIT) {
        return i + 1;
    }
    if (middle == '.') {
        bool is_label = byte_is_label(x->t.p[i]) || byte_is_continuation(x->t.p[i]);
        if (is_label && (byte_is_label(next) || byte_is_letter_lead(next))) {
            return bare_url(x, i + 1);
        }
        /* Most are the end of a sentence that ends in a 'w'. */
        bool is_www = i > x->floor && (x->t.p[i - 1] | 0x20) == 'w';
        return next > ' ' || !is_label || is_www ? disguised_url(x, form_start(x, i + 1), i + 2)
                                                 : i + 1;
    }
    bool is_apart = i > x->floor && memchr(" \t\n\r[({<", x->t.p[i - 1], 8) &&
                    memchr(" \t\n\r])}>", at(x, i + 3), 8);
    return is_apart ? disguised_url(x, form_start(x, i), i + 3) : i + 1;
}

/* Three bytes that may be part of a URL: a scheme's last letter (or a blank) before its colon; a
 * dot before something or between blanks or after a 'w'; the word "dot". */
static bool is_anchor(uint8_t a, uint8_t b, uint8_t c)
{
    uint8_t low = a | 0x20;
    return (b == ':' && (low == 'p' || low == 's' || (a == ' ' && c == '/'))) ||
           (b == '.' && (c > ' ' || a <= ' ' || low == 'w')) ||
           (low == 'd' && (b | 0x20) == 'o' && (c | 0x20) == 't');
}

static size_t anchor_next(struct slice t, size_t i)
{
    for (; i + 18 <= t.n; i += 16) {
        vec a = vec_load(t.p + i), b = vec_load(t.p + i + 1), c = vec_load(t.p + i + 2);
        vec low = a | 0x20, colon = (vec)(b == ':'), dot = (vec)(b == '.');
        vec word = (vec)(low == 'd') & (vec)((b | 0x20) == 'o') & (vec)((c | 0x20) == 't');
        if (vec_first(colon | dot | word) == 16) {
            continue;
        }
        colon &= (vec)(low == 'p') | (vec)(low == 's') | ((vec)(a == ' ') & (vec)(c == '/'));
        dot &= (vec)(c > ' ') | (vec)(a <= ' ') | (vec)(low == 'w');
        size_t first = vec_first(colon | dot | word);
        if (first < 16) {
            return i + first;
        }
    }
    for (; i + 1 < t.n; i++) {
        if (is_anchor((uint8_t)t.p[i], (uint8_t)t.p[i + 1],
                      i + 2 < t.n ? (uint8_t)t.p[i + 2] : ' ')) {
            return i;
        }
    }
    return t.n;
}

void url_scan_run(struct url_scan *s, struct slice text, enum url_text_mode mode)
{
    struct text_scan x = {s, text, 0};
    for (size_t i = 0; url_scan_wants(s) && (i = anchor_next(text, i)) < text.n;) {
        s->has_found = false;
        size_t next = anchor_try(&x, i, mode);
        if (s->has_found) {
            x.floor = next;
        }
        /* The byte before the place to look on may be the first of three. */
        i = next > i + 2 ? next - 1 : i + 1;
    }
}

void url_scan_css(struct url_scan *s, struct slice css)
{
    while (url_scan_wants(s)) {
        size_t open = slice_find_byte(css, '(');
        if (open == css.n) {
            return;
        }
        bool is_url = open >= 3 && slice_ieq(slice_sub(css, open - 3, 3), S("url"));
        css = slice_sub(css, open + 1, SIZE_MAX);
        if (is_url) {
            struct slice value = slice_trim(slice_sub(css, 0, slice_find_byte(css, ')')));
            if (value.n && (value.p[0] == '"' || value.p[0] == '\'')) {
                char quote = value.p[0];
                value = slice_sub(value, 1, SIZE_MAX);
                value.n = slice_find_byte(value, quote);
            }
            url_add(s, value, REFERENCE_ATTRIBUTE, false);
        }
    }
}
