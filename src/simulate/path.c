/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a message from the bot to the trap's mailbox. 41 % of a real trap's mail came through
 * a forwarder; relays put Received lines on top, filters insert fields of their own, a list server
 * writes the whole header anew. */
#include "simulate/compose.h"

enum way { WAY_DIRECT, WAY_POSTFIX, WAY_EXIM, WAY_QMAIL, WAY_TWO, WAY_LIST, WAY_COUNT };

static const struct {
    const char *name;
    unsigned percent;
} WAYS[WAY_COUNT] = {
    [WAY_DIRECT] = {"direct", 59},       [WAY_POSTFIX] = {"forwarder-postfix", 14},
    [WAY_EXIM] = {"forwarder-exim", 10}, [WAY_QMAIL] = {"forwarder-qmail", 7},
    [WAY_TWO] = {"two-forwarders", 6},   [WAY_LIST] = {"list", 4},
};

static const char POSTFIX[] = "mail.fwd-north.net", POSTFIX_IP[] = "212.27.48.10";
static const char EXIM[] = "mx2.uni-forward.org", EXIM_IP[] = "193.99.144.80";
static const char QMAIL[] = "alias.oldmail.com", QMAIL_IP[] = "209.85.199.27";
static const char LIST[] = "lists.southgroup.org", LIST_IP[] = "140.211.166.4";

static void printed(struct compose *c, const char *name, struct strbuf *b)
{
    compose_line_insert(c, 0, slice_cstr(name), arena_copy(c->arena, strbuf_slice(b)));
    strbuf_free(b);
}

/* Postfix, as the trap itself is and one forwarder. An empty `from` is the bot. */
static void received_postfix(struct compose *c, const char *by, const char *from,
                             const char *from_ip, int64_t t)
{
    char text[IP_TEXT_BYTES];
    struct strbuf b = STRBUF_INIT;
    ip_text(c->address, text);
    if (from) {
        strbuf_printf(&b, "from %s (%s [%s])\n\t", from, from, from_ip);
    } else {
        strbuf_printf(&b, "from %.*s (%s [%s])\n\t", SLICE_ARG(c->helo),
                      c->host_name[0] ? c->host_name : "unknown", text);
    }
    strbuf_printf(&b, "by %s (Postfix) with %s id ", by, from ? "ESMTP" : "SMTP");
    grammar_characters(&c->random, 'X', 10, &b);
    strbuf_printf(&b, "\n\tfor <%.*s>; ", SLICE_ARG(c->to));
    compose_date(t, 120, &b);
    strbuf_add_cstr(&b, " (CEST)");
    printed(c, "Received", &b);
}

/* The trap's own line: a live trap writes none. */
static void received_trap(struct compose *c, const char *trap, const char *from,
                          const char *from_ip, int64_t t)
{
    c->relay = from;
    c->relay_ip = from_ip;
    c->arrival = t;
    if (!c->is_live) {
        received_postfix(c, trap, from, from_ip, t);
    }
}

bool compose_relay(const struct compose *c, struct slice *name, struct ip *address)
{
    *name = slice_cstr(c->relay);
    return c->relay && ip_parse(slice_cstr(c->relay_ip), address);
}

static void received_exim(struct compose *c, int64_t t)
{
    char text[IP_TEXT_BYTES];
    struct strbuf b = STRBUF_INIT;
    ip_text(c->address, text);
    if (c->host_name[0]) {
        strbuf_printf(&b, "from %s ([%s] helo=%.*s)\n\t", c->host_name, text, SLICE_ARG(c->helo));
    } else {
        strbuf_printf(&b, "from [%s] (helo=%.*s)\n\t", text, SLICE_ARG(c->helo));
    }
    strbuf_printf(&b, "by %s with smtp (Exim 4.63)\n\t(envelope-from <%.*s@%.*s>)\n\tid 1", EXIM,
                  SLICE_ARG(c->from_local), SLICE_ARG(c->from_domain));
    grammar_characters(&c->random, 'w', 5, &b);
    strbuf_add_byte(&b, '-');
    grammar_characters(&c->random, 'w', 6, &b);
    strbuf_add_byte(&b, '-');
    grammar_characters(&c->random, 'w', 2, &b);
    strbuf_printf(&b, "\n\tfor %.*s; ", SLICE_ARG(c->to));
    compose_date(t, 60, &b);
    printed(c, "Received", &b);
}

static void received_qmail(struct compose *c, int64_t t)
{
    char text[IP_TEXT_BYTES];
    struct strbuf b = STRBUF_INIT;
    ip_text(c->address, text);
    strbuf_printf(&b, "from %s (HELO %.*s) (%s)\n  by %s with SMTP; ",
                  c->host_name[0] ? c->host_name : "unknown", SLICE_ARG(c->helo), text, QMAIL);
    compose_date(t, 0, &b);
    printed(c, "Received", &b);
    strbuf_printf(&b, "(qmail %u invoked from network); ",
                  (unsigned)pcg_between(&c->random, 1000, 32000));
    compose_date(t, 0, &b);
    printed(c, "Received", &b);
}

static size_t line_find(const struct compose *c, struct slice name)
{
    size_t i = 0;
    while (i < c->count && !slice_ieq(c->lines[i].name, name)) {
        i++;
    }
    return i;
}

/* A receiver that finds no Message-ID or Date makes one, at the end. */
static void missing_add(struct compose *c, const char *by, int64_t t)
{
    struct strbuf b = STRBUF_INIT;
    if (line_find(c, S("Message-ID")) == c->count) {
        compose_line_insert(c, c->count, S("Message-Id"), compose_fill(c, S("<{stamp}.{X 10}@")));
        strbuf_printf(&b, "%.*s%s>", SLICE_ARG(c->lines[c->count - 1].value), by);
        c->lines[c->count - 1].value = arena_copy(c->arena, strbuf_slice(&b));
        strbuf_clear(&b);
    }
    if (line_find(c, S("Date")) == c->count) {
        compose_date(t, 120, &b);
        strbuf_add_cstr(&b, " (CEST)");
        compose_line_insert(c, c->count, S("Date"), arena_copy(c->arena, strbuf_slice(&b)));
    }
    strbuf_free(&b);
}

/* What filters on the way leave: in front, or at the end. */
static void filter_add(struct compose *c)
{
    static const struct {
        const char *name, *value;
        bool is_end;
        double probability;
    } LEFT[] = {
        {"X-Spam-Checker-Version", "SpamAssassin 3.1.7 (2006-10-05) on {a 5}", false, 0.5},
        {"X-Spam-Status", "No, score={9 1}.{9 1} required=5.0 tests=HTML_MESSAGE\n\tautolearn=no",
         false, 0.5},
        {"X-Virus-Scanned", "by amavisd-new", true, 0.4},
        {"X-Scanned-By", "MIMEDefang 2.57", true, 0.2},
        {"X-Antivirus-Status", "Clean", true, 0.15}, /* of no table: a site's own */
        {"X-Sitefilter", "pass {9 2}", true, 0.12},
        {"X-NAS-Language", "English", false, 0.04},
    };
    for (size_t i = 0; i < sizeof LEFT / sizeof *LEFT; i++) {
        if (pcg_chance(&c->random, LEFT[i].probability * c->mess)) {
            struct slice value = compose_fill(c, slice_cstr(LEFT[i].value));
            compose_line_insert(c, LEFT[i].is_end ? c->count : 0, slice_cstr(LEFT[i].name), value);
        }
    }
}

/* One capital letter a word at most. */
static struct slice name_lowered(struct compose *c, struct slice name)
{
    char *p = arena_alloc(c->arena, name.n + 1);
    for (size_t i = 0; p && i < name.n; i++) {
        p[i] = i == 0 || name.p[i - 1] == '-' ? name.p[i] : ascii_lower(name.p[i]);
    }
    return slice_of(p, p ? name.n : 0);
}

/* Mailman 2 writes the fields in an order of its own, names with one capital letter a word, and its
 * own fields behind. */
static void list_rewrite(struct compose *c)
{
    static const struct slice ORDER[] = {
        SLICE("Received"), SLICE("Message-ID"),   SLICE("From"),        SLICE("To"),
        SLICE("Date"),     SLICE("MIME-Version"), SLICE("Content-Type")};
    struct compose_line old[COMPOSE_LINES];
    bool is_done[COMPOSE_LINES] = {false};
    size_t n = c->count;
    memcpy(old, c->lines, n * sizeof *old);
    c->count = 0;
    for (size_t k = 0; k <= sizeof ORDER / sizeof *ORDER; k++) {
        for (size_t i = 0; i < n; i++) {
            bool is_rest = k == sizeof ORDER / sizeof *ORDER;
            if (is_done[i] || (!is_rest && !slice_ieq(old[i].name, ORDER[k]))) {
                continue;
            }
            struct slice name = is_rest ? name_lowered(c, old[i].name) : ORDER[k];
            compose_line_insert(c, c->count, name, old[i].value);
            is_done[i] = true;
        }
    }
    size_t at = line_find(c, S("Subject"));
    if (at < c->count) {
        struct strbuf b = STRBUF_INIT;
        strbuf_printf(&b, "[southgroup] %.*s", SLICE_ARG(slice_trim(c->lines[at].value)));
        c->lines[at].value = arena_copy(c->arena, strbuf_slice(&b));
        strbuf_free(&b);
    }
    static const char *const OWN[][2] = {
        {"X-BeenThere", "talk@lists.southgroup.org"},
        {"X-Mailman-Version", "2.1.9"},
        {"Precedence", "list"},
        {"List-Id", "talk <talk.lists.southgroup.org>"},
        {"List-Post", "<mailto:talk@lists.southgroup.org>"},
        {"Sender", "talk-bounces@lists.southgroup.org"},
        {"Errors-To", "talk-bounces@lists.southgroup.org"},
    };
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        compose_line_insert(c, c->count, slice_cstr(OWN[i][0]), slice_cstr(OWN[i][1]));
    }
    if (!c->kind) {
        strbuf_add_cstr(&c->body, "_______________________________________________\ntalk mailing "
                                  "list\ntalk@lists.southgroup.org\n");
    }
}

static enum way way_draw(struct compose *c)
{
    uint64_t at = pcg_below(&c->random, 100);
    double forwarded = 0;
    size_t i = 0;
    for (i = 0; i + 1 < WAY_COUNT && at >= WAYS[i].percent; i++) {
        at -= WAYS[i].percent;
    }
    forwarded = pcg_real(&c->random);
    return i != WAY_DIRECT && forwarded >= 2 * c->mess ? WAY_DIRECT : (enum way)i;
}

const char *compose_path(struct compose *c, bool is_late)
{
    const char *trap = is_late ? "mx-a.traphost.org" : "mx1.traphost.org"; /* renamed one day */
    enum way way = way_draw(c);
    int64_t t = c->time, d = pcg_between(&c->random, 1, 40);
    const char *first = way == WAY_DIRECT  ? trap
                        : way == WAY_EXIM  ? EXIM
                        : way == WAY_QMAIL ? QMAIL
                                           : POSTFIX;
    if (!c->is_live || way != WAY_DIRECT) {
        missing_add(c, first, t);
    }
    switch (way) {
    case WAY_DIRECT:
        received_trap(c, trap, NULL, NULL, t);
        break;
    case WAY_POSTFIX:
        received_postfix(c, POSTFIX, NULL, NULL, t);
        received_trap(c, trap, POSTFIX, POSTFIX_IP, t + d);
        break;
    case WAY_EXIM:
        filter_add(c);
        received_exim(c, t);
        received_trap(c, trap, EXIM, EXIM_IP, t + d);
        break;
    case WAY_QMAIL:
        received_qmail(c, t);
        received_trap(c, trap, QMAIL, QMAIL_IP, t + d);
        break;
    case WAY_TWO:
        filter_add(c);
        received_exim(c, t);
        received_postfix(c, POSTFIX, EXIM, EXIM_IP, t + d);
        received_trap(c, trap, POSTFIX, POSTFIX_IP, t + 2 * d);
        break;
    case WAY_LIST:
    case WAY_COUNT:
        received_postfix(c, LIST, NULL, NULL, t);
        list_rewrite(c);
        received_trap(c, trap, LIST, LIST_IP, t + d);
        break;
    }
    if (c->is_live) {
        return WAYS[way].name;
    }
    filter_add(c);
    struct strbuf b = STRBUF_INIT;
    strbuf_add(&b, c->to);
    printed(c, "X-Original-To", &b);
    struct strbuf r = STRBUF_INIT;
    strbuf_printf(&r, "<%.*s@%.*s>", SLICE_ARG(c->from_local), SLICE_ARG(c->from_domain));
    printed(c, "Return-Path", &r);
    return WAYS[way].name;
}
