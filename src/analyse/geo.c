/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One to three databases, asked in order until country and AS are both known. */
#include "analyse/geo.h"

#include "analyse/geo_file.h"
#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GEO_FILES_MAX = 2 };

static const char DEFAULT_DATABASE[] = "/var/lib/location/database.db";

struct geo {
    struct geo_file *files[GEO_FILES_MAX];
    size_t count;
    char name[256];
};

static enum err geo_add(struct geo *g, const char *path, struct errbuf *eb)
{
    struct geo_file *file = NULL;
    char day[11];
    if (g->count == GEO_FILES_MAX) {
        return err_set(eb, ERR_USAGE, "at most %d geo databases", GEO_FILES_MAX);
    }
    enum err e =
        loc_file_is(path) ? loc_file_open(path, &file, eb) : mmdb_file_open(path, &file, eb);
    if (e != OK) {
        return e;
    }
    g->files[g->count++] = file;
    day_text(day_of(file->created), day);
    size_t used = strlen(g->name);
    snprintf(g->name + used, sizeof g->name - used, "%s%s %s", used ? ", " : "", file->kind, day);
    return OK;
}

enum err geo_open(const char *spec, struct geo **out, struct errbuf *eb)
{
    struct geo *g = calloc(1, sizeof *g);
    enum err e = OK;
    if (!g) {
        return ERR_NOMEM;
    }
    if (strcmp(spec, "auto") == 0) {
        /* no packaged database is no error: countries are then unknown, and reports say so */
        e = loc_file_is(DEFAULT_DATABASE) ? geo_add(g, DEFAULT_DATABASE, eb) : OK;
    } else if (strcmp(spec, "none") != 0) {
        struct slice rest = slice_cstr(spec);
        while (e == OK && rest.n) {
            struct slice part = slice_cut(&rest, ',');
            char path[4096];
            snprintf(path, sizeof path, "%.*s", SLICE_ARG(part));
            e = geo_add(g, path, eb);
        }
    }
    if (e != OK) {
        geo_close(g);
        return e;
    }
    *out = g;
    return OK;
}

void geo_close(struct geo *g)
{
    if (g) {
        for (size_t i = 0; i < g->count; i++) {
            g->files[i]->close(g->files[i]);
        }
        free(g);
    }
}

struct geo_place geo_lookup(const struct geo *g, struct ip a)
{
    struct geo_place place = {"", 0};
    if (ip_is_special(a)) {
        return place;
    }
    for (size_t i = 0; i < g->count && (!place.country[0] || !place.asn); i++) {
        g->files[i]->lookup(g->files[i], a, &place);
    }
    return place;
}

const char *geo_name(const struct geo *g)
{
    return g->name;
}

const char *geo_as_name(const struct geo *g, uint32_t asn, char *out, size_t n)
{
    out[0] = '\0';
    for (size_t i = 0; i < g->count && !out[0]; i++) {
        if (g->files[i]->as_name) {
            g->files[i]->as_name(g->files[i], asn, out, n);
        }
    }
    return out;
}
