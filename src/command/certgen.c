/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/args.h"
#include "base/date.h"
#include "base/err.h"
#include "base/json.h"
#include "command/command.h"
#include "pki/ca.h"
#include "pki/leaf.h"
#include "pki/pem.h"
#include "sys/file.h"
#include "sys/place.h"

enum { DAYS_MOST = 825, DAY_S = 86400 };

static const struct args_row rows[] = {
    {"cert-file", 0, ARGS_VALUE, "FILE", "where the certificate goes (default: NAME.pem here)",
     "Files"},
    {"key-file", 0, ARGS_VALUE, "FILE",
     "where its private key goes (default: NAME-key.pem here); the same file for both is fine",
     NULL},
    {"force", 'f', ARGS_FLAG, NULL, "overwrite files that are there", NULL},
    {"ca-root", 0, ARGS_VALUE, "DIR",
     "the folder of the CA (default: $H3GW_CAROOT, else $XDG_DATA_HOME/h3gw, else "
     "~/.local/share/h3gw)",
     NULL},
    {"ecdsa", 0, ARGS_FLAG, NULL, "a P-256 key (the default)", "The certificate"},
    {"rsa", 0, ARGS_OPTIONAL, "BITS", "an RSA key of 2048 (default), 3072 or 4096 bits", NULL},
    {"ed25519", 0, ARGS_FLAG, NULL, "an Ed25519 key, which browsers do not take", NULL},
    {"days", 0, ARGS_VALUE, "N", "how long it holds (1 to 825, default 820)", NULL},
    {"client", 0, ARGS_FLAG, NULL, "for clients too (clientAuth)", NULL},
    {"json", 0, ARGS_FLAG, NULL, "tell the result as JSON", "Other"},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table table = {rows, sizeof(rows) / sizeof(rows[0])};

struct certgen {
    struct args args;
    struct buf message;
    struct san *sans;
    size_t n_sans;
    enum key_kind kind;
    unsigned bits;
    uint32_t days;
    struct buf cert_path, key_path;
    struct ca ca;
    struct key *key;
    struct cert cert;
    int64_t now_s;
};

static void add_word(struct buf *to, const char *word) {
    buf_str(to, str_of(word));
}

static const char *text_of(const struct buf *b) {
    return b->p ? (const char *)b->p : "";
}

static void help(void) {
    struct buf text;

    buf_init(&text);
    add_word(&text, "usage: h3gw certgen [flags] NAME...\n\n"
                    "Makes a certificate for the names, signed by this user's CA, and the CA when "
                    "there\nis none. A name is a host (localhost, *.example.test), an address "
                    "(127.0.0.1, ::1),\na URI or an e-mail address.\n\n");
    args_help(&table, &text);
    fwrite(text.p, 1, text.n, stdout);
    buf_fini(&text);
}

static int usage_error(struct certgen *g) {
    fprintf(stderr, "h3gw certgen: %s\n(h3gw certgen --help tells more)\n", text_of(&g->message));
    return STATUS_USAGE;
}

static int failed(struct certgen *g, int err) {
    fprintf(stderr, "h3gw certgen: %s\n", g->message.n ? text_of(&g->message) : err_text(err));
    return STATUS_FAILED;
}

static int read_rsa_bits(struct certgen *g, struct str text) {
    uint64_t bits = 2048;

    if (text.n > 0 && (str_to_u64(text, &bits) || (bits != 2048 && bits != 3072 && bits != 4096))) {
        buf_format(&g->message, "--rsa has 2048, 3072 or 4096 bits, not \"" STR_FMT "\"",
                   STR_ARG(text));
        return ERR_INVALID;
    }
    g->bits = (unsigned)bits;
    return 0;
}

static int read_kind(struct certgen *g) {
    bool rsa = args_has(&g->args, "rsa"), ed25519 = args_has(&g->args, "ed25519");

    if (rsa + ed25519 + args_has(&g->args, "ecdsa") > 1) {
        add_word(&g->message, "--rsa, --ecdsa and --ed25519: one of them");
        return ERR_INVALID;
    }
    g->kind = rsa ? KEY_RSA : ed25519 ? KEY_ED25519 : KEY_EC;
    return rsa ? read_rsa_bits(g, str_of(args_value(&g->args, "rsa"))) : 0;
}

static int read_days(struct certgen *g) {
    const char *text = args_value(&g->args, "days");
    uint64_t days = LEAF_DAYS;

    if (text && (str_to_u64(str_of(text), &days) || days < 1 || days > DAYS_MOST)) {
        buf_format(&g->message, "--days is 1 to %d (Apple refuses what holds longer), not \"%s\"",
                   DAYS_MOST, text);
        return ERR_INVALID;
    }
    g->days = (uint32_t)days;
    return 0;
}

static bool is_known(const struct certgen *g, const struct san *san) {
    for (size_t i = 0; i < g->n_sans; i++)
        if (!strcmp(g->sans[i].text, san->text))
            return true;
    return false;
}

static int read_names(struct certgen *g) {
    if (g->args.n_words == 0) {
        add_word(&g->message, "a name is missing, as in: h3gw certgen localhost 127.0.0.1 ::1");
        return ERR_INVALID;
    }
    if (g->args.n_words > LEAF_NAMES_MOST) {
        buf_format(&g->message, "%zu names: at most %d fit", g->args.n_words, LEAF_NAMES_MOST);
        return ERR_INVALID;
    }
    g->sans = calloc(g->args.n_words, sizeof(*g->sans));
    if (!g->sans)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < g->args.n_words; i++) {
        int err = san_parse(g->args.words[i], &g->sans[g->n_sans], &g->message);

        if (err)
            return err;
        g->n_sans += !is_known(g, &g->sans[g->n_sans]);
    }
    return 0;
}

/* mkcert's names, so that scripts made for it go on working. */
static void default_stem(const struct certgen *g, struct buf *to) {
    for (const char *at = g->sans[0].text; *at; at++) {
        if (*at == '*')
            add_word(to, "_wildcard");
        else
            buf_char(to, *at == ':' || *at == '/' ? '_' : *at);
    }
    if (g->n_sans > 1)
        buf_format(to, "+%zu", g->n_sans - 1);
    if (args_has(&g->args, "client"))
        add_word(to, "-client");
}

static int choose_paths(struct certgen *g) {
    const char *cert = args_value(&g->args, "cert-file"), *key = args_value(&g->args, "key-file");

    if ((cert && !*cert) || (key && !*key)) {
        add_word(&g->message, "the name of a file cannot be empty");
        return ERR_INVALID;
    }
    if (cert) {
        add_word(&g->cert_path, cert);
    } else {
        default_stem(g, &g->cert_path);
        add_word(&g->cert_path, ".pem");
    }
    if (key) {
        add_word(&g->key_path, key);
    } else {
        default_stem(g, &g->key_path);
        add_word(&g->key_path, "-key.pem");
    }
    return g->cert_path.failed || g->key_path.failed ? ERR_NO_MEMORY : 0;
}

static void warn(const struct certgen *g) {
    for (size_t i = 0; i < g->n_sans; i++) {
        const char *warning = san_warning(&g->sans[i]);

        if (warning)
            fprintf(stderr, "h3gw certgen: warning: %s: %s\n", g->sans[i].text, warning);
    }
    if (g->kind == KEY_ED25519)
        fputs("h3gw certgen: warning: browsers take no Ed25519 key from a server\n", stderr);
}

/* Names and files are checked before anything is made, so that a run that fails leaves nothing
 * behind but, at most, a CA. file_write looks again. */
static int check_free(struct certgen *g) {
    const struct buf *paths[] = {&g->cert_path, &g->key_path};

    if (args_has(&g->args, "force"))
        return 0;
    for (size_t i = 0; i < 2; i++)
        if (file_exists(text_of(paths[i]))) {
            buf_format(&g->message,
                       "%s is there already: --force overwrites it, --%s names another",
                       text_of(paths[i]), i ? "key-file" : "cert-file");
            return ERR_EXISTS;
        }
    return 0;
}

static int open_ca(struct certgen *g) {
    const char *given = args_value(&g->args, "ca-root");
    struct buf folder, owner;
    int err = 0;

    buf_init(&folder);
    buf_init(&owner);
    if (given && *given)
        add_word(&folder, given);
    else
        err = place_ca_root(getenv, &folder);
    if (err == ERR_NOT_FOUND)
        add_word(&g->message, "no place for the CA: neither HOME nor H3GW_CAROOT is set; give "
                              "--ca-root DIR");
    place_owner(getenv, &owner);
    if (!err && (folder.failed || owner.failed))
        err = ERR_NO_MEMORY;
    if (!err) {
        struct ca_wish wish = {text_of(&folder), text_of(&owner), g->now_s};

        err = ca_open(&wish, &g->ca, &g->message);
    }
    buf_fini(&owner);
    buf_fini(&folder);
    return err;
}

static int write_file(struct certgen *g, const struct buf *path, struct str bytes, mode_t mode) {
    bool force = args_has(&g->args, "force");
    int err = file_write(text_of(path), bytes, mode, force ? FILE_OVERWRITE : FILE_NEW);

    if (err == ERR_EXISTS)
        buf_format(&g->message, "%s %s", text_of(path),
                   force ? "is no regular file" : "is there already: --force overwrites it");
    else if (err)
        buf_format(&g->message, "%s: %s", text_of(path),
                   err == ERR_NO_MEMORY ? err_text(err) : strerror(errno));
    return err;
}

/* The key first: whoever watches the certificate finds the key that belongs to it. */
static int write_pair(struct certgen *g, const struct buf *cert, const struct buf *key) {
    int err = write_file(g, &g->key_path, buf_view(key), 0600);

    if (err)
        return err;
    err = write_file(g, &g->cert_path, buf_view(cert), 0644);
    if (err && !args_has(&g->args, "force"))
        unlink(text_of(&g->key_path));
    return err;
}

static int write_files(struct certgen *g) {
    bool one_file = str_eq(buf_view(&g->cert_path), buf_view(&g->key_path));
    struct buf cert, key;
    int err;

    buf_init(&cert);
    buf_init(&key);
    if (one_file)
        pem_add(&key, "CERTIFICATE", buf_view(&g->cert.der));
    else
        pem_add(&cert, "CERTIFICATE", buf_view(&g->cert.der));
    err = key_pem(g->key, &key);
    if (!err && (cert.failed || key.failed))
        err = ERR_NO_MEMORY;
    if (!err)
        err = one_file ? write_file(g, &g->key_path, buf_view(&key), 0600)
                       : write_pair(g, &cert, &key);
    pem_wipe(&key);
    buf_fini(&cert);
    return err;
}

static int make_leaf(struct certgen *g) {
    struct leaf_wish wish = {
        .sans = g->sans,
        .n_sans = g->n_sans,
        .now_s = g->now_s,
        .days = g->days,
        .client = args_has(&g->args, "client"),
    };
    struct buf der;
    int err = key_make(g->kind, g->bits, &g->key);

    if (err)
        return err;
    wish.key = g->key;
    buf_init(&der);
    err = leaf_issue(&g->ca, &wish, &der);
    if (!err)
        err = cert_read(buf_view(&der), &g->cert);
    buf_fini(&der);
    return err;
}

static void tell_dates(const struct certgen *g, struct buf *to) {
    char from[DATE_TEXT], until[DATE_TEXT];
    int64_t days = (g->cert.not_after_s - g->cert.not_before_s) / DAY_S;

    date_rfc3339((uint64_t)g->cert.not_before_s, from);
    date_rfc3339((uint64_t)g->cert.not_after_s, until);
    buf_format(to, "valid        %.10s to %.10s (%lld days%s)\n", from, until, (long long)days,
               g->cert.not_after_s == g->ca.cert.not_after_s ? ", as long as its CA" : "");
}

static void tell_text(const struct certgen *g, struct buf *to) {
    buf_format(to, "certificate  %s\n", text_of(&g->cert_path));
    buf_format(to, "key          %s (%s)\n", text_of(&g->key_path), key_text(g->key));
    add_word(to, "names        ");
    for (size_t i = 0; i < g->n_sans; i++)
        buf_format(to, "%s%s", i ? ", " : "", g->sans[i].text);
    buf_char(to, '\n');
    tell_dates(g, to);
    add_word(to, "sha-256      ");
    cert_fingerprint(&g->cert, to);
    buf_format(to, "\nsigned by    %s%s\n", text_of(&g->ca.cert_path),
               g->ca.fresh ? " (a new CA, made just now)" : "");
}

static void add_date(struct json *j, struct json_value *object, struct str key, int64_t time_s) {
    char date[DATE_TEXT];

    json_add_str(j, object, key, str_of(date_rfc3339((uint64_t)time_s, date)));
}

static void add_hashes(const struct certgen *g, struct json *j, struct json_value *object) {
    struct buf text;

    buf_init(&text);
    cert_fingerprint(&g->cert, &text);
    json_add_str(j, object, STR("sha256"), buf_view(&text));
    buf_reset(&text);
    if (!cert_spki_hash(&g->cert, &text))
        json_add_str(j, object, STR("spki_sha256"), buf_view(&text));
    buf_fini(&text);
}

static void tell_json(const struct certgen *g, struct buf *to) {
    struct json j;
    struct json_value *result, *names, *ca;

    json_init(&j);
    result = json_object(&j);
    json_add_str(&j, result, STR("cert"), buf_view(&g->cert_path));
    json_add_str(&j, result, STR("key"), buf_view(&g->key_path));
    json_add_str(&j, result, STR("key_type"), str_of(key_text(g->key)));
    names = json_add_array(&j, result, STR("names"));
    for (size_t i = 0; i < g->n_sans; i++)
        json_push(&j, names, json_str(&j, str_of(g->sans[i].text)));
    add_date(&j, result, STR("not_before"), g->cert.not_before_s);
    add_date(&j, result, STR("not_after"), g->cert.not_after_s);
    add_hashes(g, &j, result);
    ca = json_add_object(&j, result, STR("ca"));
    json_add_str(&j, ca, STR("cert"), buf_view(&g->ca.cert_path));
    json_add_bool(&j, ca, STR("new"), g->ca.fresh);
    if (json_print(&j, result, JSON_PRETTY, to))
        to->failed = true;
    json_fini(&j);
}

static int tell(struct certgen *g) {
    int64_t left = ca_days_left(&g->ca, g->now_s);
    struct buf text;
    int err;

    buf_init(&text);
    if (args_has(&g->args, "json"))
        tell_json(g, &text);
    else
        tell_text(g, &text);
    err = text.failed ? ERR_NO_MEMORY : 0;
    if (!err && (fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout))) {
        buf_format(&g->message, "stdout: %s", strerror(errno));
        err = ERR_SYSTEM;
    }
    buf_fini(&text);
    if (left < CA_SOON_DAYS)
        fprintf(stderr, "h3gw certgen: warning: the CA %s ends in %lld days\n",
                text_of(&g->ca.cert_path), (long long)left);
    return err;
}

static int read_wishes(struct certgen *g) {
    int err = read_kind(g);

    if (!err)
        err = read_days(g);
    if (!err)
        err = read_names(g);
    return err ? err : choose_paths(g);
}

static int run(struct certgen *g) {
    int err = read_wishes(g);

    if (err)
        return err == ERR_INVALID ? usage_error(g) : failed(g, err);
    warn(g);
    err = check_free(g);
    if (!err)
        err = open_ca(g);
    if (!err)
        err = make_leaf(g);
    if (!err)
        err = write_files(g);
    if (!err)
        err = tell(g);
    return err ? failed(g, err) : STATUS_FINE;
}

static void fini(struct certgen *g) {
    args_fini(&g->args);
    free(g->sans);
    buf_fini(&g->message);
    buf_fini(&g->cert_path);
    buf_fini(&g->key_path);
    ca_fini(&g->ca);
    cert_fini(&g->cert);
    key_free(g->key);
}

int command_certgen(int argc, char **argv) {
    struct certgen g = {.now_s = time(NULL)};
    int err = args_parse(&g.args, &table, argc, argv, &g.message);
    int status = STATUS_FINE;

    if (err)
        status = err == ERR_INVALID ? usage_error(&g) : failed(&g, err);
    else if (args_has(&g.args, "help"))
        help();
    else
        status = run(&g);
    fini(&g);
    return status;
}
