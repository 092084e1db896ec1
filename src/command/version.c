/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "base/json.h"
#include "command/licenses.h"
#include "command/subcommand.h"

static const struct args_row rows[] = {
    {"licenses", 0, ARGS_FLAG, NULL, "the licences of h3gw and of all that is in it", NULL},
    {"json", 0, ARGS_FLAG, NULL, "JSON; with --licenses their texts too", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table table = {rows, sizeof rows / sizeof rows[0]};

static void write_licenses(struct buf *to) {
    for (size_t i = 0; i < n_licenses; i++)
        buf_format(to, "==== %s %s (%s)\n\n%s\n", licenses[i].name, licenses[i].version,
                   licenses[i].spdx, licenses[i].text);
}

static void write_version(struct buf *to) {
    buf_format(to, "h3gw %s\n", H3GW_VERSION);
    for (size_t i = 0; i < n_licenses; i++)
        buf_format(to, "%s%s %s", i ? ", " : "with ", licenses[i].name, licenses[i].version);
    buf_str(to, STR("\nLicence: GPL-3.0-or-later; h3gw version --licenses shows all of them.\n"));
}

static void write_json(bool texts, struct buf *to) {
    struct json j;

    json_init(&j);
    struct json_value *all = json_object(&j);
    json_add_str(&j, all, STR("version"), STR(H3GW_VERSION));
    struct json_value *parts = json_add_array(&j, all, STR("parts"));
    for (size_t i = 0; i < n_licenses; i++) {
        struct json_value *part = json_object(&j);
        json_add_str(&j, part, STR("name"), str_of(licenses[i].name));
        json_add_str(&j, part, STR("version"), str_of(licenses[i].version));
        json_add_str(&j, part, STR("license"), str_of(licenses[i].spdx));
        if (texts)
            json_add_str(&j, part, STR("text"), str_of(licenses[i].text));
        json_push(&j, parts, part);
    }
    if (json_print(&j, all, JSON_PRETTY, to) != 0)
        to->failed = true;
    json_fini(&j);
}

static int run(const void *context, const struct args *args) {
    bool licenses_too = args_has(args, "licenses");
    struct buf text;
    int status;

    (void)context;
    buf_init(&text);
    if (args_has(args, "json"))
        write_json(licenses_too, &text);
    else if (licenses_too)
        write_licenses(&text);
    else
        write_version(&text);
    status = text.failed ? subcommand_fail("version", STATUS_FAILED, err_text(ERR_NO_MEMORY))
                         : subcommand_print("version", buf_view(&text));
    buf_fini(&text);
    return status;
}

int command_version(int argc, char **argv) {
    static const struct subcommand command = {
        "version", "Usage: h3gw version [--licenses] [--json]\n\n", &table, run, NULL};
    return subcommand_run(&command, argc, argv);
}
