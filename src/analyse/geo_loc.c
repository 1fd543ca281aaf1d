/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libloc's database, read where it lies. The library builds objects for every look-up (13 us, and
 * not thread-safe); nearly every spam message brings a new host, so that alone would cost a third
 * of an import's budget. The tree walk below takes under 1 us on the layout that the package's
 * <libloc/format.h> declares; the tests hold it against the library, address by address. The file
 * is not trusted: every index is checked. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBLOC_PRIVATE
#include <libloc/format.h>
#undef LIBLOC_PRIVATE

#include "analyse/geo_file.h"

enum {
    V4_PREFIX_BITS = 96,
    ADDRESS_BITS = 128,
    V4_BITS = 32,
    RANGES_MAX = 8 * 1024 * 1024, /* IPv4 has 1.3 million in 2022 */
    BLOCKS = 1 << 16,             /* /16 networks: where the search begins */
    WALKS_MAX = 50000,
};

struct range {
    uint32_t start;   /* to the next range's start */
    uint32_t network; /* NO_NETWORK: unknown */
};

static const uint32_t NO_NETWORK = UINT32_MAX;

struct section {
    const char *p;
    uint32_t count;
};

struct loc_file {
    struct geo_file file;
    const char *map;
    size_t size;
    struct section nodes, networks, systems;
    const char *pool;
    uint32_t pool_bytes;
    uint32_t v4_root;     /* the node after the 96 bits of ::ffff:0:0/96 */
    uint32_t v4_default;  /* the network found on the way there, NO_NETWORK for none */
    pthread_mutex_t lock; /* of making the table */
    atomic_uint walks;
    _Atomic(struct range *) ranges; /* NULL until there were WALKS_MAX walks */
    size_t range_count, range_size;
    uint32_t blocks[BLOCKS + 1]; /* the last range that starts at or before each /16 */
};

bool loc_file_is(const char *path)
{
    struct loc_database_magic magic;
    FILE *f = fopen(path, "rb");
    bool is = f && fread(&magic, sizeof magic, 1, f) == 1 &&
              memcmp(magic.magic, LOC_DATABASE_MAGIC, sizeof magic.magic) == 0 &&
              magic.version == LOC_DATABASE_VERSION_1;
    if (f) {
        fclose(f);
    }
    return is;
}

static bool section_set(const struct loc_file *l, struct section *s, uint32_t offset,
                        uint32_t length, size_t item)
{
    offset = be32toh(offset);
    length = be32toh(length);
    if (offset > l->size || length > l->size - offset) {
        return false;
    }
    s->p = l->map + offset;
    s->count = (uint32_t)(length / item);
    return true;
}

static struct loc_database_network_node_v1 node_at(const struct loc_file *l, uint32_t i)
{
    struct loc_database_network_node_v1 node;
    memcpy(&node, l->nodes.p + (size_t)i * sizeof node, sizeof node);
    return node;
}

static unsigned ip_bit(struct ip a, unsigned i)
{
    return a.b[i / 8] >> (7 - i % 8) & 1;
}

/* Follows bits [from, to) from *node; the last network met on the way goes to *network. False where
 * the tree ends before `to`. */
static bool tree_walk(const struct loc_file *l, struct ip a, unsigned from, unsigned to,
                      uint32_t *node, uint32_t *network)
{
    for (unsigned i = from;; i++) {
        struct loc_database_network_node_v1 n = node_at(l, *node);
        uint32_t here = be32toh(n.network);
        if (here < l->networks.count) {
            *network = here;
        }
        if (i == to) {
            return true;
        }
        uint32_t next = be32toh(ip_bit(a, i) ? n.one : n.zero);
        if (next == 0 || next >= l->nodes.count) {
            return false;
        }
        *node = next;
    }
}

static bool range_add(struct loc_file *l, struct range **ranges, uint32_t start, uint32_t network)
{
    if (l->range_count && (*ranges)[l->range_count - 1].network == network) {
        return true;
    }
    if (l->range_count == l->range_size) {
        size_t size = l->range_size ? 2 * l->range_size : 64 * 1024;
        struct range *grown = size > RANGES_MAX ? NULL : realloc(*ranges, size * sizeof *grown);
        if (!grown) {
            return false;
        }
        *ranges = grown;
        l->range_size = size;
    }
    (*ranges)[l->range_count++] = (struct range){start, network};
    return true;
}

/* All ranges below `node`, which stands for the first `depth` bits of `start`; in ascending order.
 */
static bool tree_flatten(struct loc_file *l, struct range **ranges, uint32_t node, unsigned depth,
                         uint32_t start, uint32_t network)
{
    struct loc_database_network_node_v1 n = node_at(l, node);
    uint32_t here = be32toh(n.network);
    network = here < l->networks.count ? here : network;
    if (depth == V4_BITS) {
        return range_add(l, ranges, start, network);
    }
    for (unsigned bit = 0; bit < 2; bit++) {
        uint32_t child = be32toh(bit ? n.one : n.zero);
        uint32_t child_start = start | bit << (V4_BITS - 1 - depth);
        bool ok = child == 0 || child >= l->nodes.count
                      ? range_add(l, ranges, child_start, network)
                      : tree_flatten(l, ranges, child, depth + 1, child_start, network);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* Makes the table once; NULL when the file is damaged beyond RANGES_MAX or memory ran out: then
 * nothing is known. */
static const struct range *ranges_get(struct loc_file *l)
{
    static struct range nothing = {0, UINT32_MAX};
    struct range *ranges = atomic_load_explicit(&l->ranges, memory_order_acquire);
    if (ranges) {
        return ranges;
    }
    pthread_mutex_lock(&l->lock);
    if (!atomic_load(&l->ranges)) {
        if (l->v4_root == NO_NETWORK ||
            !tree_flatten(l, &ranges, l->v4_root, 0, 0, l->v4_default)) {
            free(ranges);
            ranges = &nothing;
            l->range_count = 1;
            l->range_size = 0;
        }
        size_t at = 0;
        for (uint32_t block = 0; block < BLOCKS; block++) {
            while (at + 1 < l->range_count && ranges[at + 1].start <= block << 16) {
                at++;
            }
            l->blocks[block] = (uint32_t)at;
        }
        l->blocks[BLOCKS] = (uint32_t)(l->range_count - 1);
        madvise((void *)(uintptr_t)l->map, l->size,
                MADV_DONTNEED); /* the tree is not needed any more */
        atomic_store_explicit(&l->ranges, ranges, memory_order_release);
    }
    pthread_mutex_unlock(&l->lock);
    return atomic_load(&l->ranges);
}

static uint32_t v4_walk(struct loc_file *l, struct ip a)
{
    uint32_t node = l->v4_root, found = l->v4_default;
    if (node != NO_NETWORK) {
        tree_walk(l, a, V4_PREFIX_BITS, ADDRESS_BITS, &node, &found);
    }
    return found;
}

static uint32_t v4_find(struct loc_file *l, struct ip a)
{
    uint32_t address = ip_v4(a);
    if (atomic_load_explicit(&l->walks, memory_order_relaxed) < WALKS_MAX) {
        atomic_fetch_add_explicit(&l->walks, 1, memory_order_relaxed);
        return v4_walk(l, a);
    }
    const struct range *ranges = ranges_get(l);
    uint32_t low = l->blocks[address >> 16], high = l->blocks[(address >> 16) + 1];
    while (low < high) { /* the last range with start <= address */
        uint32_t mid = low + (high - low + 1) / 2;
        if (ranges[mid].start <= address) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    return ranges[low].network;
}

static void loc_lookup(const struct geo_file *f, struct ip a, struct geo_place *place)
{
    struct loc_file *l = (struct loc_file *)(uintptr_t)f;
    struct loc_database_network_v1 network;
    uint32_t node = 0, found = NO_NETWORK;
    if (ip_is_v4(a)) {
        found = v4_find(l, a);
    } else {
        tree_walk(l, a, 0, ADDRESS_BITS, &node, &found);
    }
    if (found == NO_NETWORK) {
        return;
    }
    memcpy(&network, l->networks.p + (size_t)found * sizeof network, sizeof network);
    if (!place->country[0] && ascii_is_upper(network.country_code[0]) &&
        ascii_is_alnum(network.country_code[1])) {
        memcpy(place->country, network.country_code, 2);
        place->country[2] = '\0';
    }
    if (!place->asn) {
        place->asn = be32toh(network.asn);
    }
}

static void loc_as_name(const struct geo_file *f, uint32_t asn, char *out, size_t n)
{
    const struct loc_file *l = (const struct loc_file *)f;
    struct loc_database_as_v1 as;
    for (uint32_t low = 0, high = l->systems.count; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        memcpy(&as, l->systems.p + (size_t)mid * sizeof as, sizeof as);
        uint32_t number = be32toh(as.number), name = be32toh(as.name);
        if (number == asn) {
            if (name < l->pool_bytes) {
                size_t length = strnlen(l->pool + name, l->pool_bytes - name);
                snprintf(out, n, "%.*s", (int)(length < 200 ? length : 200), l->pool + name);
            }
            return;
        }
        if (number < asn) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
}

static void loc_close(struct geo_file *f)
{
    struct loc_file *l = (struct loc_file *)f;
    if (l->range_size) {
        free(atomic_load(&l->ranges));
    }
    pthread_mutex_destroy(&l->lock);
    if (l->map) {
        munmap((void *)(uintptr_t)l->map, l->size);
    }
    free(l);
}

static enum err loc_map(struct loc_file *l, const char *path, struct errbuf *eb)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        enum err e = err_at(eb, ERR_IO, path, 0, 0, "%s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return e;
    }
    l->size = (size_t)st.st_size;
    void *map = mmap(NULL, l->size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        return err_at(eb, ERR_IO, path, 0, 0, "cannot be mapped");
    }
    l->map = map;
    return OK;
}

static bool loc_sections(struct loc_file *l)
{
    struct loc_database_header_v1 h;
    struct section pool;
    size_t start = sizeof(struct loc_database_magic);
    if (l->size < start + sizeof h) {
        return false;
    }
    memcpy(&h, l->map + start, sizeof h);
    if (!section_set(l, &l->nodes, h.network_tree_offset, h.network_tree_length,
                     sizeof(struct loc_database_network_node_v1)) ||
        !section_set(l, &l->networks, h.network_data_offset, h.network_data_length,
                     sizeof(struct loc_database_network_v1)) ||
        !section_set(l, &l->systems, h.as_offset, h.as_length, sizeof(struct loc_database_as_v1)) ||
        !section_set(l, &pool, h.pool_offset, h.pool_length, 1) || !l->nodes.count) {
        return false;
    }
    l->pool = pool.p;
    l->pool_bytes = pool.count;
    l->file.created = (int64_t)be64toh(h.created_at);
    return true;
}

enum err loc_file_open(const char *path, struct geo_file **out, struct errbuf *eb)
{
    struct loc_file *l = calloc(1, sizeof *l);
    if (!l) {
        return ERR_NOMEM;
    }
    l->file = (struct geo_file){loc_lookup, loc_as_name, loc_close, "libloc", 0};
    pthread_mutex_init(&l->lock, NULL);
    enum err e = loc_map(l, path, eb);
    if (e == OK && !loc_sections(l)) {
        e = err_at(eb, ERR_CONFIG, path, 0, 0, "damaged location database");
    }
    if (e != OK) {
        loc_close(&l->file);
        return e;
    }
    l->v4_root = 0;
    l->v4_default = NO_NETWORK;
    if (!tree_walk(l, ip_from_v4(0), 0, V4_PREFIX_BITS, &l->v4_root, &l->v4_default)) {
        l->v4_root = NO_NETWORK;
    }
    *out = &l->file;
    return OK;
}
