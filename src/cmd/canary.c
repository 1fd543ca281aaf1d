/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge canary: a message to send to a trap, and whether the last ones came. */
#include "analyse/canary.h"

#include "analyse/spool_feed.h"
#include "cmd/context.h"
#include "cmd/verbs.h"
#include "core/clock.h"

enum { STATE_FORMAT_VERSION = 1 };

/* ---- a message ---- */

/* One word with an @: it goes into header fields. */
static bool address_is_sane(const char *s)
{
    struct slice text = slice_cstr(s);
    bool ok = slice_find_byte(text, '@') < text.n;
    for (size_t i = 0; i < text.n; i++) {
        ok = ok && text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '<' && text.p[i] != '>';
    }
    return ok;
}

static int canary_make(struct context *x, const struct command *c)
{
    struct strbuf out = STRBUF_INIT;
    uint8_t key[SECRET_KEY_BYTES];
    FILE *f;
    const char *to = command_value(c, "to", ""),
               *from = command_value(c, "from", "canary@spamgauge.invalid");
    if (!*to) {
        return usage_error(c, "--to ADDRESS of the trap, please");
    }
    if (!address_is_sane(to) || !address_is_sane(from)) {
        return usage_error(c, "--%s %s: a mail address, please",
                           address_is_sane(to) ? "from" : "to", address_is_sane(to) ? from : to);
    }
    int status = context_recipient_key(x, key);
    status = status ? status : context_output(c, &f);
    if (status) {
        return status;
    }
    canary_write(&out, key, slice_cstr(c->arguments[0]), time_now(), slice_cstr(from),
                 slice_cstr(to));
    bool ok = !out.failed && fwrite(out.p, 1, out.n, f) == out.n;
    status = context_output_end(c, f, ok);
    strbuf_free(&out);
    return status;
}

/* ---- what came ---- */

struct watch {
    struct strbuf names; /* of traps, each with its NUL */
};

static void name_add(void *arg, const struct trap_info *t)
{
    struct watch *w = arg;
    strbuf_add(&w->names, t->name);
    strbuf_add_byte(&w->names, '\0');
}

static const char *state_of(int64_t received, int64_t now, uint64_t every)
{
    return !received ? "never" : now - received > (int64_t)every ? "missing" : "ok";
}

static void state_print(struct printer *p, FILE *f, struct slice trap, int64_t made,
                        int64_t received, const char *state)
{
    char when[21] = "-";
    if (!p) {
        if (received) {
            time_rfc3339(received, when);
        }
        fprintf(f, "%-8s %-20s ", state, when);
        fprintf(f, received ? "%4llds  " : "    -  ", (long long)(received - made));
        struct report_style style = context_style(f);
        struct page page = page_new(&style);
        page_escaped(&page, trap);
        page_newline(&page);
        (void)page_write(&page, f);
        return;
    }
    print_map_begin(p);
    print_key(p, "trap");
    print_text(p, trap);
    print_key(p, "state");
    print_text(p, slice_cstr(state));
    print_key(p, "received");
    if (received) {
        print_time(p, received);
    } else {
        print_null(p);
    }
    print_key(p, "seconds_under_way");
    if (received) {
        print_integer(p, received - made);
    } else {
        print_null(p);
    }
    print_map_end(p);
}

static void states_begin(struct printer *p, FILE *f)
{
    if (!p) {
        fprintf(f, "%-8s %-20s %5s  %s\n", "state", "last", "took", "trap");
        return;
    }
    print_map_begin(p);
    print_key(p, "format_version");
    print_unsigned(p, STATE_FORMAT_VERSION);
    print_key(p, "canaries");
    print_list_begin(p);
}

static enum err states_write(struct context *x, FILE *f, struct printer *p, uint64_t every,
                             size_t *missing, struct errbuf *eb)
{
    struct watch w = {.names = STRBUF_INIT};
    int64_t now = time_now();
    enum err e = store_traps(x->store, name_add, &w, eb);
    struct slice rest = strbuf_slice(&w.names);
    e = e == OK && w.names.failed ? ERR_NOMEM : e;
    states_begin(p, f);
    while (e == OK && rest.n) {
        int64_t made = 0, received = 0;
        struct slice trap = slice_cut(&rest, '\0');
        e = canary_last(x->store, trap, &made, &received, eb);
        if (e == OK) {
            const char *state = state_of(received, now, every);
            *missing += strcmp(state, "missing") == 0;
            state_print(p, f, trap, made, received, state);
        }
    }
    strbuf_free(&w.names);
    return e;
}

static int canaries_list(struct context *x, const struct command *c, enum out_format format)
{
    struct errbuf eb = {.text = ""};
    uint64_t every = config_number(x->config, CONFIG_CANARY_SECONDS);
    size_t missing = 0;
    bool ok = true;
    FILE *f;
    if (!command_number(c, "every", 1, CANARY_SECONDS, &every)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_store(x, STORE_READ);
    status = status ? status : context_output(c, &f);
    if (status) {
        return status;
    }
    struct printer *p = format == OUT_TEXT ? NULL : printer_new(format, f);
    enum err e = states_write(x, f, p, every, &missing, &eb);
    if (p) {
        print_list_end(p);
        print_map_end(p);
        ok = printer_end(p);
    }
    status = context_output_end(c, f, ok);
    return e != OK ? command_fail(c, e, &eb) : status ? status : missing ? EXIT_STATUS_NEGATIVE : 0;
}

static int canary_run(struct command *c)
{
    struct context x;
    enum out_format format;
    if (c->argument_count > 1) {
        return usage_error(c, "one trap, please");
    }
    if (!context_format(c, &format)) {
        return EXIT_STATUS_USAGE;
    }
    int status = context_open(&x, c);
    if (!status) {
        status = c->argument_count ? canary_make(&x, c) : canaries_list(&x, c, format);
        context_close(&x);
    }
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"to", OPTION_NO_SHORT, "ADDRESS", "An address of the trap, for the message."},
    {"from", OPTION_NO_SHORT, "ADDRESS",
     "The message's sender; default: canary@spamgauge.invalid."},
    {"every", OPTION_NO_SHORT, "SECONDS",
     "How often canaries are sent: without one for that long a trap's is missing; default: "
     "canary_seconds of the configuration."},
    FORMAT_OPTIONS,
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge canary mx1 --to trap@example.org | sendmail trap@example.org",
    "Sends one, from a machine outside of the trap's network.",
    "spamgauge canary --every 900",
    "Which traps have had one in the last quarter of an hour?",
    NULL,
};

const struct verb VERB_CANARY = {
    .name = "canary",
    .arguments = "[TRAP]",
    .summary = "a message that shows whether a trap is reached",
    .text = "With a TRAP, prints a message for it with a token in its header that only the holder "
            "of the key can make. Send it by your own mail system; spamgauge sends nothing. When "
            "the trap gets it, that is noted, and it is not counted as mail. A token is good for a "
            "day.\n\n"
            "Without one, lists when each trap had its last canary. The exit status is 1 when one "
            "is missing; a trap that never had one is not missed.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = canary_run,
};
