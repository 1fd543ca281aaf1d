/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host part of a URL. Inside the URL code only. */
#ifndef MAIL_URL_HOST_H
#define MAIL_URL_HOST_H

#include "mail/url_build.h"

enum { HOST_RAW_BYTES = 512 }; /* escaped UTF-8 of a name that fits HOST_BYTES_MAX in punycode */

struct host {
    char text[HOST_RAW_BYTES]; /* lower case ASCII */
    size_t n;
    bool is_ip;
    bool is_v6;
    bool is_obfuscated;
};

/* From the bytes between user info and port; false when that is no host. */
bool host_read(struct url_scan *s, struct slice raw, struct host *h);

#endif
