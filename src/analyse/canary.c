/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "analyse/canary.h"

#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Field: name, decimal time, 32 hex digits. It stands first, so that looking for it costs nothing.
 */
static const char FIELD[] = "X-Spamgauge-Canary: ";
enum { LOOK_BYTES = 2048, SLACK_SECONDS = 600 /* of clocks */ };

static struct id128 token_of(const uint8_t key[SECRET_KEY_BYTES], struct slice trap, int64_t made)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "canary %" PRId64 " ", made);
    strbuf_add(&text, trap);
    struct id128 token = hash_keyed(key, strbuf_slice(&text));
    strbuf_free(&text);
    return token;
}

void canary_write(struct strbuf *out, const uint8_t key[SECRET_KEY_BYTES], struct slice trap,
                  int64_t now, struct slice from, struct slice to)
{
    char hex[33], date[64] = "";
    struct tm tm;
    time_t t = (time_t)now;
    id128_hex(token_of(key, trap, now), hex);
    if (gmtime_r(&t, &tm)) {
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    }
    strbuf_printf(
        out,
        "%s%" PRId64 " %s\r\nDate: %s\r\nFrom: <%.*s>\r\nTo: <%.*s>\r\nSubject: canary\r\n"
        "Message-ID: <canary.%s@spamgauge.invalid>\r\n\r\nThis message shows that the trap "
        "is reached. It is not counted.\r\n",
        FIELD, now, hex, date, SLICE_ARG(from), SLICE_ARG(to), hex);
}

bool canary_read(struct slice raw, const uint8_t key[SECRET_KEY_BYTES], struct slice trap,
                 int64_t received, int64_t *made)
{
    struct id128 token;
    uint64_t when;
    struct slice head = slice_sub(raw, 0, LOOK_BYTES);
    size_t at = slice_find(head, slice_cstr(FIELD));
    if (at == SIZE_MAX || (at > 0 && head.p[at - 1] != '\n')) {
        return false;
    }
    struct slice line = slice_sub(head, at + sizeof FIELD - 1, SIZE_MAX);
    line = slice_trim(slice_sub(line, 0, slice_find_byte(line, '\n')));
    if (!slice_to_u64(slice_cut(&line, ' '), &when) || when > INT64_MAX / 2 ||
        !id128_parse(line, &token)) {
        return false;
    }
    *made = (int64_t)when;
    return *made <= received + SLACK_SECONDS && received - *made <= CANARY_SECONDS &&
           id128_eq(token, token_of(key, trap, *made));
}

/* Fact "canary.TRAP": "MADE RECEIVED". */
static void fact_key(struct strbuf *out, struct slice trap)
{
    strbuf_add_cstr(out, "canary.");
    strbuf_add(out, trap);
}

enum err canary_note(struct store *s, struct slice trap, int64_t made, int64_t received,
                     struct errbuf *eb)
{
    struct strbuf key = STRBUF_INIT, value = STRBUF_INIT;
    int64_t last_made, last_received;
    enum err e = canary_last(s, trap, &last_made, &last_received, eb);
    if (e == OK && received > last_received) {
        fact_key(&key, trap);
        strbuf_printf(&value, "%" PRId64 " %" PRId64, made, received);
        e = key.failed || value.failed
                ? ERR_NOMEM
                : store_fact_put(s, strbuf_slice(&key), strbuf_slice(&value), eb);
    }
    strbuf_free(&key);
    strbuf_free(&value);
    return e;
}

enum err canary_last(struct store *s, struct slice trap, int64_t *made, int64_t *received,
                     struct errbuf *eb)
{
    struct strbuf key = STRBUF_INIT, value = STRBUF_INIT;
    uint64_t numbers[2] = {0, 0};
    fact_key(&key, trap);
    enum err e = key.failed ? ERR_NOMEM : store_fact_get(s, strbuf_slice(&key), &value, eb);
    if (e == OK) {
        struct slice rest = strbuf_slice(&value);
        if (!slice_to_u64(slice_cut(&rest, ' '), &numbers[0]) || !slice_to_u64(rest, &numbers[1]) ||
            numbers[0] > INT64_MAX || numbers[1] > INT64_MAX) {
            numbers[0] = numbers[1] = 0;
        }
    }
    *made = (int64_t)numbers[0];
    *received = (int64_t)numbers[1];
    strbuf_free(&key);
    strbuf_free(&value);
    return e == ERR_NOTFOUND ? OK : e;
}
