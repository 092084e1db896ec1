/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/excess.h"

static const char *option_of(enum excess excess) {
    switch (excess) {
    case EXCESS_RESETS: return "max-resets";
    case EXCESS_CONTINUATIONS: return "max-continuations";
    case EXCESS_CONTROL_FRAMES: return "max-control-frames";
    case EXCESS_ANSWERS: return "the limit of PING and SETTINGS to be answered";
    case EXCESS_SETTINGS: return "max-settings";
    case EXCESS_GLITCHES: return "max-glitches";
    case EXCESS_HEAD: return "max-header-bytes";
    }
    return "";
}

static uint32_t most_of(const struct http_limits *limits, enum excess excess) {
    switch (excess) {
    case EXCESS_RESETS: return limits->resets;
    case EXCESS_CONTINUATIONS: return limits->continuations;
    case EXCESS_CONTROL_FRAMES: return limits->control_frames;
    case EXCESS_ANSWERS: return EXCESS_MOST_ANSWERS;
    case EXCESS_SETTINGS: return limits->settings_entries;
    case EXCESS_GLITCHES: return limits->glitches;
    case EXCESS_HEAD: return limits->head_bytes;
    }
    return 0;
}

/* An honest page cancels requests too, for hours on one connection, and may have a cookie too many;
 * the rest is done by nobody who means well. */
void excess_tell(const struct http_env *env, const struct peer *peer, enum excess excess) {
    bool may_be_honest = excess == EXCESS_RESETS || excess == EXCESS_HEAD;
    char remote[ADDR_TEXT];
    log_seldom(env->log, may_be_honest ? LOG_WARN : LOG_INFO, may_be_honest ? LOG_EXCESS : LOG_WORK,
               env->turn->now_ns,
               "%s: its %s connection is ended, as it costs more than %s allows, %u",
               addr_text(&peer->remote, remote), peer->version == HTTP_3 ? "HTTP/3" : "HTTP/2",
               option_of(excess), most_of(env->limits, excess));
}
