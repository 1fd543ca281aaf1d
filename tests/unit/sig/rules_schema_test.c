/* SPDX-License-Identifier: GPL-3.0-or-later */
/* share/rule.schema.json says the same as the tables: keys, which of them must be there, fields,
 * modifiers. Texts are looked for as they stand in the file. */
#include "sig_testing.h"

static char *schema;

static int set_up(void **state)
{
    (void)state;
    char path[512];
    static char text[1 << 18];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/share/rule.schema.json", root ? root : ".");
    FILE *f = fopen(path, "rb");
    if (!f) {
        return -1;
    }
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    schema = text;
    return 0;
}

static void test_fields_and_modifiers(void **state)
{
    (void)state;
    struct strbuf want = STRBUF_INIT;
    const char *separator = "";
    strbuf_add_cstr(&want, "\"pattern\": \"^(?:");
    for (const char *const *name = rule_field_names(); strcmp(*name, "header.NAME") != 0; name++) {
        strbuf_add_cstr(&want, separator);
        separator = "|";
        for (const char *p = *name; *p; p++) {
            strbuf_add_cstr(&want, *p == '.' ? "\\\\" : "");
            strbuf_add_byte(&want, *p);
        }
    }
    strbuf_add_cstr(&want, "|header\\\\.[!-9;-~]+)(?:\\\\|(?:");
    separator = "";
#define MODIFIER(id, name, role, doc)                                                              \
    strbuf_printf(&want, "%s%s", separator, name);                                                 \
    separator = "|";
#include "sig/modifier.def"
#undef MODIFIER
    strbuf_add_cstr(&want, "))*$\"");
    if (!strstr(schema, strbuf_cstr(&want))) {
        fail_msg("share/rule.schema.json lacks\n%s", strbuf_cstr(&want));
    }
    strbuf_free(&want);
}

static void test_keys(void **state)
{
    (void)state;
    char *properties = strstr(schema, "\n  \"properties\": {");
    char *definitions = strstr(schema, "\n  \"$defs\": {");
    char *required = strstr(schema, "\n  \"required\": [");
    assert_true(properties && definitions && required && required < properties);
    struct slice keys = slice_span(properties, definitions);
    struct slice needed = slice_span(required, strchr(required, ']'));
    size_t count = 0, needed_count = 0;
    char text[1024];
#define RULE_KEY(id, key, shape, need, doc)                                                        \
    snprintf(text, sizeof text, "\n    \"%s\": {\n      \"description\": \"%s\"", key, doc);       \
    if (slice_find(keys, slice_cstr(text)) == SIZE_MAX) {                                          \
        fail_msg("lacks %s", text);                                                                \
    }                                                                                              \
    assert_int_equal(slice_find(needed, S("\"" key "\"")) != SIZE_MAX,                             \
                     strcmp(#need, "MUST") == 0);                                                  \
    needed_count += strcmp(#need, "MUST") == 0;                                                    \
    count++;
#include "sig/rule_field.def"
#undef RULE_KEY
    size_t in_file = 0;
    for (char *p = properties; (p = strstr(p, "\n    \"")) && p < definitions; p++) {
        in_file++;
    }
    assert_int_equal(in_file, count);
    in_file = 0;
    for (char *p = required; (p = strstr(p, "\n    \"")) && p < properties; p++) {
        in_file++;
    }
    assert_int_equal(in_file, needed_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_and_modifiers),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
