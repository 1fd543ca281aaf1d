/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One geo database on disk, whatever its format. Private to analyse/geo*.c. */
#ifndef ANALYSE_GEO_FILE_H
#define ANALYSE_GEO_FILE_H

#include "analyse/geo.h"

struct geo_file {
    /* Sets what it knows and place does not yet hold. */
    void (*lookup)(const struct geo_file *f, struct ip a, struct geo_place *place);
    void (*as_name)(const struct geo_file *f, uint32_t asn, char *out,
                    size_t n); /* NULL: knows none */
    void (*close)(struct geo_file *f);
    const char *kind; /* "libloc", "GeoLite2-Country" */
    int64_t created;
};

/* Has the file the magic of a libloc database? */
bool loc_file_is(const char *path);
enum err loc_file_open(const char *path, struct geo_file **out, struct errbuf *eb) MUST_USE;
enum err mmdb_file_open(const char *path, struct geo_file **out, struct errbuf *eb) MUST_USE;

#endif
