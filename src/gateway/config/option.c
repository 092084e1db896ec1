/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/option.h"

#include "base/args.h"
#include "base/check.h"
#include "base/err.h"

#define OPTION_ROW(section_, type_, key_, kind_, member_, standard_, low_, high_, flag_, value_, \
                   help_) \
    { \
        .section = section_, \
        .key = #key_, \
        .kind = OPTION_##kind_, \
        .offset = offsetof(struct type_, member_), \
        .standard = standard_, \
        .low = low_, \
        .high = high_, \
        .flag = flag_, \
        .value = value_, \
        .help = help_, \
    },
#define GATEWAY(...) OPTION_ROW(SECTION_GATEWAY, gateway_options, __VA_ARGS__)
#define SERVER(...) OPTION_ROW(SECTION_SERVER, server_options, __VA_ARGS__)
#define CREDENTIAL(...) OPTION_ROW(SECTION_CREDENTIAL, credential_options, __VA_ARGS__)
#define ROUTE(...) OPTION_ROW(SECTION_ROUTE, route_options, __VA_ARGS__)
#define UPSTREAM(...) OPTION_ROW(SECTION_UPSTREAM, upstream_options, __VA_ARGS__)

const struct option options[] = {
#include "gateway/config/option.def"
};
const size_t n_options = sizeof options / sizeof options[0];

const char *section_name(enum option_section section) {
    static const char *const names[N_SECTIONS] = {"gateway", "server", "credential", "route",
                                                  "upstream"};

    check(section < N_SECTIONS);
    return names[section];
}

enum { MAX_OPTIONS = 128 };

const struct option *option_find(enum option_section section, struct str key,
                                 const char **ret_nearest) {
    const char *keys[MAX_OPTIONS];
    size_t n = 0;

    for (size_t i = 0; i < n_options; i++) {
        if (options[i].section != section)
            continue;
        if (str_eq(str_of(options[i].key), key))
            return &options[i];
        keys[n++] = options[i].key;
    }
    *ret_nearest = args_nearest(key, keys, n);
    return NULL;
}

const struct option *option_by_flag(struct str flag) {
    for (size_t i = 0; i < n_options; i++)
        if (flag.n > 0 && str_eq(str_of(options[i].flag), flag))
            return &options[i];
    return NULL;
}

int option_defaults(enum option_section section, void *object, struct arena *arena) {
    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        if (o->section != section || o->standard[0] == '\0')
            continue;
        int err = option_set(o, object, str_of(o->standard), arena, NULL);
        check(err == 0 || err == ERR_NO_MEMORY);
        if (err)
            return err;
    }
    return 0;
}

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit times[] = {{"ms", MS_NS},         {"s", SECOND_NS},
                                    {"m", 60 * SECOND_NS}, {"h", 3600 * SECOND_NS},
                                    {"", SECOND_NS},       {NULL, 0}};
static const struct unit sizes[] = {{"k", 1 << 10}, {"K", 1 << 10}, {"M", 1 << 20}, {"m", 1 << 20},
                                    {"G", 1 << 30}, {"g", 1 << 30}, {"", 1},        {NULL, 0}};
static const struct unit counts[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(const struct option *o) {
    return o->kind == OPTION_TIME ? times : o->kind == OPTION_SIZE ? sizes : counts;
}

static int scaled_parse(struct str text, const struct unit *units, uint64_t *ret_value) {
    size_t digits = 0;

    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    uint64_t value;
    if (str_to_u64((struct str){text.p, digits}, &value))
        return ERR_INVALID;
    for (struct str suffix = {text.p + digits, text.n - digits}; units->suffix; units++)
        if (str_eq(str_of(units->suffix), suffix))
            return __builtin_mul_overflow(value, units->factor, ret_value) ? ERR_INVALID : 0;
    return ERR_INVALID;
}

/* In the largest unit that leaves a whole number. */
static void scaled_print(uint64_t value, const struct unit *units, struct buf *to) {
    const struct unit *best = NULL;

    for (const struct unit *u = units; u->suffix; u++)
        if (value % u->factor == 0 && (!best || u->factor > best->factor))
            best = u;
    if (value == 0 || !best)
        buf_u64(to, value);
    else
        buf_format(to, "%llu%s", (unsigned long long)(value / best->factor), best->suffix);
}

static int set_number(const struct option *o, uint64_t *member, struct str text,
                      struct buf *problem) {
    uint64_t value;

    if (!scaled_parse(text, units_of(o), &value) && value >= o->low && value <= o->high) {
        *member = value;
        return 0;
    }
    if (problem) {
        buf_format(problem, "must be between ");
        scaled_print(o->low, units_of(o), problem);
        buf_format(problem, " and ");
        scaled_print(o->high, units_of(o), problem);
        buf_format(problem, ", not \"" STR_FMT "\"", STR_ARG(text));
    }
    return ERR_INVALID;
}

static int set_auto(const struct option *o, uint64_t *member, struct str text,
                    struct buf *problem) {
    if (!str_eq(text, STR("auto")))
        return set_number(o, member, text, problem);
    *member = 0;
    return 0;
}

static int set_choice(const struct option *o, int *member, struct str text, struct buf *problem) {
    struct str rest = str_of(o->value), word;

    for (int i = 0; str_cut(&rest, '|', &word); i++)
        if (str_eq(word, text)) {
            *member = i;
            return 0;
        }
    if (problem)
        buf_format(problem, "must be one of %s, not \"" STR_FMT "\"", o->value, STR_ARG(text));
    return ERR_INVALID;
}

static int set_switch(bool *member, struct str text, struct buf *problem) {
    bool on = str_eq(text, STR("on"));

    if (on || str_eq(text, STR("off"))) {
        *member = on;
        return 0;
    }
    if (problem)
        buf_format(problem, "must be on or off, not \"" STR_FMT "\"", STR_ARG(text));
    return ERR_INVALID;
}

/* n 0: none. */
static int set_address(struct addr *member, struct str text, struct buf *problem) {
    struct str name = STR("localhost:");
    bool named = str_starts(text, name);
    struct str port = named ? (struct str){text.p + name.n, text.n - name.n} : text;
    uint64_t number;

    if (str_eq(text, STR("off"))) {
        *member = (struct addr){0};
        return 0;
    }
    if (named && !str_to_u64(port, &number) && number <= UINT16_MAX)
        return addr_from_ip(STR("127.0.0.1"), (uint16_t)number, member);
    /* ":80" would be every address, but of IPv6 only. */
    if (!str_starts(text, STR(":")) && !str_starts(text, STR("unix:")) && !addr_parse(text, member))
        return 0;
    if (problem)
        buf_format(problem,
                   "must be ADDR:PORT, as 127.0.0.1:9000 or [::1]:9000, or off, not \"" STR_FMT
                   "\"",
                   STR_ARG(text));
    return ERR_INVALID;
}

static int list_add(struct strs *list, struct str item, struct arena *arena) {
    struct str *v = arena_alloc(arena, (list->n + 1) * sizeof *v);
    struct str copy = arena_str(arena, item);

    if (!v || !copy.p)
        return ERR_NO_MEMORY;
    if (list->n)
        memcpy(v, list->v, list->n * sizeof *v);
    v[list->n] = copy;
    *list = (struct strs){v, list->n + 1};
    return 0;
}

static int set_list(struct strs *list, struct str text, struct arena *arena) {
    struct str item;

    while (str_cut(&text, ',', &item)) {
        item = str_trim(item);
        if (item.n && list_add(list, item, arena))
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int set_line(struct strs *list, struct str text, struct arena *arena) {
    text = str_trim(text);
    return text.n ? list_add(list, text, arena) : 0;
}

static int set_text(struct str *member, struct str text, struct arena *arena) {
    *member = arena_str(arena, text);
    return member->p ? 0 : ERR_NO_MEMORY;
}

int option_set(const struct option *o, void *object, struct str text, struct arena *arena,
               struct buf *problem) {
    void *member = (char *)object + o->offset;

    switch (o->kind) {
    case OPTION_SWITCH: return set_switch(member, text, problem);
    case OPTION_AUTO: return set_auto(o, member, text, problem);
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_TIME: return set_number(o, member, text, problem);
    case OPTION_CHOICE: return set_choice(o, member, text, problem);
    case OPTION_LIST: return set_list(member, text, arena);
    case OPTION_ADDRESS: return set_address(member, text, problem);
    case OPTION_LINES:
    case OPTION_INCLUDE: return set_line(member, text, arena);
    case OPTION_TEXT:
    case OPTION_FILE: break;
    }
    return set_text(member, text, arena);
}

static void print_list(const struct strs *list, const char *between, struct buf *to) {
    for (size_t i = 0; i < list->n; i++)
        buf_format(to, "%s" STR_FMT, i ? between : "", STR_ARG(list->v[i]));
}

static void print_address(const struct addr *a, struct buf *to) {
    char text[ADDR_TEXT];

    buf_str(to, a->n ? str_of(addr_text(a, text)) : STR("off"));
}

static void print_choice(const struct option *o, int value, struct buf *to) {
    struct str rest = str_of(o->value), word;

    for (int i = 0; str_cut(&rest, '|', &word); i++)
        if (i == value)
            buf_str(to, word);
}

static void print_auto(uint64_t value, struct buf *to) {
    if (value)
        buf_u64(to, value);
    else
        buf_str(to, STR("auto"));
}

void option_print(const struct option *o, const void *object, struct buf *to) {
    const void *member = (const char *)object + o->offset;

    switch (o->kind) {
    case OPTION_SWITCH: buf_str(to, *(const bool *)member ? STR("on") : STR("off")); break;
    case OPTION_COUNT:
    case OPTION_SIZE:
    case OPTION_TIME: scaled_print(*(const uint64_t *)member, units_of(o), to); break;
    case OPTION_AUTO: print_auto(*(const uint64_t *)member, to); break;
    case OPTION_CHOICE: print_choice(o, *(const int *)member, to); break;
    case OPTION_ADDRESS: print_address(member, to); break;
    case OPTION_LIST: print_list(member, ", ", to); break;
    case OPTION_LINES:
    case OPTION_INCLUDE: print_list(member, "\n", to); break;
    case OPTION_TEXT:
    case OPTION_FILE: buf_str(to, *(const struct str *)member); break;
    }
}
