/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/table.h"

/* The longest path that fits wins; a path that ends in "/" takes a rest. */
const struct endpoint endpoints[] = {
    {"/", "GET", false, answer_page, "this page"},
    {"/anything", NULL, true, answer_anything, "the whole request, any method"},
    {"/anything/", NULL, true, answer_anything, NULL},
    {"/bytes/", "GET", false, answer_bytes, "N random bytes, at most 100 KiB; ?seed"},
    {"/delay/", NULL, true, answer_delay, "answers after N seconds, at most 10"},
    {"/delete", "DELETE", true, answer_post, "the request, for DELETE"},
    {"/drip", "GET", false, answer_drip,
     "bytes that drip: ?numbytes, duration, delay (seconds), code"},
    {"/get", "GET", false, answer_get, "the request, for GET"},
    {"/h3gw", "GET", false, answer_facts, "protocol, TLS and QUIC facts of this connection"},
    {"/headers", "GET", false, answer_headers, "the request's fields; ?show_env shows all"},
    {"/ip", "GET", false, answer_ip, "your address"},
    {"/patch", "PATCH", true, answer_post, "the request, for PATCH"},
    {"/post", "POST", true, answer_post, "the request, for POST"},
    {"/put", "PUT", true, answer_post, "the request, for PUT"},
    {"/status/", NULL, false, answer_status, "that status; 200:0.9,500:0.1 draws one"},
    {"/stream/", "GET", false, answer_stream, "N lines of JSON, at most 100"},
    {"/user-agent", "GET", false, answer_user_agent, "your user agent"},
};
const size_t n_endpoints = sizeof endpoints / sizeof endpoints[0];
