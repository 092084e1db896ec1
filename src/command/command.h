/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

/* The subcommands: each takes the words behind its name and gives the exit status. */

enum { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

int command_serve(int argc, char **argv);
int command_certgen(int argc, char **argv);
int command_get(int argc, char **argv);
int command_listeners(int argc, char **argv);
int command_routes(int argc, char **argv);
int command_upstreams(int argc, char **argv);
int command_certs(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_check(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
