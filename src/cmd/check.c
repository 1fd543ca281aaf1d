/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spamgauge check: the configuration as it is in effect. */
#include "cmd/serve_setup.h"
#include "cmd/verbs.h"

/* What serve would run on, without starting it. */
static int live_check(struct context *x, const struct command *c)
{
    static struct serve_setup setup;
    struct errbuf eb = {.text = ""};
    enum err e = config_listeners(x->config) ? OK : config_listener_add(x->config, "127.0.0.1");
    e = e == OK ? serve_setup_make(&setup, x, &eb) : e;
    serve_setup_free(&setup);
    return e == OK ? EXIT_STATUS_OK : command_fail(c, e, &eb);
}

static int check_run(struct command *c)
{
    struct context x;
    struct strbuf text = STRBUF_INIT;
    if (command_flag(c, "help-config")) {
        config_explain(&text);
        fputs(strbuf_cstr(&text), stdout);
        strbuf_free(&text);
        return EXIT_STATUS_OK;
    }
    int status = context_open(&x, c);
    if (status) {
        return status;
    }
    printf("# configuration: %s\n", x.config_path[0] ? x.config_path : "none found; defaults");
    config_print(x.config, &text);
    fputs(strbuf_cstr(&text), stdout);
    strbuf_free(&text);
    status = live_check(&x, c);
    status = status ? status : context_geo(&x);
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
    .text =
        "Reads the configuration, with the personas and recipients that serve would run on, the "
        "rules and the geo database as the other verbs do, prints each key with its value and "
        "where it was set, and says what is wrong.\n\n"
        "The configuration is the first of: -c FILE, $SPAMGAUGE_CONFIG, "
        "~/.config/spamgauge/spamgauge.yaml, "
        "/etc/spamgauge/spamgauge.yaml; then the *.yaml files of conf.d beside it, in order of "
        "name.",
    .options = OPTIONS,
    .examples = EXAMPLES,
    .run = check_run,
};
