/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session rows, in the order of time, and the marks of spools. */
#include "store/sqlite.h"
#include "store/trap.h"

enum column {
    COLUMN_KEY,
    COLUMN_ID,
    COLUMN_TRAP,
    COLUMN_STARTED,
    COLUMN_ENDED,
    COLUMN_OUTCOME,
    COLUMN_CLIENT,
    COLUMN_CLIENT_PORT,
    COLUMN_HAS_PROXY,
    COLUMN_COUNTRY,
    COLUMN_ASN,
    COLUMN_LISTENER,
    COLUMN_PERSONA,
    COLUMN_SD1,
    COLUMN_TD1,
    COLUMN_TLS,
    COLUMN_AUTH_MECHANISM,
    COLUMN_HELO,
    COLUMN_SNI,
    COLUMN_AUTH_USER,
    COLUMN_PASSWORD,
    COLUMN_MESSAGES,
    COLUMN_ACCEPTED,
    COLUMN_REFUSED,
    COLUMN_COMMANDS,
    COLUMN_ERRORS,
    COLUMN_BYTES,
    COLUMN_TRANSCRIPT,
};

/* Sessions that began in the same microsecond stand in the next free keys: so many are looked at.
 */
enum { CROWD = 256, TIME_BYTES = 8 };

/* Ids of the dictionary, and texts that stand in the row itself. */
static const struct text_column TEXT_COLUMNS[] = {
    {COLUMN_LISTENER, offsetof(struct session_row, listener)},
    {COLUMN_PERSONA, offsetof(struct session_row, persona)},
    {COLUMN_SD1, offsetof(struct session_row, sd1)},
    {COLUMN_TD1, offsetof(struct session_row, td1)},
    {COLUMN_TLS, offsetof(struct session_row, tls)},
    {COLUMN_AUTH_MECHANISM, offsetof(struct session_row, auth_mechanism)},
};
static const struct text_column INLINE_COLUMNS[] = {
    {COLUMN_COUNTRY, offsetof(struct session_row, country)},
    {COLUMN_HELO, offsetof(struct session_row, helo)},
    {COLUMN_SNI, offsetof(struct session_row, sni)},
    {COLUMN_AUTH_USER, offsetof(struct session_row, auth_user)},
};
enum {
    TEXT_COLUMN_COUNT = sizeof TEXT_COLUMNS / sizeof *TEXT_COLUMNS,
    INLINE_COLUMN_COUNT = sizeof INLINE_COLUMNS / sizeof *INLINE_COLUMNS,
};

struct id128 session_id(int64_t started_us, struct id128 id)
{
    struct id128 out;
    for (size_t i = 0; i < TIME_BYTES; i++) {
        out.b[i] = (uint8_t)((uint64_t)started_us >> (8 * (TIME_BYTES - 1 - i)));
    }
    memcpy(out.b + TIME_BYTES, id.b, sizeof out.b - TIME_BYTES);
    return out;
}

static int64_t session_started(struct id128 id)
{
    uint64_t us = 0;
    for (size_t i = 0; i < TIME_BYTES; i++) {
        us = us << 8 | id.b[i];
    }
    return (int64_t)us;
}

/* ---- writing ---- */

/* The first free key from `started` on; ERR_EXISTS when the session is there. */
static enum err key_find(struct store *s, const struct session_row *row, int64_t *key,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_SESSION_IDS, &st, eb);
    if (e != OK) {
        return e;
    }
    *key = row->started_us;
    sqlite3_bind_int64(st, 1, row->started_us);
    sqlite3_bind_int64(st, 2, row->started_us + CROWD);
    while ((e = store_step(s, st, "finding a session", eb)) == OK) {
        struct slice id = column_slice(st, 1);
        if (slice_eq(id, slice_of((const char *)row->id.b, sizeof row->id.b))) {
            sqlite3_reset(st);
            return ERR_EXISTS;
        }
        *key += sqlite3_column_int64(st, 0) == *key;
    }
    /* no trap has so many connections in a microsecond: what does not fit is left out */
    return e != ERR_END ? e : *key > row->started_us + CROWD ? ERR_EXISTS : OK;
}

static void row_bind(sqlite3_stmt *st, const struct session_row *row, int64_t key, int64_t trap,
                     const int64_t texts[TEXT_COLUMN_COUNT], struct slice bytes,
                     struct slice transcript)
{
    const struct {
        enum column column;
        int64_t value;
    } numbers[] = {
        {COLUMN_KEY, key},
        {COLUMN_TRAP, trap},
        {COLUMN_STARTED, row->started_us},
        {COLUMN_ENDED, row->ended_us},
        {COLUMN_OUTCOME, row->end},
        {COLUMN_CLIENT_PORT, row->client_port},
        {COLUMN_HAS_PROXY, row->has_proxy},
        {COLUMN_MESSAGES, row->messages},
        {COLUMN_ACCEPTED, row->recipients_accepted},
        {COLUMN_REFUSED, row->recipients_refused},
        {COLUMN_COMMANDS, row->commands},
        {COLUMN_ERRORS, row->errors},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sqlite3_bind_int64(st, (int)numbers[i].column + 1, numbers[i].value);
    }
    dictionary_bind(st, texts, TEXT_COLUMNS, TEXT_COLUMN_COUNT);
    texts_bind(st, row, INLINE_COLUMNS, INLINE_COLUMN_COUNT);
    sqlite3_bind_blob(st, COLUMN_ID + 1, row->id.b, sizeof row->id.b, SQLITE_STATIC);
    client_bind(st, COLUMN_CLIENT + 1, &row->client);
    bind_id(st, COLUMN_ASN + 1, row->asn);
    if (row->has_password) {
        sqlite3_bind_blob(st, COLUMN_PASSWORD + 1, row->password_hash.b,
                          sizeof row->password_hash.b, SQLITE_STATIC);
    }
    bind_packed(st, COLUMN_BYTES + 1, bytes);
    bind_packed(st, COLUMN_TRANSCRIPT + 1, transcript);
}

static enum err session_put(struct store *s, const struct session_row *row, bool *is_new,
                            struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t key, trap, texts[TEXT_COLUMN_COUNT];
    *is_new = false;
    if (row->trap.n == 0 || row->started_us <= 0) {
        return err_set(eb, ERR_USAGE, "a session without a trap or with an impossible time");
    }
    enum err e = key_find(s, row, &key, eb);
    if (e != OK) {
        return e == ERR_EXISTS ? OK : e;
    }
    strbuf_clear(&s->packed);
    varint_add(&s->packed, row->bytes_in);
    varint_add(&s->packed, row->bytes_out);
    size_t bytes_end = s->packed.n;
    e = transcript_encode(&s->packed, &row->transcript);
    if (e != OK || s->packed.failed) {
        return err_set(eb, e == OK ? ERR_NOMEM : e, "a session's transcript cannot be kept");
    }
    e = dictionary_ids(s, row, TEXT_COLUMNS, TEXT_COLUMN_COUNT, texts, eb);
    e = e == OK ? trap_id(s, row->trap, true, &trap, eb) : e;
    e = e == OK ? store_statement(s, STATEMENT_SESSION_ADD, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    row_bind(st, row, key, trap, texts, slice_sub(strbuf_slice(&s->packed), 0, bytes_end),
             slice_sub(strbuf_slice(&s->packed), bytes_end, SIZE_MAX));
    *is_new = true;
    return store_run(s, st, "adding a session", eb);
}

/* Sessions come in the order of time: those of one hour and trap are added up before they are
 * written. */
static enum err hour_count(struct store *s, const struct session_row *row, struct trap_hour *sum,
                           struct errbuf *eb)
{
    int64_t hour = hour_of(row->started_us / 1000000) * 3600;
    enum err e = OK;
    if (sum->hour != hour || !slice_eq(sum->trap, row->trap)) {
        e = trap_hour_add(s, sum, eb);
        *sum = (struct trap_hour){.trap = row->trap, .hour = hour};
    }
    sum->connections++;
    sum->accepted += row->messages > 0;
    sum->refused +=
        row->messages == 0 &&
        (row->end == END_DROPPED || (row->recipients_refused > 0 && row->recipients_accepted == 0));
    return e;
}

enum err sessions_put(struct store *s, const struct session_row *rows, size_t n, size_t *added,
                      struct errbuf *eb)
{
    int64_t stored;
    enum err e = OK;
    *added = 0;
    struct trap_hour hour = {.connections = 0};
    for (size_t i = 0; e == OK && i < n; i++) {
        bool is_new;
        e = session_put(s, &rows[i], &is_new, eb);
        if (e == OK && is_new) {
            *added += 1;
            e = hour_count(s, &rows[i], &hour, eb);
        }
    }
    e = e == OK ? trap_hour_add(s, &hour, eb) : e;
    if (e == OK && *added) {
        e = counter_get(s, "sessions", &stored, eb);
        e = e == OK ? counter_put(s, "sessions", stored + (int64_t)*added, eb) : e;
    }
    return e;
}

enum err sessions_retain(struct store *s, int64_t before_us, size_t most, size_t *deleted,
                         struct errbuf *eb)
{
    sqlite3_stmt *st;
    int64_t last = 0, stored;
    *deleted = 0;
    enum err e = store_statement(s, STATEMENT_SESSION_OLDEST, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, before_us);
    sqlite3_bind_int64(st, 2, (int64_t)most);
    while ((e = store_step(s, st, "finding old sessions", eb)) == OK) {
        last = sqlite3_column_int64(st, 0);
        ++*deleted;
    }
    if (e != ERR_END || !*deleted) {
        return e == ERR_END ? OK : e;
    }
    e = store_statement(s, STATEMENT_SESSION_DELETE, &st, eb);
    if (e == OK) {
        sqlite3_bind_int64(st, 1, last);
        e = store_run(s, st, "deleting old sessions", eb);
    }
    e = e == OK ? counter_get(s, "sessions", &stored, eb) : e;
    return e == OK ? counter_put(s, "sessions", stored - (int64_t)*deleted, eb) : e;
}

/* ---- reading ---- */

static enum err damaged(struct store *s, sqlite3_stmt *st, struct errbuf *eb)
{
    return err_set(eb, ERR_STORE, "%s: session %lld is damaged", s->path,
                   (long long)sqlite3_column_int64(st, COLUMN_KEY));
}

static enum err transcript_read(struct store *s, sqlite3_stmt *st, struct session_row *row,
                                struct errbuf *eb)
{
    struct slice packed, bytes = column_slice(st, COLUMN_BYTES);
    if (!varint_cut(&bytes, &row->bytes_in) || !varint_cut(&bytes, &row->bytes_out)) {
        return damaged(s, st, eb);
    }
    enum err e = arena_text(s, column_slice(st, COLUMN_TRANSCRIPT), &packed, eb);
    if (e != OK || packed.n == 0) {
        return e;
    }
    e = transcript_decode(packed, s->arena, &row->transcript);
    return e == OK || e == ERR_NOMEM ? e : damaged(s, st, eb);
}

/* The current row of "SELECT * FROM session"; its memory is the store's arena. */
static enum err row_read(struct store *s, sqlite3_stmt *st, struct session_row *row,
                         struct errbuf *eb)
{
    struct slice id = column_slice(st, COLUMN_ID), hash = column_slice(st, COLUMN_PASSWORD);
    arena_reset(s->arena);
    *row = (struct session_row){
        .client = client_of(column_slice(st, COLUMN_CLIENT)),
        .client_port = (uint16_t)sqlite3_column_int(st, COLUMN_CLIENT_PORT),
        .has_proxy = sqlite3_column_int(st, COLUMN_HAS_PROXY),
        .asn = (uint32_t)sqlite3_column_int64(st, COLUMN_ASN),
        .started_us = sqlite3_column_int64(st, COLUMN_STARTED),
        .ended_us = sqlite3_column_int64(st, COLUMN_ENDED),
        .end = (enum session_end)sqlite3_column_int(st, COLUMN_OUTCOME),
        .has_password = hash.n == sizeof row->password_hash.b,
        .messages = (uint32_t)sqlite3_column_int64(st, COLUMN_MESSAGES),
        .recipients_accepted = (uint32_t)sqlite3_column_int64(st, COLUMN_ACCEPTED),
        .recipients_refused = (uint32_t)sqlite3_column_int64(st, COLUMN_REFUSED),
        .commands = (uint32_t)sqlite3_column_int64(st, COLUMN_COMMANDS),
        .errors = (uint32_t)sqlite3_column_int64(st, COLUMN_ERRORS),
    };
    if (id.n != sizeof row->id.b) {
        return damaged(s, st, eb);
    }
    memcpy(row->id.b, id.p, sizeof row->id.b);
    if (row->has_password) {
        memcpy(row->password_hash.b, hash.p, sizeof row->password_hash.b);
    }
    enum err e = trap_read(s, sqlite3_column_int64(st, COLUMN_TRAP), &row->trap, eb);
    e = e == OK ? dictionary_read(s, st, TEXT_COLUMNS, TEXT_COLUMN_COUNT, row, eb) : e;
    e = e == OK ? texts_read(s, st, INLINE_COLUMNS, INLINE_COLUMN_COUNT, row, eb) : e;
    return e == OK ? transcript_read(s, st, row, eb) : e;
}

/* What a session must be. */
struct wanted {
    const struct id128 *id;            /* this one */
    const struct message_row *message; /* or the one that brought it */
};

static bool row_fits(const struct session_row *row, const struct wanted *w)
{
    if (w->id) {
        return id128_eq(row->id, *w->id);
    }
    return row->started_us == w->message->session_us && w->message->has_client &&
           ip_eq(row->client, w->message->client) && slice_eq(row->trap, w->message->trap);
}

static enum err session_search(struct store *s, int64_t started_us, const struct wanted *w,
                               struct session_row *out, struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct session_row row;
    enum err e = store_statement(s, STATEMENT_SESSION_RANGE, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, started_us);
    sqlite3_bind_int64(st, 2, started_us + CROWD);
    while ((e = store_step(s, st, "reading a session", eb)) == OK) {
        e = row_read(s, st, &row, eb);
        if (e != OK || row_fits(&row, w)) {
            break;
        }
    }
    sqlite3_reset(st);
    if (e == OK) {
        *out = row;
    }
    return e == ERR_END ? err_set(eb, ERR_NOTFOUND, "%s: no such session", s->path) : e;
}

enum err store_session(struct store *s, struct id128 id, struct session_row *out, struct errbuf *eb)
{
    struct wanted w = {.id = &id};
    int64_t started_us = session_started(id);
    if (started_us < 0 || started_us > INT64_MAX - CROWD) {
        return err_set(eb, ERR_NOTFOUND, "%s: no such session", s->path);
    }
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, session_search(s, started_us, &w, out, eb), eb) : e;
}

enum err store_message_session(struct store *s, const struct message_row *m,
                               struct session_row *out, struct errbuf *eb)
{
    /* the row is in the store's arena, which the search uses */
    char trap[512];
    struct message_row copy = *m;
    struct wanted w = {.message = &copy};
    if (m->session_us <= 0 || m->trap.n > sizeof trap) {
        return err_set(eb, ERR_NOTFOUND, "%s: the message has no session", s->path);
    }
    memcpy(trap, m->trap.p, m->trap.n);
    copy.trap.p = trap;
    enum err e = store_begin_read(s, eb);
    return e == OK ? store_end_read(s, session_search(s, m->session_us, &w, out, eb), eb) : e;
}

/* ---- lists ---- */

/* The lowest and the highest id with this prefix. */
static bool prefix_range(struct slice hex, struct id128 *low, struct id128 *high)
{
    enum { DIGITS_MIN = 4 };
    memset(low->b, 0, sizeof low->b);
    memset(high->b, 0xff, sizeof high->b);
    if (hex.n < DIGITS_MIN || hex.n > 2 * sizeof low->b) {
        return false;
    }
    for (size_t i = 0; i < hex.n; i++) {
        int digit = ascii_hex(hex.p[i]);
        unsigned shift = i % 2 ? 0 : 4;
        if (digit < 0) {
            return false;
        }
        low->b[i / 2] = (uint8_t)(low->b[i / 2] | (unsigned)digit << shift);
        high->b[i / 2] = (uint8_t)((high->b[i / 2] & ~(0xfU << shift)) | (unsigned)digit << shift);
    }
    return true;
}

static int64_t key_bound(int64_t started_us, int64_t more)
{
    return started_us < 0 || started_us > INT64_MAX - more ? INT64_MAX : started_us + more;
}

enum err store_session_find(struct store *s, struct slice hex_prefix, size_t limit,
                            void (*fn)(void *, struct id128), void *arg, struct errbuf *eb)
{
    struct id128 low, high, id;
    sqlite3_stmt *st;
    if (!prefix_range(hex_prefix, &low, &high)) {
        return err_set(eb, ERR_USAGE, "an identity is 4 to 32 hex digits");
    }
    enum err e = store_statement(s, STATEMENT_SESSION_IDS, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, key_bound(session_started(low), 0));
    sqlite3_bind_int64(st, 2, key_bound(session_started(high), CROWD));
    for (size_t n = 0; n < limit && (e = store_step(s, st, "finding a session", eb)) == OK;) {
        struct slice bytes = column_slice(st, 1);
        if (bytes.n == sizeof id.b && memcmp(bytes.p, low.b, bytes.n) >= 0 &&
            memcmp(bytes.p, high.b, bytes.n) <= 0) {
            memcpy(id.b, bytes.p, sizeof id.b);
            fn(arg, id);
            n++;
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

static int64_t seconds_us(int64_t t)
{
    static const int64_t MILLION = 1000000;
    return t > INT64_MAX / MILLION ? INT64_MAX : t < 0 ? 0 : t * MILLION;
}

/* The key behind the cursor's session; its time where retention has deleted it. */
static enum err cursor_key(struct store *s, const struct session_cursor *cursor, int64_t *out,
                           struct errbuf *eb)
{
    sqlite3_stmt *st;
    enum err e = store_statement(s, STATEMENT_SESSION_IDS, &st, eb);
    if (e != OK) {
        return e;
    }
    *out = session_started(cursor->id);
    sqlite3_bind_int64(st, 1, *out);
    sqlite3_bind_int64(st, 2, key_bound(*out, CROWD));
    while ((e = store_step(s, st, "finding a session", eb)) == OK) {
        if (slice_eq(column_slice(st, 1),
                     slice_of((const char *)cursor->id.b, sizeof cursor->id.b))) {
            *out = sqlite3_column_int64(st, 0) + 1;
            break;
        }
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

struct paging {
    const struct store_filter *filter;
    const struct scope *scope;
    const struct ip *client; /* NULL: all */
    struct session_cursor *cursor;
    size_t left;
    void (*fn)(void *, const struct session_row *);
    void *arg;
};

static bool row_is_wanted(const struct paging *p, sqlite3_stmt *st)
{
    return scope_holds_trap(p->scope, sqlite3_column_int64(st, COLUMN_TRAP)) &&
           (!p->client || ip_eq(*p->client, client_of(column_slice(st, COLUMN_CLIENT))));
}

static enum err sessions_page(struct store *s, struct paging *p, struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct session_row row;
    int64_t from = seconds_us(p->filter->since), until = seconds_us(p->filter->until), behind = 0;
    enum err e = p->cursor->is_set ? cursor_key(s, p->cursor, &behind, eb) : OK;
    e = e == OK ? store_statement(s, STATEMENT_SESSION_RANGE, &st, eb) : e;
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, behind > from ? behind : from);
    sqlite3_bind_int64(st, 2, until == INT64_MAX ? until : until - 1);
    while (p->left && (e = store_step(s, st, "reading sessions", eb)) == OK) {
        if (!row_is_wanted(p, st)) {
            continue;
        }
        e = row_read(s, st, &row, eb);
        if (e != OK) {
            break;
        }
        *p->cursor = (struct session_cursor){row.id, true};
        p->left--;
        p->fn(p->arg, &row);
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

enum err store_sessions(struct store *s, const struct store_filter *f, const struct ip *client,
                        struct session_cursor *cursor, size_t limit,
                        void (*fn)(void *, const struct session_row *), void *arg,
                        struct errbuf *eb)
{
    struct scope scope;
    enum err e = scope_begin_read(s, f, &scope, eb);
    if (e != OK) {
        return e;
    }
    struct paging p = {f, &scope, client, cursor, limit, fn, arg};
    e = sessions_page(s, &p, eb);
    return scope_end_read(s, &scope, e, eb);
}

enum err sessions_check(struct store *s, uint64_t *damaged_count, struct errbuf *eb)
{
    sqlite3_stmt *st;
    struct session_row row;
    *damaged_count = 0;
    enum err e = store_statement(s, STATEMENT_SESSION_RANGE, &st, eb);
    if (e != OK) {
        return e;
    }
    sqlite3_bind_int64(st, 1, INT64_MIN);
    sqlite3_bind_int64(st, 2, INT64_MAX);
    while ((e = store_step(s, st, "reading sessions", eb)) == OK) {
        e = row_read(s, st, &row, NULL);
        if (e == ERR_NOMEM) {
            break;
        }
        *damaged_count += e != OK || session_started(row.id) != row.started_us;
    }
    sqlite3_reset(st);
    return e == ERR_END ? OK : e;
}

/* ---- marks ---- */

enum err spool_mark_put(struct store *s, const struct spool_mark *mark, struct errbuf *eb)
{
    sqlite3_stmt *st;
    char hex[33];
    enum err e = store_statement(s, STATEMENT_SPOOL_MARK_PUT, &st, eb);
    if (e != OK) {
        return e;
    }
    id128_hex(mark->spool, hex);
    sqlite3_bind_text(st, 1, hex, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, (int64_t)mark->at.segment);
    sqlite3_bind_int64(st, 3, (int64_t)mark->at.offset);
    sqlite3_bind_int64(st, 4, time_now());
    return store_run(s, st, "writing a spool's mark", eb);
}

enum err store_spool_mark(struct store *s, struct id128 spool, struct spool_position *out,
                          struct errbuf *eb)
{
    sqlite3_stmt *st;
    char hex[33];
    enum err e = store_statement(s, STATEMENT_SPOOL_MARK_GET, &st, eb);
    if (e != OK) {
        return e;
    }
    id128_hex(spool, hex);
    sqlite3_bind_text(st, 1, hex, -1, SQLITE_STATIC);
    e = store_step(s, st, "reading a spool's mark", eb);
    *out = (struct spool_position){0, 0};
    if (e == OK) {
        out->segment = (uint64_t)sqlite3_column_int64(st, 0);
        out->offset = (uint64_t)sqlite3_column_int64(st, 1);
        sqlite3_reset(st);
    }
    return e == ERR_END ? OK : e;
}
