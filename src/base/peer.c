/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/peer.h"

const char *http_version_short(enum http_version v) {
    switch (v) {
    case HTTP_1_0:
    case HTTP_1_1: return "h1";
    case HTTP_2: return "h2";
    case HTTP_3: return "h3";
    }
    return "-";
}

const char *http_version_text(enum http_version v) {
    switch (v) {
    case HTTP_1_0: return "HTTP/1.0";
    case HTTP_1_1: return "HTTP/1.1";
    case HTTP_2: return "HTTP/2.0";
    case HTTP_3: return "HTTP/3.0";
    }
    return "-";
}
