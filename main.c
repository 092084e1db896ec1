/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/args.h"
#include "command/command.h"
#include "command/subcommand.h"

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"serve", "run the gateway", command_serve},
    {"certgen", "make a CA and certificates", command_certgen},
    {"listeners", "show the listeners, TCP and UDP", command_listeners},
    {"routes", "show the routes of each server", command_routes},
    {"upstreams", "show the upstreams", command_upstreams},
    {"certs", "show the certificates", command_certs},
    {"reload", "have the running gateway read its configuration again", command_reload},
    {"stop", "have the running gateway finish and end", command_stop},
    {"check", "read a configuration and say what is wrong with it", command_check},
    {"get", "a small HTTP/1.1, HTTP/2 and HTTP/3 client", command_get},
    {"version", "what this is, and its licences", command_version},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void help(FILE *to) {
    fprintf(to, "h3gw puts HTTPS, HTTP/2 and HTTP/3 in front of the app on your laptop.\n\n"
                "Usage: h3gw COMMAND [FLAG]...\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s  %s\n", commands[i].name, commands[i].what);
    fprintf(to, "\nh3gw help COMMAND tells more.\n");
}

static int run(const char *name, int argc, char **argv) {
    const char *names[N_COMMANDS];

    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) == 0)
            return commands[i].run(argc, argv);
    }
    const char *nearest = args_nearest(str_of(name), names, N_COMMANDS);
    fprintf(stderr, "h3gw: there is no command \"%s\"%s%s%s\n", name,
            nearest ? ": did you mean \"" : "; h3gw help lists them", nearest ? nearest : "",
            nearest ? "\"?" : "");
    return STATUS_USAGE;
}

int main(int argc, char **argv) {
    char help_flag[] = "--help";
    char *help_argv[] = {help_flag, NULL};
    const char *name = argc > 1 ? argv[1] : "";

    if (argc < 2) {
        help(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(name, "--version") == 0)
        return command_version(0, argv + 2);
    if (strcmp(name, "help") == 0 && argc > 2)
        return run(argv[2], 1, help_argv);
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help(stdout);
        return subcommand_print("help", STR("")); /* all of it is out, or what is wrong is told */
    }
    return run(name, argc - 2, argv + 2);
}
