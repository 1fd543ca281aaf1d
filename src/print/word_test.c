/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "print/word_test.h"

#include <pthread.h>

/* [letter & 31][next letter & 31]; what is no letter (0) is neutral. */
static const char BIGRAMS[32][32] = {
    "666666666666666666666666666",
#define BIGRAM(letter, levels) "6" levels,
#include "print/bigram.def"
#undef BIGRAM
};
enum { NEUTRAL = '6' };

static const struct slice CALENDAR_NAMES[] = {
#define CALENDAR(name) SLICE(name),
#include "print/calendar.def"
#undef CALENDAR
};
enum {
    CALENDAR_COUNT = sizeof CALENDAR_NAMES / sizeof *CALENDAR_NAMES,
    CALENDAR_SLOTS = 512, /* open addressing, a quarter full */
};
static uint64_t calendar_slots[CALENDAR_SLOTS]; /* 0: free */
static pthread_once_t calendar_once = PTHREAD_ONCE_INIT;
_Static_assert(CALENDAR_COUNT < CALENDAR_SLOTS / 2, "there is always a free slot");

/* Local parts that stand for an office, not for a person (RFC 2142 and custom): the same words
 * stand in texts. */
static const struct slice ROLES[] = {
    SLICE("abuse"),     SLICE("admin"),   SLICE("contact"), SLICE("help"),       SLICE("info"),
    SLICE("list"),      SLICE("lists"),   SLICE("mail"),    SLICE("news"),       SLICE("office"),
    SLICE("online"),    SLICE("order"),   SLICE("orders"),  SLICE("postmaster"), SLICE("sales"),
    SLICE("security"),  SLICE("service"), SLICE("support"), SLICE("user"),       SLICE("web"),
    SLICE("webmaster"),
};

int word_bigrams(const char *folded, size_t n)
{
    int sum = 0;
    for (size_t i = 1; i < n; i++) {
        sum += BIGRAMS[folded[i - 1] & 31][folded[i] & 31] - NEUTRAL;
    }
    return sum;
}

int word_bigrams_block(const uint8_t folded[16], bool is_long)
{
    int sum = 0;
#pragma GCC unroll 8
    for (size_t i = 1; i < 8; i++) {
        sum += BIGRAMS[folded[i - 1] & 31][folded[i] & 31];
    }
    if (is_long) {
#pragma GCC unroll 8
        for (size_t i = 8; i < 16; i++) {
            sum += BIGRAMS[folded[i - 1] & 31][folded[i] & 31];
        }
    }
    return sum - (is_long ? 15 : 7) * NEUTRAL;
}

static bool digits_only(const char *folded, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_digit(folded[i])) {
            return false;
        }
    }
    return true;
}

/* "1st", "22nd", "3rd", "4th" */
static bool is_ordinal(const char *folded, size_t n)
{
    static const struct slice ENDS[] = {SLICE("st"), SLICE("nd"), SLICE("rd"), SLICE("th")};
    for (size_t i = 0; i < 4 && n > 2; i++) {
        if (slice_ends(slice_of(folded, n), ENDS[i])) {
            return digits_only(folded, n - 2);
        }
    }
    return false;
}

enum word_kind word_kind_of(const char *folded, size_t n, unsigned rises)
{
    size_t digits = 0, hex = 0, switches = 0, from = 0;
    int score = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_digit = ascii_is_digit(folded[i]);
        digits += is_digit;
        hex += is_digit || folded[i] <= 'f';
        if (i && is_digit != ascii_is_digit(folded[i - 1])) {
            switches++;
            if (is_digit) {
                score += word_bigrams(folded + from, i - from);
            }
            from = i;
        }
    }
    if (digits == n || is_ordinal(folded, n)) {
        return WORD_NUMBER;
    }
    if (hex == n && digits && n >= WORD_HEX_BYTES) {
        return WORD_HEX;
    }
    if (!ascii_is_digit(folded[n - 1])) {
        score += word_bigrams(folded + from, n - from);
    }
    score -= switches > 1 ? WORD_SWITCH_COST * (int)(switches - 1) : 0;
    score -= rises > 1 ? WORD_RISE_COST * (int)(rises - 1) : 0;
    bool is_key = n > WORD_TOKEN_BYTES || (n >= WORD_KEY_BYTES && digits >= WORD_KEY_DIGITS);
    return is_key || (n >= WORD_RANDOM_BYTES && score < WORD_RANDOM_SCORE) ? WORD_RANDOM
                                                                           : WORD_PLAIN;
}

size_t word_digits_fold(char *folded, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_digit(folded[i])) {
            folded[kept++] = folded[i];
        } else if (!kept || folded[kept - 1] != '0') {
            folded[kept++] = '0';
        }
    }
    return kept;
}

static uint64_t *calendar_slot(uint64_t hash)
{
    size_t i = hash % CALENDAR_SLOTS;
    while (calendar_slots[i] && calendar_slots[i] != hash) {
        i = (i + 1) % CALENDAR_SLOTS;
    }
    return &calendar_slots[i];
}

static void calendar_fill(void)
{
    for (size_t i = 0; i < CALENDAR_COUNT; i++) {
        uint64_t hash = word_hash(CALENDAR_NAMES[i]);
        *calendar_slot(hash) = hash;
    }
}

bool word_is_calendar(uint64_t hash)
{
    (void)pthread_once(&calendar_once, calendar_fill);
    return hash && *calendar_slot(hash) == hash;
}

static void me_add(struct me *me, const char *folded, size_t n, size_t least)
{
    bool is_role = n < least;
    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES && !is_role; i++) {
        is_role = slice_eq(slice_of(folded, n), ROLES[i]);
    }
    if (!is_role && me->count < WORD_ME_TOKENS) {
        uint64_t hash = word_hash(slice_of(folded, n));
        me->hash[me->count++] = hash;
        me->bloom |= UINT64_C(1) << (hash & 63);
    }
}

/* The tokens of a name or a local part: each, and its letters before digits. */
static void me_tokens(struct me *me, struct slice s, size_t least)
{
    size_t i = 0;
    while (i < s.n) {
        char folded[WORD_TOKEN_BYTES];
        size_t n = 0, letters = 0;
        for (; i < s.n && ascii_is_alnum(s.p[i]) && n < sizeof folded; i++) {
            folded[n++] = ascii_lower(s.p[i]);
        }
        while (letters < n && !ascii_is_digit(folded[letters])) {
            letters++;
        }
        if (letters > 0) { /* digits alone are no name */
            me_add(me, folded, letters, letters < n ? 4 : least);
            me_add(me, folded, word_digits_fold(folded, n), letters < n ? 3 : n + 1);
        }
        i += n == 0 || n == sizeof folded;
    }
}

/* "example" of "mail.example.co.uk": the label that a person would call the host by. */
static struct slice host_name_of(struct slice host)
{
    struct slice best = {NULL, 0};
    while (host.n) {
        struct slice label = slice_cut(&host, '.');
        if (host.n && (label.n > 3 || best.n == 0)) {
            best = label;
        }
    }
    return best;
}

void me_read(struct me *me, const struct slice *items, size_t count)
{
    me->address = items;
    me->address_count = count;
    me->bloom = 0;
    me->count = 0;
    for (size_t i = 0; i < count && count <= WORD_ME_MAX; i++) {
        struct slice rest = items[i], local = slice_cut(&rest, '@');
        me_tokens(me, slice_sub(local, 0, 4 * (size_t)WORD_TOKEN_BYTES), 3);
        struct slice name = host_name_of(rest);
        me_tokens(me, slice_sub(name, 0, WORD_TOKEN_BYTES), 4);
    }
}
