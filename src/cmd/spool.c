/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge spool ls|verify|cat: what traps have accepted, on the disk. */
#include "analyse/spool_feed.h"
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"
#include "core/limits.h"
#include "out/escape.h"
#include "out/record_json.h"
#include "spool/codec.h"
#include "spool/folder.h"
#include "spool/reader.h"
#include "spool/summary.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { SPOOL_FORMAT_VERSION = 1, MICROSECONDS = 1000000 };

struct spool_view {
    struct context x;
    char path[CONTEXT_PATH_BYTES];
    int dir;
    bool is_written; /* a writer is at work: the newest segment grows */
};

static bool writer_is_there(int dir)
{
    int lock = openat(dir, "lock", O_RDONLY | O_CLOEXEC);
    bool is_there = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;
    if (lock >= 0) {
        close(lock); /* and with it the lock */
    }
    return is_there;
}

static int view_open(struct spool_view *v, const struct command *c)
{
    struct errbuf eb = {.text = ""};
    v->dir = -1;
    if (c->argument_count > 1) {
        return usage_error(c, "one spool, please");
    }
    int status = context_open(&v->x, c);
    if (status) {
        return status;
    }
    status = context_spool(&v->x, c, v->path);
    if (status) {
        context_close(&v->x);
        return status;
    }
    enum err e = spool_folder_open(v->path, &v->dir, &eb);
    if (e != OK) {
        context_close(&v->x);
        return command_fail(c, e, &eb);
    }
    v->is_written = writer_is_there(v->dir);
    return EXIT_STATUS_OK;
}

static void view_close(struct spool_view *v)
{
    if (v->dir >= 0) {
        close(v->dir);
    }
    context_close(&v->x);
}

/* ---- ls ---- */

static const char *analysed_word(const struct segment_file *f, struct spool_position analysed)
{
    return f->number < analysed.segment ? "yes" : f->number == analysed.segment ? "partly" : "no";
}

static const char *form_word(const struct spool_view *v, const struct segment_file *f,
                             bool is_newest)
{
    return f->is_compressed ? "compressed" : is_newest && v->is_written ? "open" : "plain";
}

static void span_text(int64_t us, char out[21])
{
    snprintf(out, 21, "-");
    if (us) {
        time_rfc3339(us / MICROSECONDS, out);
    }
}

static void segment_line(FILE *f, const struct spool_view *v, const struct segment_file *s,
                         const struct segment_summary *sum, struct spool_position analysed,
                         bool is_newest)
{
    char first[21], last[21];
    span_text(sum->first_us, first);
    span_text(sum->last_us, last);
    fprintf(f, "%8" PRIu64 "  %-10s %8" PRIu64 " %8" PRIu64 " %10.1f %8.1f  %-20s  %-20s  %s",
            s->number, form_word(v, s, is_newest), sum->records, sum->messages,
            (double)sum->bytes / 1e6, (double)s->bytes / 1e6, first, last,
            analysed_word(s, analysed));
    if (sum->damaged_bytes) {
        fprintf(f, "  %" PRIu64 " bytes damaged", sum->damaged_bytes);
    }
    fputc('\n', f);
}

static void segment_print(struct printer *p, const struct spool_view *v,
                          const struct segment_file *s, const struct segment_summary *sum,
                          struct spool_position analysed, bool is_newest)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"records", sum->records}, {"messages", sum->messages},           {"bytes", sum->bytes},
        {"disk_bytes", s->bytes},  {"damaged_bytes", sum->damaged_bytes},
    };
    print_map_begin(p);
    print_key(p, "segment");
    print_unsigned(p, s->number);
    print_key(p, "form");
    print_text(p, slice_cstr(form_word(v, s, is_newest)));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        print_key(p, numbers[i].key);
        print_unsigned(p, numbers[i].value);
    }
    const struct {
        const char *key;
        int64_t us;
    } times[] = {{"first", sum->first_us}, {"last", sum->last_us}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        print_key(p, times[i].key);
        if (times[i].us) {
            print_time(p, times[i].us / MICROSECONDS);
        } else {
            print_null(p);
        }
    }
    print_key(p, "analysed");
    print_text(p, slice_cstr(analysed_word(s, analysed)));
    print_map_end(p);
}

struct ls {
    FILE *f;
    struct printer *printer; /* NULL: text */
    struct segment_summary sum;
    uint64_t disk_bytes;
};

static void ls_begin(struct ls *ls, const struct spool_view *v, struct spool_position analysed)
{
    struct printer *p = ls->printer;
    if (!p) {
        fprintf(ls->f, "%8s  %-10s %8s %8s %10s %8s  %-20s  %-20s  %s\n", "segment", "form",
                "records", "messages", "MB", "on disk", "first", "last", "analysed");
        return;
    }
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, SPOOL_FORMAT_VERSION);
    print_key(p, "path");
    print_text(p, slice_cstr(v->path));
    print_key(p, "is_written");
    print_boolean(p, v->is_written);
    print_key(p, "analysed_segment");
    print_unsigned(p, analysed.segment);
    print_key(p, "analysed_offset");
    print_unsigned(p, analysed.offset);
    print_key(p, "segments");
    print_list_begin(p);
}

static bool ls_end(struct ls *ls, size_t count, struct spool_position analysed)
{
    if (ls->printer) {
        print_list_end(ls->printer);
        print_map_end(ls->printer);
        return printer_end(ls->printer);
    }
    fprintf(ls->f,
            "%zu segments, %" PRIu64 " records, %" PRIu64 " messages, %.1f MB, %.1f MB on disk; ",
            count, ls->sum.records, ls->sum.messages, (double)ls->sum.bytes / 1e6,
            (double)ls->disk_bytes / 1e6);
    if (analysed.segment) {
        fprintf(ls->f, "analysed up to segment %" PRIu64 ", offset %" PRIu64 "\n", analysed.segment,
                analysed.offset);
    } else {
        fputs("nothing is analysed yet\n", ls->f);
    }
    return !ferror(ls->f);
}

static enum err ls_write(struct ls *ls, const struct spool_view *v, struct errbuf *eb, bool *ok)
{
    struct segment_list l;
    struct spool_position analysed = spool_folder_analysed(v->dir);
    enum err e = spool_folder_list(v->dir, &l, eb);
    if (e != OK) {
        return e;
    }
    ls_begin(ls, v, analysed);
    for (size_t i = 0; i < l.count && e == OK; i++) {
        struct segment_summary s = {0};
        e = segment_summary_get(v->dir, l.files[i].number, l.files[i].is_compressed, &s, eb);
        if (e != OK) {
            break;
        }
        ls->sum.records += s.records;
        ls->sum.messages += s.messages;
        ls->sum.bytes += s.bytes;
        ls->disk_bytes += l.files[i].bytes;
        if (ls->printer) {
            segment_print(ls->printer, v, &l.files[i], &s, analysed, i + 1 == l.count);
        } else {
            segment_line(ls->f, v, &l.files[i], &s, analysed, i + 1 == l.count);
        }
    }
    *ok = ls_end(ls, l.count, analysed);
    segment_list_free(&l);
    return e;
}

static int ls_run(struct command *c)
{
    struct spool_view v;
    struct errbuf eb = {.text = ""};
    struct ls ls = {.f = NULL};
    enum out_format format;
    bool ok = true;
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = view_open(&v, c);
    if (status) {
        return status;
    }
    status = context_output(c, &ls.f);
    if (!status) {
        ls.printer = format == OUT_TEXT ? NULL : printer_new(format, ls.f);
        enum err e = ls_write(&ls, &v, &eb, &ok);
        status = context_output_end(c, ls.f, ok);
        status = e == OK ? status : command_fail(c, e, &eb);
    }
    view_close(&v);
    return status;
}

/* ---- verify ---- */

struct verify {
    uint64_t findings, records, messages, sessions;
};

static void finding_say(void *arg, const struct spool_finding *f)
{
    struct verify *v = arg;
    v->findings++;
    printf("segment %" PRIu64 ", offset %" PRIu64 ": %s", f->at.segment, f->at.offset, f->text);
    if (f->bytes) {
        printf(" (%" PRIu64 " bytes)", f->bytes);
    }
    putchar('\n');
}

static void record_verify(struct verify *v, const struct spool_item *item, struct arena *arena)
{
    struct decoded_record record;
    arena_reset(arena);
    enum err e = record_decode(item->payload, arena, &record);
    v->records++;
    if (e != OK) {
        struct spool_finding f = {item->at, item->payload.n,
                                  e == ERR_VERSION ? "a record of a newer version"
                                                   : "a record that is none"};
        finding_say(v, &f);
        return;
    }
    v->messages += record.kind == RECORD_MESSAGE;
    v->sessions += record.kind == RECORD_SESSION;
}

static int verify_run(struct command *c)
{
    struct spool_view v;
    struct errbuf eb = {.text = ""};
    struct verify sum = {0};
    struct spool_reader *r = NULL;
    struct spool_item item;
    int status = view_open(&v, c);
    if (status) {
        return status;
    }
    struct arena *arena = arena_new(LIMIT_RECORD_BYTES);
    struct spool_reader_options o = {
        .is_closed = !v.is_written, .on_finding = finding_say, .arg = &sum};
    enum err e = arena ? spool_reader_open_at(v.dir, &o, &r, &eb) : ERR_NOMEM;
    while (e == OK && (e = spool_reader_next(r, &item, &eb)) == OK) {
        record_verify(&sum, &item, arena);
    }
    status = e != ERR_END ? command_fail(c, e, &eb) : sum.findings ? EXIT_STATUS_NEGATIVE : 0;
    if (e == ERR_END && !command_flag(c, "quiet")) {
        printf("%s: %" PRIu64 " records (%" PRIu64 " messages, %" PRIu64 " sessions), %s\n", v.path,
               sum.records, sum.messages, sum.sessions,
               sum.findings ? "damaged as said above" : "no problem found");
    }
    spool_reader_close(r);
    arena_free(arena);
    view_close(&v);
    return status;
}

/* ---- cat ---- */

struct cat {
    FILE *f;
    struct printer *printer; /* NULL: messages as they came */
    struct store_filter filter;
    struct slice id; /* hex digits that the message's id begins with; empty: all */
    bool is_raw;
    uint64_t written;
};

static bool record_is_wanted(const struct cat *cat, const struct decoded_record *record)
{
    const struct session_head *h = record_head(record);
    bool is_message = record->kind == RECORD_MESSAGE;
    int64_t at =
        (is_message ? record->message.accepted_us : record->session.ended_us) / MICROSECONDS;
    if (at < cat->filter.since || at >= cat->filter.until ||
        (cat->filter.trap.n && !slice_eq(cat->filter.trap, h->trap)) ||
        (cat->filter.site.n && !slice_eq(cat->filter.site, h->site))) {
        return false;
    }
    if (!cat->id.n) {
        return cat->printer || is_message;
    }
    char hex[33];
    id128_hex(is_message ? spool_message_id(&record->message)
                         : session_id(h->accepted_us, h->session),
              hex);
    return (cat->printer || is_message) && slice_istarts(slice_cstr(hex), cat->id);
}

/* mboxrd: the separator's sender is one word, lines that begin like a separator get a '>'. */
static void mbox_write(FILE *f, const struct message_record *m)
{
    char when[32] = "Thu Jan  1 00:00:00 1970";
    struct tm tm;
    time_t t = (time_t)(m->accepted_us / MICROSECONDS);
    struct slice rest = m->raw;
    if (gmtime_r(&t, &tm)) {
        strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", &tm);
    }
    fputs("From ", f);
    for (size_t i = 0; i < m->mail_from.n; i++) {
        char b = m->mail_from.p[i];
        fputc(b > ' ' && b < 0x7f ? b : '_', f);
    }
    fprintf(f, "%s %s\n", m->mail_from.n ? "" : "MAILER-DAEMON", when);
    while (rest.n) {
        size_t n = slice_find_byte(rest, '\n');
        struct slice line = slice_sub(rest, 0, n + (n < rest.n)), word = line;
        while (word.n && word.p[0] == '>') {
            word = slice_sub(word, 1, SIZE_MAX);
        }
        if (slice_starts(word, S("From "))) {
            fputc('>', f);
        }
        fwrite(line.p, 1, line.n, f);
        rest = slice_sub(rest, line.n, SIZE_MAX);
    }
    fputs(m->raw.n && m->raw.p[m->raw.n - 1] == '\n' ? "\n" : "\n\n", f);
}

static void record_write(struct cat *cat, const struct spool_item *item,
                         const struct decoded_record *record)
{
    cat->written++;
    if (cat->printer) {
        bool is_message = record->kind == RECORD_MESSAGE;
        const struct session_head *h = record_head(record);
        record_print(cat->printer, item->at, record,
                     is_message ? spool_message_id(&record->message)
                                : session_id(h->accepted_us, h->session));
    } else if (cat->is_raw) {
        fwrite(record->message.raw.p, 1, record->message.raw.n, cat->f);
    } else {
        mbox_write(cat->f, &record->message);
    }
}

static void finding_warn(void *arg, const struct spool_finding *f)
{
    const struct command *c = arg;
    fprintf(stderr, "spamgauge %s: segment %" PRIu64 ", offset %" PRIu64 ": %s\n", c->verb->name,
            f->at.segment, f->at.offset, f->text);
}

static enum err records_write(struct cat *cat, const struct spool_view *v, struct command *c,
                              struct errbuf *eb)
{
    struct spool_reader *r = NULL;
    struct spool_item item;
    struct decoded_record record;
    struct arena *arena = arena_new(LIMIT_RECORD_BYTES);
    struct spool_reader_options o = {
        .is_closed = !v->is_written, .on_finding = finding_warn, .arg = c};
    enum err e = arena ? spool_reader_open_at(v->dir, &o, &r, eb) : ERR_NOMEM;
    while (e == OK && (e = spool_reader_next(r, &item, eb)) == OK) {
        arena_reset(arena);
        if (record_decode(item.payload, arena, &record) == OK && record_is_wanted(cat, &record)) {
            record_write(cat, &item, &record);
            if (cat->is_raw) {
                e = ERR_END;
            }
        }
    }
    spool_reader_close(r);
    arena_free(arena);
    return e == ERR_END ? OK : e;
}

static bool cat_options(struct cat *cat, const struct command *c, enum out_format *format)
{
    if (!context_format(c, format) || !context_filter(c, &cat->filter)) {
        return false;
    }
    cat->id = slice_cstr(command_value(c, "id", ""));
    cat->is_raw = command_flag(c, "raw");
    for (size_t i = 0; i < cat->id.n; i++) {
        if (cat->id.n > 32 || ascii_hex(cat->id.p[i]) < 0) {
            usage_error(c, "--id %s: up to 32 hex digits, please", cat->id.p);
            return false;
        }
    }
    if (*format == OUT_CSV) {
        usage_error(c, "records are no table: -f text, json or jsonl, please");
        return false;
    }
    if (cat->is_raw && (*format != OUT_TEXT || !cat->id.n)) {
        usage_error(c, "--raw is for one message: give its --id, and no -f");
        return false;
    }
    return true;
}

static int cat_run(struct command *c)
{
    struct spool_view v;
    struct errbuf eb = {.text = ""};
    struct cat cat = {.f = NULL};
    enum out_format format;
    if (!cat_options(&cat, c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = view_open(&v, c);
    if (status) {
        return status;
    }
    status = context_output(c, &cat.f);
    if (!status) {
        bool ok = true;
        cat.printer = format == OUT_TEXT ? NULL : printer_new(format, cat.f);
        if (cat.printer) {
            records_begin(cat.printer);
        }
        enum err e = records_write(&cat, &v, c, &eb);
        if (cat.printer) {
            ok = records_end(cat.printer);
        }
        status = context_output_end(c, cat.f, ok);
        status = e == OK ? status : command_fail(c, e, &eb);
        if (!status && !cat.written && cat.id.n) {
            fprintf(stderr, "spamgauge spool cat: no such message in %s\n", v.path);
            status = EXIT_STATUS_NEGATIVE;
        }
    }
    view_close(&v);
    return status;
}

/* ---- the verbs ---- */

static const struct option_spec LS_OPTIONS[] = {FORMAT_OPTIONS,
                                                {NULL, OPTION_NO_SHORT, NULL, NULL}};

static const struct option_spec CAT_OPTIONS[] = {
    FILTER_OPTIONS,
    {"id", OPTION_NO_SHORT, "ID",
     "The message of this id, as `message` shows it, or those whose ids begin so."},
    {"raw", OPTION_NO_SHORT, NULL, "The first message alone, byte for byte as it came."},
    {"format", 'f', "FORMAT",
     "text: messages as an mbox; json or jsonl: the records, sessions too, without bodies. "
     "Default: text."},
    {"output", 'o', "PATH", "Writes there instead of standard output."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const CAT_EXAMPLES[] = {
    "spamgauge spool cat --since 1d --trap mx1 -o today.mbox",
    "A day of one trap's mail.",
    "spamgauge spool cat --raw --id 5f0c77a1 > message.eml",
    "One message.",
    NULL,
};

const struct verb VERB_SPOOL_LS = {
    .name = "spool ls",
    .arguments = "[FOLDER]",
    .summary = "the segments of the spool",
    .text = "Lists the segments with their records, sizes, the time they span and whether they are "
            "analysed. FOLDER is the configured spool if none is given. Compressed segments tell "
            "their figures themselves, others are read.",
    .options = LS_OPTIONS,
    .run = ls_run,
};

const struct verb VERB_SPOOL_VERIFY = {
    .name = "spool verify",
    .arguments = "[FOLDER]",
    .summary = "checks every record of the spool",
    .text = "Reads all segments and compares all checksums. Each place that is damaged is a line; "
            "the exit status is then 1. What a running trap is still writing is not damage; what "
            "a crash left at the end is, until the trap's next start cuts it off.",
    .run = verify_run,
};

const struct verb VERB_SPOOL_CAT = {
    .name = "spool cat",
    .arguments = "[FOLDER]",
    .summary = "messages out of the spool, as they came",
    .text = "Writes messages as an mbox (with \">From \" quoted), or one message byte for byte, or "
            "the records of messages and sessions as JSON.\n\n"
            "This is the operator's own view: the spool holds what came in, with the addresses of "
            "the traps, and this verb does not redact. Do not hand its output on.",
    .options = CAT_OPTIONS,
    .examples = CAT_EXAMPLES,
    .run = cat_run,
};
