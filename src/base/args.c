/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/args.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"

static const size_t none = (size_t)-1;

struct reading {
    struct args *args;
    struct buf *message;
    char **argv;
    int argc, at;
};

static size_t row_of_name(const struct args_table *table, struct str name) {
    for (size_t i = 0; i < table->n; i++)
        if (str_eq(str_of(table->rows[i].name), name))
            return i;
    return none;
}

static size_t row_of_letter(const struct args_table *table, char letter) {
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].letter && table->rows[i].letter == letter)
            return i;
    return none;
}

static size_t row_that_is(const struct args *a, const char *name) {
    size_t row = row_of_name(a->table, str_of(name));

    check(row != none);
    return row;
}

static bool takes_value(const struct args_row *row) {
    return row->kind == ARGS_VALUE || row->kind == ARGS_LIST;
}

static const char *value_name(const struct args_row *row) {
    if (row->value_name)
        return row->value_name;
    return row->kind == ARGS_SWITCH ? "on|off" : "VALUE";
}

/* A miss is worth a hint when it is small beside the word. */
static bool is_near(struct str wrong, unsigned distance) {
    return distance <= 1 || distance <= (wrong.n + 1) / 3;
}

static unsigned distance_to(struct str wrong, struct str right) {
    return wrong.n >= 3 && str_starts(right, wrong) ? 1 : str_distance(wrong, right);
}

const char *args_nearest(struct str wrong, const char *const *words, size_t n) {
    const char *best = NULL;
    unsigned best_distance = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned distance = distance_to(wrong, str_of(words[i]));

        if (is_near(wrong, distance) && (!best || distance < best_distance)) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}

static size_t nearest_row(const struct args_table *table, struct str wrong) {
    size_t best = none;
    unsigned best_distance = 0;

    for (size_t i = 0; i < table->n; i++) {
        unsigned distance = distance_to(wrong, str_of(table->rows[i].name));

        if (is_near(wrong, distance) && (best == none || distance < best_distance)) {
            best = i;
            best_distance = distance;
        }
    }
    return best;
}

static int unknown_name(struct reading *r, struct str name) {
    const struct args_table *table = r->args->table;
    size_t row;

    buf_format(r->message, "unknown flag --" STR_FMT, STR_ARG(name));
    if (str_starts(name, STR("no-"))) {
        struct str positive = {name.p + 3, name.n - 3};
        row = row_of_name(table, positive);
        if (row != none && table->rows[row].kind == ARGS_SWITCH) {
            buf_format(r->message, ": did you mean --" STR_FMT "=off?", STR_ARG(positive));
            return ERR_INVALID;
        }
    }
    row = nearest_row(table, name);
    if (row != none)
        buf_format(r->message, ": did you mean --%s?", table->rows[row].name);
    return ERR_INVALID;
}

static int unknown_letter(struct reading *r, const char *word, char letter) {
    struct str name = str_of(word + 1);
    size_t row;

    /* -upstream: one dash too few */
    row = name.n > 1 ? nearest_row(r->args->table, name) : none;
    if (row != none)
        buf_format(r->message, "unknown flag %s: did you mean --%s?", word,
                   r->args->table->rows[row].name);
    else
        buf_format(r->message, "unknown flag -%c", letter);
    return ERR_INVALID;
}

static int add(struct reading *r, size_t row, struct str value) {
    const struct args_row *about = &r->args->table->rows[row];
    struct args *a = r->args;

    if (about->kind != ARGS_FLAG && about->kind != ARGS_LIST)
        for (size_t i = 0; i < a->n_given; i++)
            if (a->given[i].row == row) {
                buf_format(r->message, "--%s is given twice", about->name);
                return ERR_INVALID;
            }
    a->given[a->n_given++] = (struct args_given){row, value};
    return 0;
}

/* The value is the next word. */
static int add_with_next(struct reading *r, size_t row) {
    const struct args_row *about = &r->args->table->rows[row];
    const char *next = r->at < r->argc ? r->argv[r->at] : NULL;

    if (!next) {
        buf_format(r->message, "--%s wants a value: --%s %s", about->name, about->name,
                   value_name(about));
        return ERR_INVALID;
    }
    if (next[0] == '-' && next[1]) {
        buf_format(r->message, "--%s wants a value, but %s follows (if that is it: --%s=%s)",
                   about->name, next, about->name, next);
        return ERR_INVALID;
    }
    r->at++;
    return add(r, row, str_of(next));
}

static int add_switch(struct reading *r, size_t row, struct str value) {
    const struct args_row *about = &r->args->table->rows[row];

    if (!str_eq(value, STR("on")) && !str_eq(value, STR("off"))) {
        buf_format(r->message, "--%s is on or off, not \"" STR_FMT "\"", about->name,
                   STR_ARG(value));
        return ERR_INVALID;
    }
    return add(r, row, value);
}

static int read_long(struct reading *r, const char *word) {
    struct str name = str_of(word + 2);
    ptrdiff_t equals = str_find(name, '=');
    struct str value = {NULL, 0};
    const struct args_row *about;
    size_t row;

    if (equals >= 0) {
        value = str_of(name.p + equals + 1);
        name.n = (size_t)equals;
    }
    row = row_of_name(r->args->table, name);
    if (row == none)
        return unknown_name(r, name);
    about = &r->args->table->rows[row];
    if (equals < 0 && takes_value(about))
        return add_with_next(r, row);
    if (about->kind == ARGS_SWITCH)
        return add_switch(r, row, equals < 0 ? STR("on") : value);
    if (about->kind == ARGS_FLAG && equals >= 0) {
        buf_format(r->message, "--%s takes no value", about->name);
        return ERR_INVALID;
    }
    return add(r, row, equals < 0 ? STR("") : value);
}

static int read_letters(struct reading *r, const char *word) {
    int err = 0;

    for (const char *at = word + 1; *at && !err; at++) {
        size_t row = row_of_letter(r->args->table, *at);

        if (row == none)
            return unknown_letter(r, word, *at);
        if (takes_value(&r->args->table->rows[row]))
            return at[1] ? add(r, row, str_of(at + 1)) : add_with_next(r, row);
        err = r->args->table->rows[row].kind == ARGS_SWITCH ? add(r, row, STR("on"))
                                                            : add(r, row, STR(""));
    }
    return err;
}

static int read_words(struct reading *r) {
    bool flags = true;
    int err = 0;

    while (!err && r->at < r->argc) {
        const char *word = r->argv[r->at++];

        if (!flags || word[0] != '-' || !word[1])
            r->args->words[r->args->n_words++] = str_of(word);
        else if (word[1] != '-')
            err = read_letters(r, word);
        else if (word[2])
            err = read_long(r, word);
        else
            flags = false;
    }
    return err;
}

/* -kkk is three flags in one word, so the letters are counted. */
static size_t most_flags(int argc, char **argv) {
    size_t n = 1;

    for (int i = 0; i < argc; i++)
        n += strlen(argv[i]) + 1;
    return n;
}

int args_parse(struct args *a, const struct args_table *table, int argc, char **argv,
               struct buf *message) {
    struct reading r = {.args = a, .message = message, .argv = argv, .argc = argc};
    int err = ERR_NO_MEMORY;

    *a = (struct args){.table = table};
    a->given = calloc(most_flags(argc, argv), sizeof(*a->given));
    a->words = calloc((size_t)argc + 1, sizeof(*a->words));
    if (a->given && a->words)
        err = read_words(&r);
    if (err)
        args_fini(a);
    return err;
}

void args_fini(struct args *a) {
    free(a->given);
    free(a->words);
    a->given = NULL;
    a->words = NULL;
    a->n_given = a->n_words = 0;
}

unsigned args_count(const struct args *a, const char *name) {
    size_t row = row_that_is(a, name);
    unsigned n = 0;

    for (size_t i = 0; i < a->n_given; i++)
        n += a->given[i].row == row;
    return n;
}

bool args_has(const struct args *a, const char *name) {
    return args_count(a, name) > 0;
}

const char *args_value(const struct args *a, const char *name) {
    size_t row = row_that_is(a, name);

    for (size_t i = a->n_given; i-- > 0;)
        if (a->given[i].row == row)
            return a->given[i].value.p;
    return NULL;
}
