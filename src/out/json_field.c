/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "out/json_field.h"

#include "out/escape.h"

void key_text(struct printer *p, const char *key, struct slice s)
{
    print_key(p, key);
    print_text_or_null(p, s);
}

void key_unsigned(struct printer *p, const char *key, uint64_t v)
{
    print_key(p, key);
    print_unsigned(p, v);
}

void key_boolean(struct printer *p, const char *key, bool v)
{
    print_key(p, key);
    print_boolean(p, v);
}

void key_number(struct printer *p, const char *key, double v, int decimals)
{
    print_key(p, key);
    print_number(p, v, decimals);
}

void key_time(struct printer *p, const char *key, int64_t t)
{
    print_key(p, key);
    print_time(p, t);
}

void note_item(void *arg, const char *key, struct slice sentence)
{
    struct printer *p = arg;
    print_map_begin(p);
    print_key(p, "key");
    print_text(p, slice_cstr(key));
    print_key(p, "text");
    print_text(p, sentence);
    print_map_end(p);
}

void key_ip(struct printer *p, const char *key, struct ip a)
{
    char text[IP_TEXT_BYTES];
    ip_text(a, text);
    key_text(p, key, slice_cstr(text));
}

void text_redacted(struct printer *p, struct slice s)
{
    struct strbuf clean = STRBUF_INIT;
    redact_addresses(&clean, s);
    if (clean.failed) {
        strbuf_clear(&clean); /* nothing rather than what may be secret */
    }
    print_text_or_null(p, strbuf_slice(&clean));
    strbuf_free(&clean);
}

void key_redacted(struct printer *p, const char *key, struct slice s)
{
    print_key(p, key);
    text_redacted(p, s);
}
