/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/proxy.h"

#include "core/limits.h"

enum { V1_BYTES_MAX = 107, V2_HEADER_BYTES = 16 };

static const char V2_SIGNATURE[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool port_read(struct slice s, uint16_t *port)
{
    uint64_t v;
    if (s.n == 0 || s.n > 5 || (s.p[0] == '0' && s.n > 1) || !slice_to_u64(s, &v) || v > 65535) {
        return false;
    }
    *port = (uint16_t)v;
    return true;
}

/* "TCP4 192.0.2.1 198.51.100.1 56324 443" */
static enum proxy_result v1_read(struct slice line, struct proxy *out)
{
    struct slice family = slice_cut(&line, ' ');
    if (slice_eq(family, S("UNKNOWN"))) {
        return PROXY_OK;
    }
    bool is_v4 = slice_eq(family, S("TCP4"));
    if (!is_v4 && !slice_eq(family, S("TCP6"))) {
        return PROXY_BAD;
    }
    struct slice client = slice_cut(&line, ' '), server = slice_cut(&line, ' '),
                 client_port = slice_cut(&line, ' ');
    if (!ip_parse(client, &out->client) || !ip_parse(server, &out->server) ||
        !port_read(client_port, &out->client_port) || !port_read(line, &out->server_port)) {
        return PROXY_BAD;
    }
    bool has_colon = slice_find_byte(client, ':') < client.n;
    out->has_addresses = true;
    return has_colon != is_v4 ? PROXY_OK : PROXY_BAD;
}

static enum proxy_result v1_parse(struct slice bytes, struct proxy *out, size_t *used)
{
    struct slice head = slice_sub(bytes, 0, V1_BYTES_MAX);
    size_t lf = slice_find_byte(head, '\n');
    if (lf == head.n) {
        return head.n < V1_BYTES_MAX ? PROXY_MORE : PROXY_BAD;
    }
    if (head.p[lf - 1] != '\r') {
        return PROXY_BAD;
    }
    *used = lf + 1;
    return v1_read(slice_span(head.p + 6, head.p + lf - 1), out);
}

static uint16_t big_endian_16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static struct ip v4_address(const char *p)
{
    return ip_from_v4((uint32_t)big_endian_16(p) << 16 | big_endian_16(p + 2));
}

static enum proxy_result v2_parse(struct slice bytes, struct proxy *out, size_t *used)
{
    enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };
    if (bytes.n < V2_HEADER_BYTES) {
        return PROXY_MORE;
    }
    uint8_t command = (uint8_t)bytes.p[12], family = (uint8_t)bytes.p[13];
    size_t n = big_endian_16(bytes.p + 14);
    if ((command != LOCAL && command != PROXY) || V2_HEADER_BYTES + n > LIMIT_PROXY_HEADER_BYTES) {
        return PROXY_BAD;
    }
    if (bytes.n < V2_HEADER_BYTES + n) {
        return PROXY_MORE;
    }
    const char *p = bytes.p + V2_HEADER_BYTES;
    *used = V2_HEADER_BYTES + n;
    if (command == PROXY && family == TCP4 && n >= 12) {
        out->has_addresses = true;
        out->client = v4_address(p);
        out->server = v4_address(p + 4);
        out->client_port = big_endian_16(p + 8);
        out->server_port = big_endian_16(p + 10);
    } else if (command == PROXY && family == TCP6 && n >= 36) {
        out->has_addresses = true;
        memcpy(out->client.b, p, sizeof out->client.b);
        memcpy(out->server.b, p + 16, sizeof out->server.b);
        out->client_port = big_endian_16(p + 32);
        out->server_port = big_endian_16(p + 34);
    } else if (command == PROXY && (family == TCP4 || family == TCP6)) {
        return PROXY_BAD; /* too short for its family */
    }
    return PROXY_OK;
}

enum proxy_result proxy_parse(struct slice bytes, struct proxy *out, size_t *used)
{
    struct slice v1 = S("PROXY "), v2 = slice_of(V2_SIGNATURE, sizeof V2_SIGNATURE);
    *out = (struct proxy){0};
    *used = 0;
    if (slice_starts(bytes, v1)) {
        return v1_parse(bytes, out, used);
    }
    if (slice_starts(bytes, v2)) {
        return v2_parse(bytes, out, used);
    }
    return slice_starts(v1, bytes) || slice_starts(v2, bytes) ? PROXY_MORE : PROXY_BAD;
}
