/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the SQLite store share; nobody else includes it. Every call that writes runs
 * inside one transaction; when that fails, store_rollback() also forgets what was cached in it. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "core/arena.h"
#include "core/strbuf.h"
#include "core/strmap.h"
#include "store/cluster.h"
#include "store/store.h"
#include "store/tally.h"

#include <sqlite3.h>

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/statement.def"
#undef STATEMENT
    STATEMENT_COUNT
};

/* Day, month and hour numbers are kept in 32 bits; this one is for what has no receipt time. */
#define BUCKET_NONE INT32_MIN

/* Labels of label dimensions: id of text. 0 is "unknown". */
enum { TEXT_UNKNOWN = 0 };

/* Not dimensions of the interface, but counted like them; stored numbers. */
enum { ROLLUP_NO_CLIENT = 100, ROLLUP_CONFLICT, ROLLUP_CLOCK_OFF, ROLLUP_LAG };

/* Kinds of tallies; stored numbers. HOST is cut into parts by the upper bits of the address, so
 * that distinct hosts of any period are counted part by part in bounded memory. */
enum tally_kind {
    TALLY_HOST = 1,         /* by day; key: host, tag: stream */
    TALLY_ASN_DAY = 2,      /* key: ASN, tag: trap */
    TALLY_ASN_MONTH = 3,    /* */
    TALLY_DOMAIN_DAY = 4,   /* key: domain_key(), tag: trap */
    TALLY_DOMAIN_MONTH = 5, /* */
    TALLY_HOUR = 6,         /* by hour; key: program << 16 | country, tag: stream */
    TALLY_VARIANT = 7,      /* by day; key: number of the part, tag: trap */
    TALLY_WORDING = 8,      /* */
};
enum { HOST_PART_BITS = 7, HOST_PART_V6 = 1 << HOST_PART_BITS, HOST_PARTS };

static inline int64_t tally_key(enum tally_kind kind, unsigned part, int32_t bucket)
{
    return (int64_t)kind << 48 | (int64_t)part << 40 | ((int64_t)bucket - INT32_MIN);
}
static inline int32_t tally_key_bucket(int64_t key)
{
    return (int32_t)((key & 0xffffffff) + INT32_MIN);
}
static inline unsigned host_part(uint64_t host)
{
    return host > UINT32_MAX ? HOST_PART_V6 : (unsigned)(host >> (32 - HOST_PART_BITS));
}

/* Identities of the newest messages, which are not in message_key yet: a hash table. */
struct tail_slot {
    int64_t key, seq; /* seq 0: free */
};
struct tail {
    struct tail_slot *slots;
    size_t size, count;
    int64_t keyed; /* counter "keyed" that it begins after */
    int64_t next;  /* the next message's seq */
    bool is_valid;
};

/* Which keys message_key may hold (a Bloom filter, one word a key): a new message, which nearly all
 * are, is known to be new without a look at a table larger than the cache. */
struct filter {
    uint64_t *words;
    size_t words_count; /* a power of two */
    size_t count, most; /* keys in it; keys it is made for */
    uint64_t asked;     /* look-ups without it, since it was wanted */
};

struct text_value {
    char *p;
    size_t n;
};

/* The strings seen last, by a hash that takes a few instructions: most look-ups end here. */
struct text_recent {
    int64_t id;
    size_t n; /* 0: free */
    char bytes[48];
};
enum { TEXT_RECENT = 1024, DOMAINS_SEEN = 65536 };

/* Parts by a few bits of their key, and by a few bits of their number: the last one seen. */
struct part_seen {
    uint64_t key;
    int64_t id;       /* 0: free */
    uint64_t made_in; /* store.writes, while it is new and in no cluster; else 0 */
};
enum { PARTS_SEEN = 16384, PART_IDS_SEEN = 4096 };

/* Messages that have their numbers and identities, but not yet their rows. */
struct unwritten {
    const struct id128 *ids; /* borrowed */
    int64_t first;           /* number of the first one */
    size_t count;
};

struct counting;
struct host_memo;

struct store {
    sqlite3 *db;
    char *path;
    enum store_mode mode;
    int64_t now;           /* store_options.now */
    unsigned transactions; /* nesting of store_begin_read */
    uint64_t writes;       /* transactions that write: the number of the last one */
    int64_t generation;    /* in which days are counted anew, not added: sqlite_rewrite.c; else 0 */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct strmap *text_ids, *trap_ids, *stream_ids; /* caches; emptied by a rollback */
    struct text_recent text_recent[TEXT_RECENT];
    struct text_value *text_values; /* by id; the other way */
    struct part_seen parts_seen[CLUSTER_KIND_COUNT][PARTS_SEEN];
    struct part_seen part_ids_seen[PART_IDS_SEEN];
    size_t text_values_size, text_values_bytes;
    uint64_t
        domains_seen[DOMAINS_SEEN]; /* sqlite_domain.c: key << 1, or'ed with 1 when it is named */
    struct tail tail;
    struct unwritten unwritten;
    struct filter filter;
    struct counting *counting;
    struct host_memo *hosts;
    struct arena *arena;  /* of the message row handed out last */
    struct strbuf packed; /* of the message row being written */
};

/* ---- sqlite_open.c ---- */

/* The engine's last error as ours, with its text; `doing` says what was tried. */
enum err store_error(struct store *s, int rc, const char *doing, struct errbuf *eb);
/* The prepared statement, reset and without bindings. */
enum err store_statement(struct store *s, enum statement id, sqlite3_stmt **out,
                         struct errbuf *eb) MUST_USE;
/* Runs a statement that gives no rows and has its bindings. */
enum err store_run(struct store *s, sqlite3_stmt *st, const char *doing,
                   struct errbuf *eb) MUST_USE;
/* Steps to a row: OK, ERR_END after the last, or an error. */
enum err store_step(struct store *s, sqlite3_stmt *st, const char *doing,
                    struct errbuf *eb) MUST_USE;
/* Any SQL text without results. */
enum err store_exec(struct store *s, const char *sql, struct errbuf *eb) MUST_USE;

int store_schema_newest(void);
enum err store_begin_write(struct store *s, struct errbuf *eb) MUST_USE;
/* Commits, or with e != OK rolls back; returns e or the commit's failure (then rolled back). */
enum err store_end_write(struct store *s, enum err e, struct errbuf *eb) MUST_USE;
/* One snapshot for the statements of one call; nests. */
enum err store_begin_read(struct store *s, struct errbuf *eb) MUST_USE;
enum err store_end_read(struct store *s, enum err e, struct errbuf *eb) MUST_USE;

enum err counter_get(struct store *s, const char *name, int64_t *out, struct errbuf *eb) MUST_USE;
enum err counter_put(struct store *s, const char *name, int64_t value, struct errbuf *eb) MUST_USE;

struct slice column_slice(sqlite3_stmt *st, int column);
/* NULL when the slice is empty. Borrows until the statement is reset. */
void bind_slice(sqlite3_stmt *st, int at, struct slice s);
void bind_packed(sqlite3_stmt *st, int at, struct slice s);
static inline void bind_id(sqlite3_stmt *st, int at, int64_t id)
{
    if (id != 0) {
        sqlite3_bind_int64(st, at, id);
    }
}

/* ---- sqlite_text.c ---- */

/* Empty: 0. With `make` it is added when it is not there; else 0 and ERR_NOTFOUND. */
enum err text_id(struct store *s, struct slice value, bool make, int64_t *out,
                 struct errbuf *eb) MUST_USE;
/* Borrowed until the next call of text_value(). Empty for 0. */
enum err text_value(struct store *s, int64_t id, struct slice *out, struct errbuf *eb) MUST_USE;
enum err trap_id(struct store *s, struct slice name, bool make, int64_t *out,
                 struct errbuf *eb) MUST_USE;
enum err stream_id(struct store *s, int64_t trap, int64_t botnet, bool make, int64_t *out,
                   struct errbuf *eb) MUST_USE;
/* "DE" as a number of 16 bits; 0 for what is not two letters or digits. And back (3 bytes). */
unsigned country_code(struct slice country);
void country_text(unsigned code, char out[3]);
void store_forget(struct store *s);

/* ---- sqlite_domain.c ---- */

uint64_t domain_key(struct slice name);
/* Cuts the next name off a row's list (one a line); false at its end. */
bool domain_cut(struct slice *list, struct slice *name);
/* Gives a domain an entry in the table of names when it was seen before, as far as memory goes. */
enum err domain_note(struct store *s, uint64_t key, struct slice name, struct errbuf *eb) MUST_USE;
/* Gives all domains of a row's list an entry: before the row is deleted. */
enum err domains_keep(struct store *s, struct slice list, struct errbuf *eb) MUST_USE;

struct domain_name {
    uint64_t key;
    struct slice name; /* found, in `arena`; empty when it was not */
    struct arena *arena;
    size_t index; /* the caller's: the order is changed */
};
/* Finds the names of keys: in the table, else in the message rows; for a ranking only in the newest
 * rows. */
enum err domain_names(struct store *s, struct domain_name *names, size_t n, bool is_ranking,
                      struct errbuf *eb) MUST_USE;

/* ---- sqlite_append.c ---- */

/* Day numbers must fit the packed keys, and time_rfc3339() prints these years. */
bool time_is_sane(int64_t t);

/* What store_append_batch() does, within a transaction. */
enum err batch_append(struct store *s, const struct store_batch *in, struct append_result *result,
                      struct errbuf *eb) MUST_USE;

/* Days of arrival in the order of storing, from table arrival. */
struct arrivals {
    struct arrival {
        int64_t first_seq;
        int32_t day;
    } * days;
    size_t count;
};
/* Free with arrivals_free. */
enum err arrivals_load(struct store *s, struct arrivals *out, struct errbuf *eb) MUST_USE;
void arrivals_free(struct arrivals *a);
/* The day on which a message was stored; BUCKET_NONE when the table does not tell. */
int32_t arrival_day(const struct arrivals *a, int64_t seq);

/* ---- sqlite_identity.c ---- */

/* Brings the tail up to date; first call of a writing transaction. */
enum err identity_begin(struct store *s, struct errbuf *eb) MUST_USE;
/* identity_find() will be asked for this id soon: only a hint. */
void identity_prefetch(const struct store *s, struct id128 id);
/* OK with *seq; ERR_NOTFOUND with *key, where the id is to be put. */
enum err identity_find(struct store *s, struct id128 id, int64_t *key, int64_t *seq,
                       struct errbuf *eb) MUST_USE;
enum err identity_put(struct store *s, int64_t key, int64_t seq, struct errbuf *eb) MUST_USE;
/* Moves the tail into message_key when it has at least `least` entries. */
enum err identity_flush(struct store *s, size_t least, struct errbuf *eb) MUST_USE;
/* The same as identity_find for a reader, who has no tail. */
enum err identity_look_up(struct store *s, struct id128 id, int64_t *seq,
                          struct errbuf *eb) MUST_USE;
int64_t identity_key(struct id128 id);
void identity_free(struct store *s);

/* ---- sqlite_count.c ---- */

struct soft_count {
    unsigned dim;
    int64_t value;
    uint64_t expected; /* millionths */
};
enum { SOFT_COUNTS_MAX = 9 }; /* best, runner-up, unknown of three kinds */

/* One message as the rollups see it; by append from the row given, by verify from the row stored.
 */
struct counted {
    int64_t trap, stream;
    int64_t botnet, mailer, program; /* decided */
    int64_t received;
    int32_t arrived; /* day; BUCKET_NONE: lag is not counted */
    bool is_removed; /* taken away instead of added */
    bool has_time, has_client, is_conflict, is_clock_off;
    unsigned clock, country;
    uint32_t asn;
    uint64_t host;                    /* 0: none */
    int64_t part[CLUSTER_KIND_COUNT]; /* numbers; 0: none */
    uint64_t recipients, bytes, quirks;
    const uint64_t *domains; /* keys, each once */
    size_t domain_count;
    struct soft_count soft[SOFT_COUNTS_MAX];
    size_t soft_count;
};

struct label_ids {
    int64_t name, best, runner_up;
    uint64_t posterior, runner_up_posterior, unknown; /* millionths */
    bool is_conflict;
};
/* Spreads one message over the label, the runner-up and unknown; what is left goes to unknown, so
 * that the expected counts of all labels add up to the messages. */
void counted_label(struct counted *m, enum dimension d, const struct label_ids *l);

/* Adds to what is pending; flushes by itself when that is much. */
enum err count_message(struct store *s, const struct counted *m, bool is_scratch,
                       struct errbuf *eb) MUST_USE;
enum err count_flush(struct store *s, bool is_scratch, struct errbuf *eb) MUST_USE;
void count_forget(struct store *s);
void count_free(struct store *s);

int32_t month_of_day(int32_t day);
int32_t month_first_day(int32_t month);
int64_t hour_of(int64_t t);

/* ---- sqlite_columns.c ---- */

/* Copies into the store's arena; empty stays empty. The second by the dictionary's id. */
enum err arena_text(struct store *s, struct slice from, struct slice *out,
                    struct errbuf *eb) MUST_USE;
enum err dictionary_text(struct store *s, int64_t id, struct slice *out,
                         struct errbuf *eb) MUST_USE;

/* A text of a row: its column, and where its slice stands in the row's struct. */
struct text_column {
    int column;
    size_t offset;
};
static inline const struct slice *row_text(const void *row, const struct text_column *c)
{
    return (const struct slice *)(const void *)((const char *)row + c->offset);
}
/* Columns that hold ids of the dictionary: these, added where they are new; bound; read. */
enum err dictionary_ids(struct store *s, const void *row, const struct text_column *columns,
                        size_t n, int64_t *ids, struct errbuf *eb) MUST_USE;
void dictionary_bind(sqlite3_stmt *st, const int64_t *ids, const struct text_column *columns,
                     size_t n);
enum err dictionary_read(struct store *s, sqlite3_stmt *st, const struct text_column *columns,
                         size_t n, void *row, struct errbuf *eb) MUST_USE;
/* Columns that hold the text itself: bound (borrowed), read. */
void texts_bind(sqlite3_stmt *st, const void *row, const struct text_column *columns, size_t n);
enum err texts_read(struct store *s, sqlite3_stmt *st, const struct text_column *columns, size_t n,
                    void *row, struct errbuf *eb) MUST_USE;

/* ---- sqlite_message_*.c ---- */

/* Writes one row; `seq` and the ids are those of the caller. */
enum err message_put(struct store *s, const struct message_row *row, int64_t seq, struct counted *m,
                     struct errbuf *eb) MUST_USE;
/* The same in place of the row that is there. */
enum err message_replace(struct store *s, const struct message_row *row, int64_t seq,
                         struct counted *m, struct errbuf *eb) MUST_USE;
/* The current row of "SELECT * FROM message"; its memory is the store's arena. */
enum err message_read(struct store *s, sqlite3_stmt *st, struct message_row *row,
                      struct errbuf *eb) MUST_USE;
bool labels_are_same(const struct row_label *a, const struct row_label *b);
/* Whether two rows would be stored as the same, but for their parts. */
bool message_is_same(const struct message_row *a, const struct message_row *b);
/* A row of "SELECT * FROM message" as counted; domains are in s->arena, which the caller resets. */
enum err message_counted(struct store *s, sqlite3_stmt *st, struct counted *m,
                         struct errbuf *eb) MUST_USE;

/* An address as 4 or 16 bytes, borrowed; and back (:: for anything else). */
void client_bind(sqlite3_stmt *st, int at, const struct ip *client);
struct ip client_of(struct slice bytes);
enum err trap_read(struct store *s, int64_t id, struct slice *out, struct errbuf *eb) MUST_USE;

/* ---- sqlite_cluster.c ---- */

/* Merges followed from an id to what is alive. Each merge leads to what was alive then, so chains
 * are short; the bound is for a damaged store, where one may be a ring. */
enum { CLUSTER_HOPS_MAX = 64 };

/* part_id() will be asked for these soon, when other rows are placed: only a hint. */
void parts_prefetch(struct store *s, const uint64_t part[CLUSTER_KIND_COUNT]);

/* The number of a part, which is added when it is not there; 0 for key 0. `first`: the clusters did
 * not know it, and this is its first message: it is not looked for before, and in no cluster. 0:
 * it is not its first. */
enum err part_id(struct store *s, enum cluster_kind k, uint64_t key, int64_t first, int64_t *out,
                 struct errbuf *eb) MUST_USE;
/* And back; 0 for 0. */
enum err part_key(struct store *s, int64_t id, uint64_t *out, struct errbuf *eb) MUST_USE;
/* All that `give` gives, within a transaction. */
enum err clusters_put(struct store *s, cluster_give_fn give, void *arg, struct errbuf *eb) MUST_USE;
static inline enum tally_kind part_tally(enum cluster_kind k)
{
    return k == CLUSTER_MAILER ? TALLY_VARIANT : TALLY_WORDING;
}

/* ---- sqlite_membership.c ---- */

/* By the number of a part of one kind: its cluster, merges followed. */
struct membership {
    uint32_t *clusters;
    size_t count;
};
/* membership_free() it, whatever comes back. */
enum err membership_load(struct store *s, enum cluster_kind k, struct membership *out,
                         struct errbuf *eb) MUST_USE;
void membership_free(struct membership *m);
/* 0: in none, or of the other kind. */
static inline uint32_t membership_of(const struct membership *m, uint64_t part)
{
    return part < m->count ? m->clusters[part] : 0;
}

/* ---- sqlite_session.c ---- */

/* Writes the sessions that are not there; *added is their number. */
enum err sessions_put(struct store *s, const struct session_row *rows, size_t n, size_t *added,
                      struct errbuf *eb) MUST_USE;
/* Deletes the oldest sessions that began before `before_us`, at most `most`. */
enum err sessions_retain(struct store *s, int64_t before_us, size_t most, size_t *deleted,
                         struct errbuf *eb) MUST_USE;
enum err spool_mark_put(struct store *s, const struct spool_mark *mark, struct errbuf *eb) MUST_USE;
/* Reads all sessions as they are; *damaged counts those that cannot be. */
enum err sessions_check(struct store *s, uint64_t *damaged, struct errbuf *eb) MUST_USE;

/* ---- sqlite_trap.c ---- */

struct trap_hour;
/* Adds to the counts of an hour, within a transaction; nothing when there are no connections. */
enum err trap_hour_add(struct store *s, const struct trap_hour *h, struct errbuf *eb) MUST_USE;

/* ---- sqlite_cube.c ---- */

/* The filter in the store's terms: days (hours) from first to last, which traps. */
struct scope {
    int32_t first_day, last_day; /* inclusive; whole days */
    int32_t first_hour, last_hour;
    bool is_open;                          /* both ends: what has no time counts too */
    bool is_empty;                         /* nothing can match */
    bool has_traps;                        /* only those of `traps` */
    bool *traps;                           /* by trap id */
    int64_t *sites;                        /* by trap id: number of the site, dense */
    uint32_t *positions;                   /* by trap id: its place in store_traps() */
    struct slice *trap_names, *site_names; /* by trap id, by site number; arena */
    size_t trap_count, site_count;         /* ids and numbers are below these */
    struct arena *arena;
};
enum err scope_open(struct store *s, const struct store_filter *f, struct scope *out,
                    struct errbuf *eb) MUST_USE;
void scope_close(struct scope *c);
/* Both with a snapshot around them: store_begin_read() and store_end_read(). */
enum err scope_begin_read(struct store *s, const struct store_filter *f, struct scope *out,
                          struct errbuf *eb) MUST_USE;
enum err scope_end_read(struct store *s, struct scope *c, enum err e, struct errbuf *eb) MUST_USE;
static inline bool scope_holds_trap(const struct scope *c, int64_t trap)
{
    return trap > 0 && (uint64_t)trap < c->trap_count && (!c->has_traps || c->traps[trap]);
}

/* A period as ranges of a rollup, in order of time: its whole months and, at the edges, the days of
 * the others. Numbers are inclusive. */
struct rollup_span {
    int32_t first, last;
    bool is_month;
};
enum { SPANS_MAX = 4 };
/* Not for BUCKET_HOUR. What has no receipt time comes first. */
size_t scope_spans(const struct scope *p, enum bucket bucket, struct rollup_span spans[SPANS_MAX]);
/* The bucket that day or month `at` of a span belongs to, and when a bucket starts. */
int32_t bucket_of(enum bucket bucket, const struct rollup_span *span, int32_t at);
int64_t bucket_start(enum bucket bucket, int32_t n);
/* Rows (day or month, value, trap, messages, recipients, bytes, expected), by day or month. */
enum err rollup_open(struct store *s, unsigned dim, const struct rollup_span *span,
                     sqlite3_stmt **out, struct errbuf *eb) MUST_USE;
/* A stored value of a dimension as text. Arena of the scope. */
enum err value_text(struct store *s, const struct scope *scope, enum dimension d, uint64_t value,
                    struct slice *out, struct errbuf *eb) MUST_USE;

/* ---- sqlite_generation.c ---- */

/* ERR_NOTFOUND when there is no such generation (any more), ERR_UNSUPPORTED for what is no label.
 */
enum err generation_check(struct store *s, unsigned number, enum dimension d,
                          struct errbuf *eb) MUST_USE;
/* What is to be added to the rollup's rows of these days; rows as rollup_open()'s, by day, several
 * of the same value and trap. */
enum err differences_open(struct store *s, unsigned number, enum dimension d,
                          const struct rollup_span *days, sqlite3_stmt **out,
                          struct errbuf *eb) MUST_USE;

/* ---- sqlite_hosts.c ---- */

/* By stream id: its trap and a dense number of its botnet; 0 for ids that are not there. */
struct streams {
    uint32_t *trap, *botnet, *site;
    int64_t *botnet_text;
    size_t count, botnet_count;
};
enum err streams_load(struct store *s, const struct scope *c, struct arena *arena,
                      struct streams *out, struct errbuf *eb) MUST_USE;

/* Entries of the hours of the scope, by hour; sqlite_cube.c. Ends with what `fn` returns when that
 * is not OK. */
typedef enum err (*hour_fn)(void *arg, int32_t hour, uint32_t trap,
                            const struct tally_entry *entry);
enum err hours_each(struct store *s, const struct scope *p, const struct streams *streams,
                    hour_fn fn, void *arg, struct errbuf *eb) MUST_USE;
/* The entry's stored value of BOTNET, PROGRAM or COUNTRY; 0 for TOTAL. */
uint64_t hour_value(const struct streams *streams, enum dimension d,
                    const struct tally_entry *entry);

/* Distinct hosts of the scope for each (bucket, value) of TOTAL, BOTNET (text id), TRAP (id) or
 * SITE (number): calls fn; kept until the store changes. */
enum err hosts_distinct(struct store *s, const struct scope *c, enum bucket bucket,
                        enum dimension d,
                        enum err (*fn)(void *, int32_t bucket, int64_t value, uint64_t hosts),
                        void *arg, struct errbuf *eb) MUST_USE;
struct host_rank {
    uint64_t key; /* host, or host >> 8 for a network */
    struct units units;
};
enum err hosts_top(struct store *s, const struct scope *c, enum dimension d, size_t limit,
                   const struct host_rank **out, size_t *count, struct errbuf *eb) MUST_USE;
void hosts_free(struct store *s);

/* The bit of struct host_day.sites for each site number of the scope; arena of the scope. NULL when
 * out of memory. */
uint64_t *scope_site_bits(const struct scope *c);
/* The id of a label that is asked for: TEXT_UNKNOWN for "unknown"; ERR_NOTFOUND when nobody has it.
 */
enum err label_id(struct store *s, struct slice label, int64_t *out, struct errbuf *eb) MUST_USE;

#endif
