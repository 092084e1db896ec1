/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_ECHO_STAGE_H
#define TESTS_ECHO_STAGE_H

#include "base/json.h"
#include "exchange_fakes.h"

/* The built-in httpbin and a client that has no protocol: one request after the other, in
 * virtual time. Each ends with nothing alive. */

struct stage {
    struct world w;
    struct fake_front front;
    struct peer peer;
    bool begun; /* front is to be ended */
    int status; /* of the response; 0: none */
    int64_t length;
    struct buf head; /* its fields, "name: value\n" each */
    struct json json;
    struct json_value *value; /* the body, where it is JSON */
};

int stage_set_up(void **state);
int stage_tear_down(void **state);

/* "GET /get": begins a request that is not run yet: add fields to x->request, then run. */
struct exchange *stage_begin(struct stage *s, const char *line, struct str body);
void stage_field(struct stage *s, const char *name, const char *value);
/* Runs until it is done, jumping from timer to timer. */
void stage_finish(struct stage *s);
/* Both in one go, without fields. */
void stage_ask(struct stage *s, const char *line);

/* Of the body. pointer as RFC 6901 has it; the value printed in one line with sorted keys. */
void stage_assert_json(struct stage *s, const char *pointer, const char *wanted);
void stage_assert_body(struct stage *s, const char *wanted);
void stage_assert_head(struct stage *s, const char *line); /* is there */
bool stage_has_head(const struct stage *s, const char *line);

#endif
