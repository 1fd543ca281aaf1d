/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/escape.h"
#include "out/human.h"
#include "out/record_json.h"
#include "out/session.h"
#include "out/view.h"
#include "print/sd1.h"

#include <inttypes.h>

enum { DIALOGUE_COLUMNS = 14, MICROSECONDS = 1000000 };

static void view_times(struct page *p, const struct session_row *s)
{
    char start[21];
    double seconds = (double)(s->ended_us - s->started_us) / MICROSECONDS;
    time_rfc3339(s->started_us / MICROSECONDS, start);
    view_printf(p, "connected", "%s, for %.3f s", start, seconds > 0 ? seconds : 0.0);
    view_field(p, "ended by", slice_cstr(session_end_name(s->end)));
}

static void view_client(struct page *p, const struct session_row *s)
{
    char client[IP_TEXT_BYTES];
    ip_text(s->client, client);
    view_printf(p, "client", "%s port %u%s, country %.*s, AS %s%.0u", client, s->client_port,
                s->has_proxy ? " (as a relay of ours says)" : "",
                s->country.n ? (int)s->country.n : 1, s->country.n ? s->country.p : "-",
                s->asn ? "" : "-", s->asn);
    view_redacted(p, "helo", s->helo);
    view_field(p, "tls", s->tls);
    view_redacted(p, "tls name", s->sni);
    if (s->auth_mechanism.n || s->auth_user.n) {
        view_field(p, "auth", s->auth_mechanism);
        view_redacted(p, "auth user", s->auth_user);
        view_field(p, "auth password",
                   s->has_password ? S("given (its keyed hash is kept)") : S(""));
    }
}

static void view_counts(struct page *p, const struct session_row *s)
{
    char in[HUMAN_BYTES], out[HUMAN_BYTES];
    view_printf(p, "messages", "%u", s->messages);
    view_printf(p, "recipients", "%u accepted, %u refused", s->recipients_accepted,
                s->recipients_refused);
    view_printf(p, "commands", "%u, %u of them answered with an error", s->commands, s->errors);
    view_printf(p, "traffic", "%s in, %s out", human_bytes(in, s->bytes_in),
                human_bytes(out, s->bytes_out));
}

/* ---- the dialogue ---- */

/* What is to be said of a step beside its text. */
static void step_notes(struct strbuf *b, const struct session_step *s)
{
    static const struct {
        uint8_t flag;
        const char *text;
    } FLAGS[] = {
        {DATA_HAS_BARE_LF, "bare LF"},
        {DATA_HAS_BARE_CR, "bare CR"},
        {DATA_HAS_NUL, "NUL"},
        {DATA_DOT_NOT_STUFFED, "dots not stuffed"},
        {DATA_SMUGGLE, "a false end of data"},
        {DATA_BDAT, "BDAT"},
        {DATA_CUT, "cut at the limit"},
    };
    if (s->kind == STEP_COMMAND && s->ending != ENDING_CRLF) {
        strbuf_printf(b, " [line end: %s]", line_ending_name(s->ending));
    }
    if (s->was_buffered) {
        strbuf_add_cstr(b, " [before the reply]");
    }
    for (size_t i = 0; s->kind == STEP_DATA && i < sizeof FLAGS / sizeof *FLAGS; i++) {
        if (s->flags & FLAGS[i].flag) {
            strbuf_printf(b, " [%s]", FLAGS[i].text);
        }
    }
}

static void step_text(struct strbuf *b, const struct session_step *s)
{
    switch (s->kind) {
    case STEP_COMMAND:
    case STEP_REPLY:
        redact_addresses(b, s->text);
        if (s->kind == STEP_COMMAND && s->bytes > s->text.n + 2) {
            strbuf_printf(b, " ... (%" PRIu64 " bytes)", s->bytes);
        }
        break;
    case STEP_DATA:
        strbuf_printf(b, "(message, %" PRIu64 " bytes)", s->bytes);
        break;
    case STEP_TLS:
        strbuf_printf(b, "(TLS handshake %s ", s->code ? "succeeded" : "failed");
        strbuf_add(b, s->text);
        strbuf_add_byte(b, ')');
        break;
    case STEP_AUTH_LINE:
        strbuf_add_cstr(b, "(a line of AUTH)");
        break;
    case STEP_EARLY:
        strbuf_printf(b, "(%" PRIu64 " bytes before it was its turn%s)", s->bytes,
                      s->code == EARLY_TLS ? ", behind STARTTLS" : "");
        break;
    case STEP_END:
        strbuf_printf(b, "(end: %s)", session_end_name((enum session_end)s->code));
        break;
    }
    step_notes(b, s);
}

static void step_view(struct page *p, const struct session_step *s)
{
    struct strbuf text = STRBUF_INIT;
    char lead[32];
    snprintf(lead, sizeof lead, "%10.3f %c ", (double)s->at_us / MICROSECONDS,
             s->kind == STEP_REPLY ? '<'
             : s->kind == STEP_END ? ' '
                                   : '>');
    step_text(&text, s);
    page_paragraph(p, lead, DIALOGUE_COLUMNS, strbuf_slice(&text));
    p->out.failed |= text.failed;
    strbuf_free(&text);
}

/* Why SD1 is what it is: each letter with what its place means. */
void session_view_sd1(struct page *p, struct slice text)
{
    static const struct {
        const char *letters, *doc;
    } TRAITS[] = {
#define SD1_TRAIT(id, letters, doc) {letters, doc},
#include "print/sd1_trait.def"
#undef SD1_TRAIT
    };
    struct sd1 d;
    if (!sd1_parse(text, &d)) {
        return;
    }
    view_head(p, "SD1, letter by letter");
    for (size_t i = 0; i < SD1_TRAIT_COUNT; i++) {
        char letter[2] = {d.a[i], '\0'};
        view_printf(p, letter, "of %s: %s", TRAITS[i].letters, TRAITS[i].doc);
    }
    view_printf(p, "sequence", "%s (hash of what was said and answered, in order)", d.b);
    view_printf(p, "skeleton", "%s (hash of the verbs and blanks as written)", d.c);
}

void session_view_dialogue(struct page *p, const struct session_row *s)
{
    const struct transcript *t = &s->transcript;
    view_head(p, "Dialogue (seconds; > the client, < the trap)");
    for (size_t i = 0; i < t->count; i++) {
        if (i == t->first && t->dropped) {
            view_printf(p, "", "... %" PRIu64 " steps are not kept ...", t->dropped);
        }
        step_view(p, &t->steps[i]);
    }
    if (t->first >= t->count && t->dropped) {
        view_printf(p, "", "... %" PRIu64 " steps are not kept ...", t->dropped);
    }
}

bool session_print_text(FILE *f, const struct session_row *s, const struct report_style *style)
{
    struct page page = page_new(style);
    struct page *p = &page;
    char id[33];
    id128_hex(s->id, id);
    page_ink(p, INK_TITLE);
    page_printf(p, "Session %s", id);
    page_ink(p, INK_NONE);
    page_newline(p);
    page_rule(p);
    view_field(p, "trap", s->trap);
    view_field(p, "listener", s->listener);
    view_field(p, "persona", s->persona);
    view_times(p, s);
    view_client(p, s);
    view_counts(p, s);
    view_field(p, "SD1", s->sd1);
    view_field(p, "TD1", s->td1);
    session_view_sd1(p, s->sd1);
    session_view_dialogue(p, s);
    return page_write(p, f);
}
