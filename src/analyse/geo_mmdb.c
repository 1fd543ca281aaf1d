/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MaxMind DB files (.mmdb) through libmaxminddb: country databases ("country"."iso_code") and AS
 * databases
 * ("autonomous_system_number"), from any maker. */
#include "analyse/geo_file.h"

#include <maxminddb.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct mmdb_file {
    struct geo_file file;
    MMDB_s db;
    char kind[64];
};

static bool entry_get(MMDB_entry_s *entry, const char *const *path, uint32_t type,
                      MMDB_entry_data_s *data)
{
    return MMDB_aget_value(entry, data, path) == MMDB_SUCCESS && data->has_data &&
           data->type == type;
}

static void mmdb_lookup(const struct geo_file *f, struct ip a, struct geo_place *place)
{
    static const char *const COUNTRY[] = {"country", "iso_code", NULL};
    static const char *const REGISTERED[] = {"registered_country", "iso_code", NULL};
    static const char *const ASN[] = {"autonomous_system_number", NULL};
    const struct mmdb_file *m = (const struct mmdb_file *)f;
    int status = MMDB_SUCCESS;
    MMDB_lookup_result_s found;
    MMDB_entry_data_s data;
    if (ip_is_v4(a)) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip_v4(a))};
        found = MMDB_lookup_sockaddr(&m->db, (struct sockaddr *)&sin, &status);
    } else {
        struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
        memcpy(&sin6.sin6_addr, a.b, sizeof a.b);
        found = MMDB_lookup_sockaddr(&m->db, (struct sockaddr *)&sin6, &status);
    }
    if (status != MMDB_SUCCESS || !found.found_entry) {
        return;
    }
    if (!place->country[0] &&
        (entry_get(&found.entry, COUNTRY, MMDB_DATA_TYPE_UTF8_STRING, &data) ||
         entry_get(&found.entry, REGISTERED, MMDB_DATA_TYPE_UTF8_STRING, &data))) {
        if (data.data_size == 2) {
            memcpy(place->country, data.utf8_string, 2);
            place->country[2] = '\0';
        }
    }
    if (!place->asn && entry_get(&found.entry, ASN, MMDB_DATA_TYPE_UINT32, &data)) {
        place->asn = data.uint32;
    }
}

static void mmdb_close(struct geo_file *f)
{
    struct mmdb_file *m = (struct mmdb_file *)f;
    MMDB_close(&m->db);
    free(m);
}

enum err mmdb_file_open(const char *path, struct geo_file **out, struct errbuf *eb)
{
    struct mmdb_file *m = calloc(1, sizeof *m);
    if (!m) {
        return ERR_NOMEM;
    }
    int status = MMDB_open(path, MMDB_MODE_MMAP, &m->db);
    if (status != MMDB_SUCCESS) {
        free(m);
        return err_at(eb, ERR_CONFIG, path, 0, 0, "not a usable .mmdb or location database: %s",
                      MMDB_strerror(status));
    }
    snprintf(m->kind, sizeof m->kind, "%s", m->db.metadata.database_type);
    m->file = (struct geo_file){mmdb_lookup, NULL, mmdb_close, m->kind,
                                (int64_t)m->db.metadata.build_epoch};
    *out = &m->file;
    return OK;
}
