/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by tests/wire/make-certs; valid from 2020 to 2099. */
#ifndef TESTS_WIRE_CERTS_H
#define TESTS_WIRE_CERTS_H

/* ca signs: local (localhost, *.example.test, 127.0.0.1, ::1), second (second.test), common
 * (a common name only: localhost), expired (localhost). other_ca signs: client. */

static const char ca_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdTCCARqgAwIBAgIUQKl7HDxvJUGZ+vOi+b4lPVULY/IwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMaDNndyB0ZXN0IGNhMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkx\n"
    "MjMxMDAwMDAwWjAXMRUwEwYDVQQDDAxoM2d3IHRlc3QgY2EwWTATBgcqhkjOPQIB\n"
    "BggqhkjOPQMBBwNCAAQDfO8BqqZbiH80/HHAeD59rmM0o/sMtwW0t4A1fyqE4GUN\n"
    "7EU2at/vnypcm8CVIT2142Ao9wk5aNUeU4ipEgCEo0IwQDAPBgNVHRMBAf8EBTAD\n"
    "AQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUj3OfiM2aSToNGKh+cjDkBUbj\n"
    "kgUwCgYIKoZIzj0EAwIDSQAwRgIhAM0ct1EM72EBddzL1DocQX1vgaNK4Co7WadH\n"
    "mNn3ohuNAiEAq7c62Lcu9dBX2kxYHcgmY0nsTc59hyRS2vBN55nmhag=\n"
    "-----END CERTIFICATE-----\n";

static const char other_ca_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBgDCCASagAwIBAgIUE4EuOWg0uWDwdUgk1cwXmrObsRIwCgYIKoZIzj0EAwIw\n"
    "HTEbMBkGA1UEAwwSaDNndyB0ZXN0IG90aGVyX2NhMCAXDTIwMDEwMTAwMDAwMFoY\n"
    "DzIwOTkxMjMxMDAwMDAwWjAdMRswGQYDVQQDDBJoM2d3IHRlc3Qgb3RoZXJfY2Ew\n"
    "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARD3lttwcMFd/WRLt5eEJlzN9Hb0yGP\n"
    "zQlBcvV1MSsq8H0NtVba0dXFkzq/OqUi++9r7A7icUkQM5W1z0tLMM6lo0IwQDAP\n"
    "BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQUG5HgfWjr\n"
    "uqLdYFOk7vzbrXKsCQgwCgYIKoZIzj0EAwIDSAAwRQIgGGfPAXTJdXBFJziyrEu6\n"
    "aKZs304bsy0xk6eCPOX4g/0CIQCMG++SpXMplLsmIEVZ7yFnmfUxlDNaLPkIDKlp\n"
    "JIQHKQ==\n"
    "-----END CERTIFICATE-----\n";

static const char local_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIB3zCCAYagAwIBAgIUUtUhyE3rJlnHnsAipS0jqtk59rAwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMaDNndyB0ZXN0IGNhMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkx\n"
    "MjMxMDAwMDAwWjAQMQ4wDAYDVQQDDAVsb2NhbDBZMBMGByqGSM49AgEGCCqGSM49\n"
    "AwEHA0IABMQWNw5j1ggO6/YriV8RzWk4Y0TjWIbLAkixIosIZE1RDr3bummamLGa\n"
    "MAKTM/wfeRxWe+zwCGZ/2w7UWafvRP+jgbQwgbEwDAYDVR0TAQH/BAIwADAOBgNV\n"
    "HQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwEwPAYDVR0RBDUwM4IJbG9j\n"
    "YWxob3N0gg4qLmV4YW1wbGUudGVzdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAd\n"
    "BgNVHQ4EFgQUjjg9nkVaP8WX8eeXtn+Ap43PGdYwHwYDVR0jBBgwFoAUj3OfiM2a\n"
    "SToNGKh+cjDkBUbjkgUwCgYIKoZIzj0EAwIDRwAwRAIgGaXMZzomEy44rVfDOVfF\n"
    "OWXxQDmJFL+JtbdijYsw6bsCIBgs9LiUS8MsyfhtERY6pIdo+j2K0w0w4SfEk6ol\n"
    "N9oB\n"
    "-----END CERTIFICATE-----\n";

static const char local_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6dR6dXT/I36pS/um\n"
    "185JStK6wUx24c4c/HLANtqGRk2hRANCAATEFjcOY9YIDuv2K4lfEc1pOGNE41iG\n"
    "ywJIsSKLCGRNUQ6927ppmpixmjACkzP8H3kcVnvs8Ahmf9sO1Fmn70T/\n"
    "-----END PRIVATE KEY-----\n";

static const char second_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBvDCCAWGgAwIBAgIUALGDNX/5usxLFbpUJefdLnuohbkwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMaDNndyB0ZXN0IGNhMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkx\n"
    "MjMxMDAwMDAwWjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAAR8+DsIlkO70tWu2r2AMpV+JV/nPIXD0Crb2FiCPnyT3ASQ1uh7FPKA\n"
    "V1lA7l1WYdP6pFkRH/1MEnf0tfCKVer9o4GOMIGLMAwGA1UdEwEB/wQCMAAwDgYD\n"
    "VR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMBYGA1UdEQQPMA2CC3Nl\n"
    "Y29uZC50ZXN0MB0GA1UdDgQWBBQhbvnoPHKXDmHnh6VJUpzbaA8B8DAfBgNVHSME\n"
    "GDAWgBSPc5+IzZpJOg0YqH5yMOQFRuOSBTAKBggqhkjOPQQDAgNJADBGAiEAxgvl\n"
    "Ypc1wUlk/G1+GlHqRXrKxzZuBBIgtp7vJBx9sIACIQDOwLvYEFNCB+4HLz5SXMdP\n"
    "3bFM6vm52eAKgcaQQY17qg==\n"
    "-----END CERTIFICATE-----\n";

static const char second_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+IJzsraEhiNcuHfh\n"
    "VKmljN68eIyMHqKh3IqDfW+8OVShRANCAAR8+DsIlkO70tWu2r2AMpV+JV/nPIXD\n"
    "0Crb2FiCPnyT3ASQ1uh7FPKAV1lA7l1WYdP6pFkRH/1MEnf0tfCKVer9\n"
    "-----END PRIVATE KEY-----\n";

static const char common_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBpTCCAUqgAwIBAgIUIV9BqE5VAXp1Mg0KxOsI1ILu9UAwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMaDNndyB0ZXN0IGNhMCAXDTIwMDEwMTAwMDAwMFoYDzIwOTkx\n"
    "MjMxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggq\n"
    "hkjOPQMBBwNCAARd0KmgHFjk3qgePwP+4oVzvLb6r4bE7dLqY5Tl6TDZEkcf7vkk\n"
    "4yh3O4LSb5GgMavXnCns3KSFuSbn3rGQvNozo3UwczAMBgNVHRMBAf8EAjAAMA4G\n"
    "A1UdDwEB/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDATAdBgNVHQ4EFgQUrQGw\n"
    "3MsQ1RJGEzCjQusg7A7DMYkwHwYDVR0jBBgwFoAUj3OfiM2aSToNGKh+cjDkBUbj\n"
    "kgUwCgYIKoZIzj0EAwIDSQAwRgIhAKleESiJTnCqpKAYBF8fvIzKgkliolj/Xg7a\n"
    "IfaRw2XwAiEAxTvlAQXwDIVJiEqPBga1vl+dx4xRj9noC7KT8KGKX/4=\n"
    "-----END CERTIFICATE-----\n";

static const char common_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdgqFXrPlXMy+wSha\n"
    "Kfm9fO6Z/zxbiaerPpw0fn0UbRyhRANCAARd0KmgHFjk3qgePwP+4oVzvLb6r4bE\n"
    "7dLqY5Tl6TDZEkcf7vkk4yh3O4LSb5GgMavXnCns3KSFuSbn3rGQvNoz\n"
    "-----END PRIVATE KEY-----\n";

static const char expired_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBuDCCAV6gAwIBAgIUayq4tLonXewMAZ7csTgczMUqc8QwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMaDNndyB0ZXN0IGNhMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDIw\n"
    "MTAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZMBMGByqGSM49AgEGCCqGSM49\n"
    "AwEHA0IABD5w5mOpsmK9EFhwULys0e3XM27V0AKK8W/GS01X1sn8qwRq8wUm1Ond\n"
    "+iBeuX7kZ+XkCk2+w28Zc6Sw5LmRoECjgYwwgYkwDAYDVR0TAQH/BAIwADAOBgNV\n"
    "HQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwEwFAYDVR0RBA0wC4IJbG9j\n"
    "YWxob3N0MB0GA1UdDgQWBBT+i++vQ9YKTW+wfxFeGHqeTwxVqjAfBgNVHSMEGDAW\n"
    "gBSPc5+IzZpJOg0YqH5yMOQFRuOSBTAKBggqhkjOPQQDAgNIADBFAiEAnM2znnZw\n"
    "Sdij61KlLWIbeq8H2XCSM3hWY4wOnVDCczsCIHSBUBO7YuMgsZjx4nLLqa1zcicP\n"
    "NHLM2CrgC24lb2AX\n"
    "-----END CERTIFICATE-----\n";

static const char expired_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg393IiiawMlcLnuYI\n"
    "CNuaC5MnKt1URfPsBOz/FQ4TyEmhRANCAAQ+cOZjqbJivRBYcFC8rNHt1zNu1dAC\n"
    "ivFvxktNV9bJ/KsEavMFJtTp3fogXrl+5Gfl5ApNvsNvGXOksOS5kaBA\n"
    "-----END PRIVATE KEY-----\n";

static const char client_crt[] __attribute__((unused)) =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBxTCCAWugAwIBAgIUODEIA3oxN1+zTmdALpHpG9IZ4qkwCgYIKoZIzj0EAwIw\n"
    "HTEbMBkGA1UEAwwSaDNndyB0ZXN0IG90aGVyX2NhMCAXDTIwMDEwMTAwMDAwMFoY\n"
    "DzIwOTkxMjMxMDAwMDAwWjAvMQswCQYDVQQGEwJERTENMAsGA1UECgwEaDNndzER\n"
    "MA8GA1UEAwwIYSBjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQgX/We\n"
    "XutBavZH2iMydvA8NCyS5zZMfRqMe2OqBn8jnZvnJF8YoxCMJCw0DeY97W5g8EuC\n"
    "Jt8KufCXbTQbX5Jwo3UwczAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDAT\n"
    "BgNVHSUEDDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUPEYM1uXPHretY1KjKX95oRs7\n"
    "mzUwHwYDVR0jBBgwFoAUG5HgfWjruqLdYFOk7vzbrXKsCQgwCgYIKoZIzj0EAwID\n"
    "SAAwRQIhAKNeqmGd2wf40kn7tk3F1VZ/QRTytHFmzo4owHIROpgyAiBi9HcloREy\n"
    "h7MhFim/EXQIeVed1xOa5xvwQi3w02K3Mg==\n"
    "-----END CERTIFICATE-----\n";

static const char client_key[] __attribute__((unused)) =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtOcvspaAFy6rFwYi\n"
    "4pp1rgLg8MWHCFjJ9tU5xhesJYihRANCAAQgX/WeXutBavZH2iMydvA8NCyS5zZM\n"
    "fRqMe2OqBn8jnZvnJF8YoxCMJCw0DeY97W5g8EuCJt8KufCXbTQbX5Jw\n"
    "-----END PRIVATE KEY-----\n";

#endif
