/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge check: the configuration as it is in effect. */
#include "cmd/context.h"
#include "cmd/verbs.h"

static void key_explain(enum config_key k)
{
    static const char *const TYPES[] = {"text", "list", "number", "size"};
    const struct config_info *info = config_info(k);
    printf("# %s\n# type: %s\n", info->doc, TYPES[info->type]);
    printf("%s: %s\n\n", info->name,
           *info->fallback                  ? info->fallback
           : info->type == CONFIG_TYPE_LIST ? "[]"
                                            : "\"\"");
}

static void value_print(const struct config *c, enum config_key k)
{
    const struct config_info *info = config_info(k);
    printf("%s: ", info->name);
    if (info->type == CONFIG_TYPE_LIST) {
        printf("[");
        for (size_t i = 0; i < config_count(c, k); i++) {
            printf("%s'%s'", i ? ", " : "", config_item(c, k, i));
        }
        printf("]");
    } else if (info->type == CONFIG_TYPE_TEXT) {
        printf("'%s'", config_text(c, k));
    } else {
        printf("%s", config_text(c, k));
    }
    printf("  # %s\n", config_origin(c, k));
}

static int check_run(struct command *c)
{
    struct context x;
    if (command_flag(c, "help-config")) {
        for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
            key_explain((enum config_key)k);
        }
        return EXIT_STATUS_OK;
    }
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    printf("# configuration: %s\n", x.config_path[0] ? x.config_path : "none found; defaults");
    for (int k = 0; k < CONFIG_KEY_COUNT; k++) {
        value_print(x.config, (enum config_key)k);
    }
    status = context_geo(&x);
    status = status ? status : context_rules(&x);
    if (!status && x.rule_findings) {
        status = EXIT_STATUS_CONFIG;
    }
    context_close(&x);
    return status;
}

static const struct option_spec OPTIONS[] = {
    {"help-config", OPTION_NO_SHORT, NULL,
     "Prints every configuration key with its meaning and default, as a file to start from."},
    {NULL, OPTION_NO_SHORT, NULL, NULL},
};

static const char *const EXAMPLES[] = {
    "spamgauge check --help-config > ~/.config/spamgauge/spamgauge.yaml",
    "Start a configuration from the commented defaults.",
    NULL,
};

const struct verb VERB_CHECK = {
    .name = "check",
    .arguments = "",
    .summary = "checks and prints the configuration in effect",
    .text = "Reads the configuration, the rules and the geo database as the other verbs do, prints "
            "each key with its value "
            "and where it was set, and says what is wrong.\n\n"
            "The configuration is the first of: -c FILE, $SPAMGAUGE_CONFIG, "
            "~/.config/spamgauge/spamgauge.yaml, "
            "/etc/spamgauge/spamgauge.yaml; then the *.yaml files of conf.d beside it, in order of "
            "name.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = check_run,
};
