/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: batches of messages in, aggregates out. Small on purpose, so that an embedded SQLite
 * file and a ClickHouse cluster can both be behind it: no call hands out SQL, row ids or cursors
 * that must be local. One writer, any number of readers (other processes too). A store handle
 * belongs to one thread at a time. Strings given to it are copied, strings it gives to callbacks
 * are valid during the callback. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "core/clock.h"
#include "core/err.h"
#include "core/hash.h"
#include "core/ip.h"
#include "core/slice.h"
#include "mail/received.h"
#include "spool/codec.h"
#include "spool/position.h"

struct store;

enum store_mode { STORE_READ, STORE_WRITE, STORE_CREATE };

struct store_options {
    const char *path;     /* file of the embedded store */
    enum store_mode mode; /* STORE_CREATE makes it when absent, and migrates */
    size_t cache_bytes;   /* 0: the default, 64 MiB */
    bool is_durable; /* true: fsync at each commit; false (imports): only the WAL's order is kept,
                        a power cut may take the last commits but never corrupts */
    int64_t now; /* the time of arrival of what is appended; 0: the system's clock at each append */
};

enum err store_open(const struct store_options *o, struct store **out, struct errbuf *eb) MUST_USE;
void store_close(struct store *s);

/* Traps and sites */
struct trap_info {
    struct slice name, site;
    int64_t first_seen, last_seen; /* receipt times of its messages; 0 when none */
    uint64_t messages;
    int64_t up_from, retired; /* in service in between, as a person says; 0: not said */
    struct slice note;        /* of a person */
};
/* Makes the trap when new; changes its site when `site` is not empty and differs. */
enum err store_trap_put(struct store *s, struct slice name, struct slice site,
                        struct errbuf *eb) MUST_USE;
enum err store_traps(struct store *s, void (*fn)(void *, const struct trap_info *), void *arg,
                     struct errbuf *eb) MUST_USE;

/* One label of one kind with its posterior; METHODS B2. */
struct row_label {
    struct slice name; /* decided (p >= 0.9), else empty: unknown */
    struct slice best; /* empty when no rule hit */
    double posterior;
    struct slice runner_up;
    double runner_up_posterior;
    double unknown; /* 1.0 when no rule hit */
    bool is_conflict;
};

struct row_attachment {
    struct slice type, name_shape;
    struct id128 hash;
    uint64_t bytes;
};

enum { ROW_PARTS = 2 }; /* by enum cluster_kind */

/* The message record of DESIGN 4, ready to store: already redacted, recipients already
 * keyed-hashed. An empty slice is "unknown" and is stored as NULL, printed as "-". Text may hold
 * any bytes. Probabilities are kept to 1e-6. */
struct message_row {
    struct id128 id;
    struct slice trap;
    int64_t received; /* 0 with clock CLOCK_NONE: counted, but in no time bucket */
    enum clock_source clock;
    struct ip client;
    bool has_client;
    struct slice country; /* two letters, or empty */
    uint32_t asn;         /* 0: unknown */
    struct slice helo, ptr, protocol, tls, envelope_from;
    const struct id128 *recipient_hashes; /* NULL: not known */
    uint32_t recipients;                  /* at least 1 */
    uint64_t bytes;
    struct slice sd1, hd1, td1, cd1;
    struct slice sketch; /* cd1 packed (cd1_pack). To be stored one of the two is enough; read, both
                            are there, but of a version that is not this one only cd1 */
    struct slice msgid_shape, boundary_shape, mime_tree, mailer, charsets, subject;
    bool has_date_offset;
    int64_t date_offset; /* sender's Date minus received */
    const struct slice *domains;
    size_t domain_count;
    const struct slice *url_shapes;
    size_t url_shape_count;
    const struct row_attachment *attachments;
    size_t attachment_count;
    uint64_t quirks;
    struct row_label botnet, mailer_label, program;
    const struct slice *rule_ids; /* UUIDs of the rules that hit, strongest first */
    size_t rule_count;
    struct slice pack_version; /* empty when no pack was loaded */
    int64_t session_us;        /* live mail: when its connection was accepted, microseconds since
                                  1970 (store_message_session finds it); 0: no session */
    uint64_t part[ROW_PARTS];  /* keys of its variant and its wording (docs/clusters.md); 0: it has
                                  none. store/cluster.h says which cluster that is */
    bool part_is_new[ROW_PARTS]; /* to be stored: the clusters did not know it, so that this is the
                                    first message of it. Not read back */
};

/* One connection of a trap, also without a message; DESIGN 4. Ready to store: texts redacted, steps
 * freed of trap addresses. */
struct session_row {
    struct id128 id; /* session_id(): begins with the time, so that ids are in its order */
    struct slice trap, listener, persona;
    struct ip client;
    uint16_t client_port;
    bool has_proxy;
    struct slice country; /* as in message_row */
    uint32_t asn;
    int64_t started_us, ended_us; /* microseconds since 1970 */
    enum session_end end;
    struct slice helo, sd1, td1, tls, sni, auth_mechanism, auth_user;
    bool has_password;
    struct id128 password_hash; /* keyed */
    uint32_t messages, recipients_accepted, recipients_refused, commands, errors;
    uint64_t bytes_in, bytes_out;
    struct transcript transcript;
};
/* Of a connection accepted at `started_us` to which the trap gave the random `id`. */
struct id128 session_id(int64_t started_us, struct id128 id);

/* How far an import has come; committed in the same transaction as the rows before it. */
struct import_mark {
    struct slice source;   /* identity of the input: path, size, modification time, trap */
    uint64_t next_ordinal; /* messages before this one are in the store */
    uint64_t bytes_read;
    uint64_t added, repeated, rejected; /* so far, over all runs of this source */
    bool is_complete;
};

/* How far a spool is in the store: everything before this is. Committed with the rows. */
struct spool_mark {
    struct id128 spool; /* its identity */
    struct spool_position at;
};

struct store_placing;

struct append_result {
    size_t added;
    size_t repeated; /* ids that were there already: not counted again anywhere */
    size_t sessions_added;
};

/* One transaction: rows, dictionaries, rollups, host sets and the mark (NULL: none). All or
 * nothing. ERR_BUSY when another writer holds the store too long; nothing is changed then.
 * ERR_USAGE for a row without a trap or with a time outside the years 1 to 9999. */
enum err store_append(struct store *s, const struct message_row *rows, size_t n,
                      const struct import_mark *mark, struct append_result *result,
                      struct errbuf *eb) MUST_USE;

/* The same for all that one transaction can hold. */
struct store_batch {
    const struct message_row *rows;
    size_t row_count;
    const struct session_row *sessions; /* known ones are left as they are */
    size_t session_count;
    const struct import_mark *import;    /* NULL: none */
    const struct spool_mark *spool;      /* NULL: none */
    const struct store_placing *placing; /* store/cluster.h; NULL: rows go in as they are */
};
enum err store_append_batch(struct store *s, const struct store_batch *batch,
                            struct append_result *result, struct errbuf *eb) MUST_USE;

/* The position of a spool's mark; {0, 0} when it has none. */
enum err store_spool_mark(struct store *s, struct id128 spool, struct spool_position *out,
                          struct errbuf *eb) MUST_USE;

/* The last mark of a source; ERR_NOTFOUND when it was never imported. Slices of *out are not set.
 */
enum err store_import_mark(struct store *s, struct slice source, struct import_mark *out,
                           struct errbuf *eb) MUST_USE;
/* All imports, newest first: (source, mark, started, finished or 0). */
struct import_info {
    struct import_mark mark;
    int64_t started, updated;
};
enum err store_imports(struct store *s, void (*fn)(void *, const struct import_info *), void *arg,
                       struct errbuf *eb) MUST_USE;

/* ---- aggregates out ---- */

enum dimension {
#define DIMENSION(id, name, text) DIMENSION_##id,
#include "store/dimension.def"
#undef DIMENSION
    DIMENSION_COUNT
};
const char *dimension_name(enum dimension d);
const char *dimension_text(enum dimension d);
enum dimension dimension_by_name(struct slice name); /* DIMENSION_COUNT when there is none */

enum bucket { BUCKET_ALL, BUCKET_HOUR, BUCKET_DAY, BUCKET_MONTH };

/* Half-open [since, until), widened to the whole days that it touches (BUCKET_HOUR: whole hours;
 * store_page: not at all). Open ends: INT64_MIN, INT64_MAX. Messages without a receipt time are in
 * no bucket but are counted with open ends in BUCKET_ALL. */
struct store_filter {
    int64_t since, until;
    struct slice trap; /* empty: all */
    struct slice site; /* empty: all */
};
#define STORE_FILTER_ALL                                                                           \
    {                                                                                              \
        INT64_MIN, INT64_MAX, {NULL, 0},                                                           \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

struct units {
    uint64_t messages;
    uint64_t recipients;
    uint64_t bytes;
    uint64_t hosts;  /* distinct host-days' hosts in the bucket; only where the call says that it
                        fills it */
    double expected; /* sum of posteriors: soft count of messages; for labels, else = messages. Not
                        by the hour (= messages). Over all labels with "unknown" it adds up to the
                        messages */
};

struct cube_row {
    int64_t bucket;     /* start of the bucket; INT64_MIN for BUCKET_ALL */
    struct slice value; /* of the dimension */
    struct units units;
};
typedef void (*cube_fn)(void *arg, const struct cube_row *row);

/* Volume by one dimension over buckets, ordered by bucket then value. From rollups only: cost does
 * not depend on the number of messages. HOURs exist for TOTAL, BOTNET, PROGRAM, COUNTRY, TRAP,
 * SITE; others give ERR_UNSUPPORTED with BUCKET_HOUR. HOST and NET24 are for store_top. `hosts` is
 * filled for TOTAL, BOTNET, TRAP and SITE (not with BUCKET_HOUR). Values: "all" for TOTAL,
 * "unknown" for no label, "-" for no country or site, "0" for no ASN. A label that was only ever
 * second best has a row with 0 messages. */
enum err store_cube(struct store *s, const struct store_filter *f, enum bucket bucket,
                    enum dimension d, cube_fn fn, void *arg, struct errbuf *eb) MUST_USE;

/* Volume by one dimension and trap over buckets, for what must know which trap saw it: TOTAL,
 * BOTNET, MAILER, PROGRAM or COUNTRY (a trap or a site is TOTAL's), by the hour where store_cube
 * has hours; else ERR_UNSUPPORTED. Ordered by bucket, value, trap; what is not there has no row.
 * One pass over the rollups in the memory of one bucket. Values as in store_cube; hosts are not
 * filled. Summed over traps it is store_cube. `fn` must not call the store. */
struct panel_row {
    int64_t bucket;
    struct slice value;
    size_t trap; /* its place in the order of store_traps(), from 0, whatever the filter */
    struct units units;
};
typedef void (*panel_fn)(void *arg, const struct panel_row *row);
enum err store_panel(struct store *s, const struct store_filter *f, enum bucket bucket,
                     enum dimension d, panel_fn fn, void *arg, struct errbuf *eb) MUST_USE;

/* The joint rollup of DESIGN 4, for splitting a change by all at once: ordered by bucket, botnet,
 * program, country, trap. From the hours, so the period is widened to whole hours only, whatever
 * the bucket; what has no receipt time is not in it. expected = messages; hosts are not filled.
 * `fn` must not call the store. */
struct joint_row {
    int64_t bucket;
    struct slice botnet, program, country;
    size_t trap; /* as in panel_row */
    struct units units;
};
typedef void (*joint_fn)(void *arg, const struct joint_row *row);
enum err store_joint(struct store *s, const struct store_filter *f, enum bucket bucket, joint_fn fn,
                     void *arg, struct errbuf *eb) MUST_USE;

/* The `limit` greatest values of a dimension by messages (NET24: by hosts), greatest first. For
 * HOST, ASN and DOMAIN only what had at least `*least_daily` messages on some day is ranked; the
 * call sets it (0: all), so that a report can say so. The totals of what is ranked are exact. */
enum err store_top(struct store *s, const struct store_filter *f, enum dimension d, size_t limit,
                   unsigned *least_daily, cube_fn fn, void *arg, struct errbuf *eb) MUST_USE;

/* First and last receipt time and counts over the whole store (filter's trap and site apply). */
struct store_span {
    int64_t first, last; /* 0 when there is none */
    uint64_t messages;
    uint64_t no_clock;  /* messages with CLOCK_NONE */
    uint64_t no_client; /* messages without a client address */
    uint64_t conflicts; /* messages whose botnet label is in conflict */
    uint64_t clock_off; /* messages whose Date is more than an hour off */
};
enum err store_span(struct store *s, const struct store_filter *f, struct store_span *out,
                    struct errbuf *eb) MUST_USE;

/* Union of the host sets of the filter for one botnet label ("" for all, "unknown" for none): calls
 * fn with each host key in ascending order. */
enum err store_hosts(struct store *s, const struct store_filter *f, struct slice botnet,
                     void (*fn)(void *, uint64_t host), void *arg, struct errbuf *eb) MUST_USE;

/* One host on one day. */
struct host_day {
    uint64_t host;
    int64_t day;
    uint64_t sites; /* bit i: seen at the i-th of the store's site names in order of their bytes
                       (store_traps; traps without a site are "-"); sites past the 64th share bit 63
                     */
    uint64_t messages;
};
/* All (host, day) of the filter for one botnet label (as store_hosts), by host, then by day, in one
 * pass over the host tallies and the memory of one part of the address space. What has no receipt
 * time is on no day. */
enum err store_host_days(struct store *s, const struct store_filter *f, struct slice botnet,
                         void (*fn)(void *, const struct host_day *), void *arg,
                         struct errbuf *eb) MUST_USE;

/* What single message rows say of hosts. */
struct host_row {
    uint64_t host;
    int64_t received;
    uint64_t sites; /* one bit, as above */
    int64_t tcp;    /* number of the TCP fingerprint TD1 within this store; 0: not known */
};
struct host_rows_query {
    struct slice botnet, program; /* empty: all; "unknown": those without */
    size_t limit;                 /* rows looked at, the newest of the period */
};
/* Rows with a client and a time, newest first; the filter's times are not widened. *from: rows
 * received before it are not among them, because retention deleted them or the limit was reached;
 * INT64_MIN: all are. */
enum err store_host_rows(struct store *s, const struct store_filter *f,
                         const struct host_rows_query *q,
                         void (*fn)(void *, const struct host_row *), void *arg, int64_t *from,
                         struct errbuf *eb) MUST_USE;

/* ---- single messages ---- */

/* The row as stored; slices are valid until the next call on this store. ERR_NOTFOUND. */
enum err store_message(struct store *s, struct id128 id, struct message_row *out,
                       struct errbuf *eb) MUST_USE;
/* Ids that begin with these hex digits (at least 4), at most `limit`. */
enum err store_find(struct store *s, struct slice hex_prefix, size_t limit,
                    void (*fn)(void *, struct id128), void *arg, struct errbuf *eb) MUST_USE;
/* Messages of the filter in order of receipt (within a second in an order of the store's own that
 * does not change; without a time first), after the cursor (zero: from the start); the callback's
 * row slices are valid during it, and it must not call the store. */
struct page_cursor {
    int64_t received;
    struct id128 id;
    bool is_set;
};
enum err store_page(struct store *s, const struct store_filter *f, struct page_cursor *cursor,
                    size_t limit, void (*fn)(void *, const struct message_row *), void *arg,
                    struct errbuf *eb) MUST_USE;

/* ---- sessions ---- */

/* The session as stored; slices and steps are valid until the next call on this store.
 * ERR_NOTFOUND. */
enum err store_session(struct store *s, struct id128 id, struct session_row *out,
                       struct errbuf *eb) MUST_USE;
/* The session that brought a message; ERR_NOTFOUND when it has none, or none any more. */
enum err store_message_session(struct store *s, const struct message_row *m,
                               struct session_row *out, struct errbuf *eb) MUST_USE;
/* Ids that begin with these hex digits (at least 4), at most `limit`. */
enum err store_session_find(struct store *s, struct slice hex_prefix, size_t limit,
                            void (*fn)(void *, struct id128), void *arg,
                            struct errbuf *eb) MUST_USE;
/* Sessions of the filter by the time of connection (`since`, `until` to the second), after the
 * cursor; with `client` (NULL: all) only that client's. The row is valid during the callback, which
 * must not call the store. */
struct session_cursor {
    struct id128 id;
    bool is_set;
};
enum err store_sessions(struct store *s, const struct store_filter *f, const struct ip *client,
                        struct session_cursor *cursor, size_t limit,
                        void (*fn)(void *, const struct session_row *), void *arg,
                        struct errbuf *eb) MUST_USE;

/* ---- care ---- */

struct store_info {
    int schema_version, schema_newest;
    uint64_t file_bytes, wal_bytes;
    uint64_t messages, sessions, dictionary_strings, host_sets;
    uint64_t bytes_per_message; /* file without free pages over messages */
    char engine[32];
};
enum err store_info(struct store *s, struct store_info *out, struct errbuf *eb) MUST_USE;

/* Integrity: the engine's own check, then rollups and host sets against the messages. Each problem
 * is a line. *problems is their number. */
enum err store_verify(struct store *s, void (*say)(void *, const char *line), void *arg,
                      size_t *problems, struct errbuf *eb) MUST_USE;
enum err store_vacuum(struct store *s, struct errbuf *eb) MUST_USE;

/* Deletes message rows that were stored (not: received) before the day of `before` (INT64_MIN:
 * none), then those stored longest ago until no more than `bytes_max` are in use (0: no bound).
 * Rollups, host sets, identities and names of domains stay. Sessions go likewise, by the time they
 * began; they are not in *deleted. In transactions of some 10,000 rows; *deleted counts, also when
 * it fails in between. */
enum err store_retain(struct store *s, int64_t before, uint64_t bytes_max, uint64_t *deleted,
                      struct errbuf *eb) MUST_USE;

/* Small facts kept with the store ("trust", "geo.date", "retain.last"): text by key. */
enum err store_fact_put(struct store *s, struct slice key, struct slice value,
                        struct errbuf *eb) MUST_USE;
/* Appends to `out`; ERR_NOTFOUND. */
struct strbuf;
enum err store_fact_get(struct store *s, struct slice key, struct strbuf *out,
                        struct errbuf *eb) MUST_USE;

#endif
