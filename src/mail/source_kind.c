/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/source_kind.h"

#include "core/utf8.h"

enum {
    FIELD_NAME_MAX = 100, /* longest seen in real mail is under 60 */
    HEAD_LINES_MAX = 64,  /* looked at before it must be clear whether this is mail */
    TAR_BLOCK = 512,
};

/* What is not mail by its first bytes, and what holds mail. */
static const struct magic {
    size_t offset;
    struct slice bytes;
    enum source_kind kind;
    const char *reason;
} MAGIC[] = {
    {0, SLICE("\x1f\x8b\x08"), SOURCE_PACKED, NULL},     /* gzip */
    {0, SLICE("\xfd\x37zXZ\0"), SOURCE_PACKED, NULL},    /* xz */
    {0, SLICE("\x28\xb5\x2f\xfd"), SOURCE_PACKED, NULL}, /* zstd */
    {1, SLICE("\x2a\x4d\x18"), SOURCE_PACKED, NULL},     /* zstd, skippable frame first */
    {0, SLICE("\x5d\0\0\x80\0"), SOURCE_PACKED, NULL},   /* lzma */
    {0, SLICE("PK\3\4"), SOURCE_PACKED, NULL},           /* zip */
    {0, SLICE("PK\5\6"), SOURCE_PACKED, NULL},           /* zip without members */
    {0, SLICE("PK00PK\3\4"), SOURCE_PACKED, NULL},       /* zip, split marker */
    {0, SLICE("7z\xbc\xaf\x27\x1c"), SOURCE_REJECT, "not mail: archive of another kind"},
    {0, SLICE("Rar!\x1a\x07"), SOURCE_REJECT, "not mail: archive of another kind"},
    {0, SLICE("!<arch>\n"), SOURCE_REJECT, "not mail: archive of another kind"},
    {0, SLICE("\x89PNG\r\n"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("\xff\xd8\xff"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("GIF8"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("BM"), SOURCE_REJECT, "not mail: image"}, /* only when binary, see magic_find */
    {8, SLICE("WEBP"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("II*\0"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("MM\0*"), SOURCE_REJECT, "not mail: image"},
    {0, SLICE("%PDF-"), SOURCE_REJECT, "not mail: document"},
    {0, SLICE("%!PS"), SOURCE_REJECT, "not mail: document"},
    {0, SLICE("{\\rtf"), SOURCE_REJECT, "not mail: document"},
    {0, SLICE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), SOURCE_REJECT,
     "not mail: Microsoft compound file (Outlook .msg?)"},
    {0, SLICE("!BDN"), SOURCE_REJECT, "not mail: Outlook folder (.pst)"},
    {0,
     SLICE("\x7f"
           "ELF"),
     SOURCE_REJECT, "not mail: program"},
    {0, SLICE("MZ"), SOURCE_REJECT, "not mail: program"},
    {0, SLICE("#!"), SOURCE_REJECT, "not mail: script"},
    {0, SLICE("SQLite format 3"), SOURCE_REJECT, "not mail: database"},
};

/* Field names that only mail has, however odd the rest is. */
static const struct slice MAIL_FIELDS[] = {
    SLICE("Received"),
    SLICE("Return-Path"),
    SLICE("Message-ID"),
    SLICE("MIME-Version"),
    SLICE("Delivered-To"),
    SLICE("Envelope-To"),
    SLICE("Reply-To"),
    SLICE("In-Reply-To"),
    SLICE("Content-Transfer-Encoding"),
    SLICE("DKIM-Signature"),
    SLICE("DomainKey-Signature"),
    SLICE("Authentication-Results"),
    SLICE("ARC-Seal"),
    SLICE("ARC-Message-Signature"),
    SLICE("ARC-Authentication-Results"),
    SLICE("Received-SPF"),
    SLICE("List-Unsubscribe"),
    SLICE("Errors-To"),
    SLICE("Resent-From"),
    SLICE("Resent-To"),
    SLICE("Resent-Date"),
    SLICE("Resent-Message-ID"),
    SLICE("Apparently-To"),
    SLICE("X-Mailer"),
    SLICE("X-Originating-IP"),
    SLICE("X-Original-To"),
    SLICE("X-Envelope-From"),
    SLICE("X-Envelope-To"),
    SLICE("X-Mozilla-Status"),
    SLICE("X-Spam-Status"),
    SLICE("X-Client-Addr"), /* smtp-sink's dumps */
    SLICE("X-Helo-Args"),
    SLICE("X-Mail-Args"),
    SLICE("X-Rcpt-Args"),
};

/* Names that other "name: value" files have as well: they count when they are written as mail
 * writes them, or hold what mail holds. */
static const struct slice SHARED_FIELDS[] = {
    SLICE("From"), SLICE("To"),      SLICE("Cc"),     SLICE("Bcc"),
    SLICE("Date"), SLICE("Subject"), SLICE("Sender"), SLICE("Content-Type"),
};

static bool name_in(struct slice name, const struct slice *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_ieq(name, table[i])) {
            return true;
        }
    }
    return false;
}

bool source_field(struct slice s, struct slice *name)
{
    size_t i = 0;
    while (i < s.n && i <= FIELD_NAME_MAX && s.p[i] > ' ' && s.p[i] < 127 && s.p[i] != ':') {
        i++;
    }
    *name = slice_of(s.p, i);
    if (i == 0 || i > FIELD_NAME_MAX) {
        return false;
    }
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t')) {
        i++;
    }
    return i < s.n && s.p[i] == ':';
}

size_t source_dirt(struct slice head)
{
    size_t i = 0;
    if (slice_starts(head, S("\xef\xbb\xbf"))) {
        i = 3;
    }
    while (i < head.n && (head.p[i] == '\n' || head.p[i] == '\r')) {
        i++;
    }
    return i;
}

/* The header checksum is what every tar has in common, ustar or older: the sum of the block's bytes
 * with the checksum field as blanks, in octal at 148. */
static bool head_is_tar(struct slice head)
{
    unsigned sum = 0, want = 0;
    bool has_digit = false;
    if (head.n < TAR_BLOCK || head.p[0] == '\0') {
        return false;
    }
    for (size_t i = 148; i < 156; i++) {
        if (head.p[i] >= '0' && head.p[i] <= '7') {
            want = want * 8 + (unsigned)(head.p[i] - '0');
            has_digit = true;
        } else if (head.p[i] != ' ' && head.p[i] != '\0') {
            return false;
        }
    }
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)head.p[i];
    }
    return has_digit && sum == want;
}

static bool head_has_nul(struct slice head)
{
    return slice_find_byte(slice_sub(head, 0, TAR_BLOCK), '\0') < slice_sub(head, 0, TAR_BLOCK).n;
}

static const struct magic *magic_find(struct slice head)
{
    for (size_t i = 0; i < sizeof MAGIC / sizeof *MAGIC; i++) {
        struct slice at = slice_sub(head, MAGIC[i].offset, SIZE_MAX);
        /* Two letters say little: text may begin with "MZ" or "BM". */
        bool is_vague = MAGIC[i].bytes.n == 2 && MAGIC[i].bytes.p[0] != '#';
        if (slice_starts(at, MAGIC[i].bytes) && (!is_vague || head_has_nul(head))) {
            return &MAGIC[i];
        }
    }
    return NULL;
}

/* "BZh" level, then the magic of a block or of the end. */
static bool head_is_bzip2(struct slice head)
{
    return head.n >= 10 && memcmp(head.p, "BZh", 3) == 0 && head.p[3] >= '1' && head.p[3] <= '9' &&
           (memcmp(head.p + 4, "1AY&SY", 6) == 0 ||
            memcmp(head.p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* What a file is called that is none of the kinds, for the person who reads the import's summary.
 */
static const char *text_name(struct slice head)
{
    struct slice s = slice_trim(slice_sub(head, source_dirt(head), SIZE_MAX));
    size_t odd = 0;
    if (s.n == 0) {
        return "empty file";
    }
    for (size_t i = 0; i < s.n; i++) {
        odd += (unsigned char)s.p[i] < ' ' && !ascii_is_space(s.p[i]);
    }
    if (head_has_nul(head) || odd > s.n / 16) {
        return "not mail: binary";
    }
    if (slice_istarts(s, S("<!doctype")) || slice_istarts(s, S("<html")) ||
        slice_istarts(s, S("<?xml")) || (s.p[0] == '<' && slice_ifind(s, S("</")) != SIZE_MAX)) {
        return "not mail: HTML or XML";
    }
    if ((s.p[0] == '{' || s.p[0] == '[') && slice_find(s, S("\"")) != SIZE_MAX) {
        return "not mail: JSON";
    }
    return "not mail: text";
}

static struct slice line_cut(struct slice *rest)
{
    struct slice line = slice_cut(rest, '\n');
    if (line.n > 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    return line;
}

static bool value_has_month(struct slice v)
{
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; i < sizeof MONTHS - 1; i += 3) {
        if (slice_ifind(slice_sub(v, 0, 64), slice_of(MONTHS + i, 3)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static bool field_is_mail(struct slice name, struct slice line)
{
    if (name_in(name, MAIL_FIELDS, sizeof MAIL_FIELDS / sizeof *MAIL_FIELDS)) {
        return true;
    }
    if (!name_in(name, SHARED_FIELDS, sizeof SHARED_FIELDS / sizeof *SHARED_FIELDS)) {
        return false;
    }
    struct slice value = line;
    slice_cut(&value, ':');
    if (slice_ieq(name, S("Date"))) {
        return value_has_month(value);
    }
    if (slice_ieq(name, S("Content-Type"))) {
        return slice_find_byte(value, '/') < value.n;
    }
    /* A YAML file has "to: 2009", a mail "To:" or an address. */
    return ascii_is_upper(name.p[0]) || slice_find_byte(value, '@') < value.n;
}

/* Counts for the rule of "two fields": a letter first (Dovecot's list of UIDs has "25006 :name"),
 * a capital somewhere (YAML mostly has none), and no "http://". */
static bool field_is_plausible(struct slice name, struct slice line)
{
    bool has_upper = false;
    for (size_t i = 0; i < name.n; i++) {
        has_upper = has_upper || ascii_is_upper(name.p[i]);
        if (!ascii_is_alnum(name.p[i]) && !strchr("-_.", name.p[i])) {
            return false;
        }
    }
    struct slice value = line;
    slice_cut(&value, ':');
    return has_upper && ascii_is_alpha(name.p[0]) && !slice_starts(value, S("//"));
}

enum source_field_grade source_field_grade(struct slice line)
{
    struct slice name;
    if (!source_field(line, &name)) {
        return SOURCE_FIELD_NONE;
    }
    return field_is_mail(name, line)        ? SOURCE_FIELD_MAIL
           : field_is_plausible(name, line) ? SOURCE_FIELD_LIKELY
                                            : SOURCE_FIELD_NONE;
}

/* The first line of mail that a program spoilt, but not of another kind of text. */
static bool line_is_tolerable(struct slice line)
{
    return line.n > 0 && line.n < 200 && !strchr("#<{[%-/*;\"", line.p[0]) &&
           !slice_starts(line, S("HTTP/")) && !slice_starts(line, S("GET ")) &&
           !slice_starts(line, S("POST ")) && slice_find_byte(line, '\0') == line.n;
}

/* The rule of docs/import.md: one field that only mail has; or two fields and then a blank line. */
static bool head_is_mail(struct slice head)
{
    struct slice rest = slice_sub(head, source_dirt(head), SIZE_MAX), name;
    unsigned fields = 0, junk = 0, mail_fields = 0;
    bool has_end = false;
    for (unsigned i = 0; i < HEAD_LINES_MAX && rest.n > 0; i++) {
        struct slice line = line_cut(&rest);
        if (line.n == 0) {
            has_end = true;
            break;
        }
        if (i > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
            continue;
        }
        if (source_field(line, &name)) {
            mail_fields += field_is_mail(name, line);
            fields += field_is_plausible(name, line);
        } else if (!(i == 0 &&
                     (slice_starts(line, S("From ")) || slice_starts(line, S(">From "))))) {
            if (i == 0 && !line_is_tolerable(line)) {
                return false;
            }
            junk++;
        }
        if (mail_fields > 0 && (junk == 0 || (junk == 1 && fields >= 2))) {
            return true;
        }
        if (junk > 1) {
            return false;
        }
    }
    return junk == 0 && fields >= 2 && has_end;
}

/* An mbox, perhaps with a few lines of junk in front ("Mailbox of joe, saved on ..."). */
static bool head_is_mbox(struct slice head)
{
    struct slice rest = slice_sub(head, source_dirt(head), SIZE_MAX), sender, date, name;
    for (unsigned i = 0; i < HEAD_LINES_MAX && rest.n > 0; i++) {
        struct slice line = slice_cut(&rest, '\n');
        enum from_line grade = source_from_line(line, &sender, &date);
        struct slice next = slice_sub(rest, 0, slice_find_byte(rest, '\n'));
        bool has_field = source_field_grade(next) != SOURCE_FIELD_NONE;
        if (grade == FROM_LINE_STRONG && (i == 0 || has_field)) {
            return true;
        }
        if (i == 0 && has_field && slice_starts(line, S("From ")) && !source_field(line, &name)) {
            return true;
        }
    }
    return false;
}

enum source_kind source_kind(struct slice head, const char **reason)
{
    const struct magic *magic = magic_find(head);
    *reason = NULL;
    if (magic) {
        *reason = magic->reason;
        return magic->kind;
    }
    if (head_is_bzip2(head)) {
        return SOURCE_PACKED;
    }
    if (head_is_tar(head)) {
        return SOURCE_PACKED;
    }
    struct slice clean = slice_sub(head, source_dirt(head), SIZE_MAX);
    bool begins_as_mbox = slice_starts(clean, S("From "));
    if (begins_as_mbox && head_is_mbox(head)) {
        return SOURCE_MBOX;
    }
    if (head_is_mail(head)) {
        return SOURCE_MAIL;
    }
    if (!begins_as_mbox && line_is_tolerable(slice_cut(&clean, '\n')) && head_is_mbox(head)) {
        return SOURCE_MBOX;
    }
    *reason = text_name(head);
    return SOURCE_REJECT;
}
