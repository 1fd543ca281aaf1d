/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --help and the manual pages, both from the verb tables. */
#include "cmd/verb.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMNS = 80, OPTION_INDENT = 6 };

static const char SUMMARY[] =
    "how much spam, from which botnet, on how many machines, and why it just dropped";

/* Wraps `text` (paragraphs by empty lines) at HELP_COLUMNS. */
static void wrap(FILE *f, const char *text, int indent)
{
    int column = 0;
    while (*text) {
        if (*text == '\n') {
            fputs(text[1] == '\n' ? "\n\n" : "", f);
            text += text[1] == '\n' ? 2 : 1;
            column = text[-2] == '\n' ? 0 : column;
            continue;
        }
        int n = (int)strcspn(text, " \n");
        if (column && column + 1 + n > HELP_COLUMNS) {
            fputc('\n', f);
            column = 0;
        }
        column += fprintf(f, "%*s%.*s", column ? 1 : indent, "", n, text);
        text += n;
        text += *text == ' ';
    }
    fputc('\n', f);
}

static void options_print(FILE *f, const struct option_spec *s)
{
    for (; s && s->name; s++) {
        fputs("  ", f);
        if (s->letter) {
            fprintf(f, "-%c, ", s->letter);
        }
        fprintf(f, "--%s%s%s\n", s->name, s->argument ? " " : "", s->argument ? s->argument : "");
        wrap(f, s->doc, OPTION_INDENT);
    }
}

void help_program(FILE *f)
{
    fprintf(f, "usage: spamgauge VERB [OPTION...] [ARGUMENT...]\n\n%s.\n\nVerbs:\n", SUMMARY);
    for (const struct verb *const *at = VERBS; *at; at++) {
        const struct verb *v = *at;
        fprintf(f, "  %-16s %s\n", v->name, v->summary);
    }
    fputs("\nHelp on a verb: spamgauge VERB --help.  Version: spamgauge --version.\n", f);
}

void help_verb(const struct verb *v, FILE *f)
{
    fprintf(f, "usage: spamgauge %s [OPTION...]%s%s\n\n%s.\n\n", v->name, *v->arguments ? " " : "",
            v->arguments, v->summary);
    wrap(f, v->text, 0);
    if (v->options) {
        fputs("\nOptions:\n", f);
        options_print(f, v->options);
    }
    fputs("\nOptions of every verb:\n", f);
    options_print(f, COMMON_OPTIONS);
    if (v->examples) {
        fputs("\nExamples:\n", f);
        for (const char *const *e = v->examples; e[0]; e += 2) {
            fprintf(f, "  %s\n", e[0]);
            wrap(f, e[1], OPTION_INDENT);
        }
    }
}

/* mdoc text: a leading dot or quote is a request, a backslash an escape; each sentence has its own
 * line. */
static void mdoc_text(FILE *f, const char *text)
{
    bool at_line_start = true;
    for (; *text; text++) {
        if (*text == '\n' && text[1] == '\n') {
            fputs("\n.Pp\n", f);
            text++;
            at_line_start = true;
            continue;
        }
        if (at_line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", f);
        }
        at_line_start = (*text == '.' && text[1] == ' ') || *text == '\n';
        fputs(*text == '\\' ? "\\e" : "", f);
        if (*text != '\\') {
            fputc(*text, f);
        }
        if (*text == '.' && text[1] == ' ') {
            fputc('\n', f);
            text++;
        }
    }
    fputc('\n', f);
}

static void mdoc_options(FILE *f, const struct option_spec *s)
{
    for (; s && s->name; s++) {
        fputs(".It ", f);
        if (s->letter) {
            fprintf(f, "Fl %c , ", s->letter);
        }
        fprintf(f, "Fl -%s", s->name);
        fprintf(f, s->argument ? " Ar %s\n" : "\n", s->argument);
        mdoc_text(f, s->doc);
    }
}

/* "rules check" is documented in spamgauge-rules-check(1). */
static void page_name(const struct verb *v, char *out, size_t n)
{
    snprintf(out, n, "spamgauge%s%s", v ? "-" : "", v ? v->name : "");
    for (char *p = out; *p; p++) {
        *p = *p == ' ' ? '-' : *p;
    }
}

static void mdoc_exit_status(FILE *f)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", f);
#define EXIT(name, code, text) fprintf(f, ".It %d\n%s\n", code, text);
#include "cmd/exit.def"
#undef EXIT
    fputs(".El\n", f);
}

void help_manual(const struct verb *v, FILE *f)
{
    char name[64], title[64];
    page_name(v, name, sizeof name);
    snprintf(title, sizeof title, "%s", name);
    for (char *p = title; *p; p++) {
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    }
    fprintf(f, ".Dd November 23, 2026\n.Dt %s 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n.Sh SYNOPSIS\n",
            title, name, v ? v->summary : SUMMARY);
    fprintf(f, ".Nm spamgauge\n.Ar %s\n.Op Ar option ...\n", v ? v->name : "verb");
    fprintf(f, *(v ? v->arguments : "x") ? ".Ar %s\n" : "%s", v ? v->arguments : "argument ...");
    fputs(".Sh DESCRIPTION\n", f);
    if (v) {
        mdoc_text(f, v->text);
        fputs(".Bl -tag -width Ds\n", f);
        mdoc_options(f, v->options);
        mdoc_options(f, COMMON_OPTIONS);
    } else {
        fputs("The verbs, each with a page of its own:\n.Bl -tag -width Ds\n", f);
        for (const struct verb *const *at = VERBS; *at; at++) {
            page_name(*at, name, sizeof name);
            fprintf(f, ".It Xr %s 1\n%s.\n", name, (*at)->summary);
        }
    }
    fputs(".El\n", f);
    mdoc_exit_status(f);
    if (v && v->examples) {
        fputs(".Sh EXAMPLES\n", f);
        for (const char *const *e = v->examples; e[0]; e += 2) {
            mdoc_text(f, e[1]);
            fputs(".Bd -literal -offset indent\n", f);
            mdoc_text(f, e[0]);
            fputs(e[2] ? ".Ed\n.Pp\n" : ".Ed\n", f);
        }
    }
}
