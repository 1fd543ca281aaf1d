/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our walk over the location database against the library's own look-up, address by address. */
#include "testing.h"

#include "analyse/geo.h"

#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DATABASE[] = "/var/lib/location/database.db";

static struct ip ip_of(const char *text)
{
    struct ip a;
    assert_true(ip_parse(slice_cstr(text), &a));
    return a;
}

static void oracle_compare(struct loc_database *db, const struct geo *g, struct ip a)
{
    struct in6_addr in6;
    struct loc_network *network = NULL;
    char country[3] = "", text[IP_TEXT_BYTES];
    uint32_t asn = 0;
    memcpy(&in6, a.b, sizeof a.b);
    if (loc_database_lookup(db, &in6, &network) == 0 && network) {
        snprintf(country, sizeof country, "%s", loc_network_get_country_code(network));
        asn = loc_network_get_asn(network);
        loc_network_unref(network);
    }
    struct geo_place place = geo_lookup(g, a);
    if (ip_is_special(a)) {
        assert_string_equal(place.country, "");
        return;
    }
    if (strcmp(place.country, country) != 0 || place.asn != asn) {
        ip_text(a, text);
        fail_msg("%s: library says %s AS%u, we say %s AS%u", text, country, asn, place.country,
                 place.asn);
    }
}

static void matches_the_library(void **state)
{
    struct loc_ctx *ctx;
    struct loc_database *db;
    struct geo *g;
    struct errbuf eb;
    uint64_t seed = 88172645463325252ULL;
    (void)state;
    FILE *f = fopen(DATABASE, "rb");
    if (!f) {
        print_message("no libloc-database on this machine\n");
        skip();
    }
    assert_int_equal(loc_new(&ctx), 0);
    assert_int_equal(loc_database_new(ctx, &db, f), 0);
    assert_int_equal(geo_open("auto", &g, &eb), OK);
    assert_non_null(strstr(geo_name(g), "libloc 20"));
    for (int i = 0; i < 100000; i++) { /* past where walks give way to the table */
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        struct ip a = ip_from_v4((uint32_t)seed);
        if (i % 4 == 3) {
            memcpy(a.b, &seed, 8);
            a.b[0] = 0x20;
            a.b[1] = (uint8_t)(i % 5 ? 0x01 : seed >> 40);
        }
        oracle_compare(db, g, a);
    }
    geo_close(g);
    loc_database_unref(db);
    loc_unref(ctx);
    fclose(f);
}

static void knows_some_places(void **state)
{
    struct geo *g;
    char name[64];
    (void)state;
    if (access(DATABASE, R_OK) != 0) {
        print_message("no libloc-database on this machine\n");
        skip();
    }
    assert_int_equal(geo_open("auto", &g, NULL), OK);
    struct geo_place place = geo_lookup(g, ip_of("8.8.8.8"));
    assert_string_equal(place.country, "US");
    assert_int_equal(place.asn, 15169);
    assert_string_equal(geo_lookup(g, ip_of("95.213.1.1")).country, "RU");
    assert_string_equal(geo_lookup(g, ip_of("10.0.0.1")).country, "");
    assert_string_equal(geo_lookup(g, ip_of("::1")).country, "");
    assert_non_null(strstr(geo_as_name(g, 15169, name, sizeof name), "GOOGLE"));
    assert_string_equal(geo_as_name(g, 4294967295U, name, sizeof name), "");
    geo_close(g);
}

static void none_knows_nothing(void **state)
{
    struct geo *g;
    (void)state;
    assert_int_equal(geo_open("none", &g, NULL), OK);
    assert_string_equal(geo_name(g), "");
    assert_int_equal(geo_lookup(g, ip_of("8.8.8.8")).asn, 0);
    geo_close(g);
}

/* A file that is cut or overwritten anywhere must be refused or answer something, never crash. */
static void survives_damage(void **state)
{
    struct geo *g;
    char path[] = "/tmp/spamgauge-geo-XXXXXX";
    static char head[256 * 1024];
    (void)state;
    FILE *f = fopen(DATABASE, "rb");
    if (!f) {
        print_message("no libloc-database on this machine\n");
        skip();
    }
    size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    size_t cuts[] = {4, 8, 100, 5000, n};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_true(pwrite(fd, head, cuts[i], 0) == (ssize_t)cuts[i]);
        struct errbuf eb = {.text = ""};
        if (geo_open(path, &g, &eb) == OK) {
            geo_lookup(g, ip_of("8.8.8.8"));
            geo_close(g);
        } else {
            assert_true(eb.text[0] != '\0');
            assert_string_equal(eb.file, path);
        }
    }
    /* section table pointing past the end, and a tree of random indices */
    memset(head + 8 + 20, 0xff, 64);
    assert_true(pwrite(fd, head, n, 0) == (ssize_t)n);
    assert_int_not_equal(geo_open(path, &g, NULL), OK);
    close(fd);
    unlink(path);
}

static void missing_file_is_an_error(void **state)
{
    struct geo *g;
    struct errbuf eb = {.text = ""};
    (void)state;
    assert_int_not_equal(geo_open("/nonexistent/x.mmdb", &g, &eb), OK);
    assert_non_null(strstr(eb.file, "/nonexistent/x.mmdb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_library),      cmocka_unit_test(knows_some_places),
        cmocka_unit_test(none_knows_nothing),       cmocka_unit_test(survives_damage),
        cmocka_unit_test(missing_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
