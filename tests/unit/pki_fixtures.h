/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_PKI_FIXTURES_H
#define TESTS_PKI_FIXTURES_H

/* Keys and a certificate made with openssl 3.0, as users bring them. The certificate is for the
 * first key: O=Some Org, OU=Unit, CN=some.host, a CA, clientAuth only, 2026 to 2126. */

#define FIXTURE_EC_SEC1 \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MHcCAQEEIAgXFWLd2OD9cY4AWm5Md5CoQo/c/eMfM/bjAd3R2lYMoAoGCCqGSM49\n" \
    "AwEHoUQDQgAEfKsvwhMg9D01Xk8/nkhW3EWiUlNMs1zx7ugLyfeYWpwYWKHjOEV+\n" \
    "azlO9nHS3UbX7SLWBxFayJJ9AmEuiat8AQ==\n" \
    "-----END EC PRIVATE KEY-----\n"

#define FIXTURE_EC_PKCS8 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCBcVYt3Y4P1xjgBa\n" \
    "bkx3kKhCj9z94x8z9uMB3dHaVgyhRANCAAR8qy/CEyD0PTVeTz+eSFbcRaJSU0yz\n" \
    "XPHu6AvJ95hanBhYoeM4RX5rOU72cdLdRtftItYHEVrIkn0CYS6Jq3wB\n" \
    "-----END PRIVATE KEY-----\n"

#define FIXTURE_P384_SEC1 \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MIGkAgEBBDAP8X1LGgMxePdrnU3NtwiiuJ3xc0mIMreXyEv4uURmNtPlzfL/K8Wh\n" \
    "juVcXRALzgigBwYFK4EEACKhZANiAATZy5moTfHhpkQkT3saSb+Ilpq5v9t+oN+l\n" \
    "xLj5HYxNzeWp4xUy2TfQ7a+OVOJy+cmAM8m9n7xfB2aRq3VF2db/eYWX9WZfFplb\n" \
    "g5q3qX1i+lDYfOcv0AmFLirjIlYc1T8=\n" \
    "-----END EC PRIVATE KEY-----\n"

#define FIXTURE_ED25519_PKCS8 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VwBCIEIG81Y9G7Kq4MtHeUs6vZuULCTCr8iS7wr1AfMnpNgJea\n" \
    "-----END PRIVATE KEY-----\n"

#define FIXTURE_RSA_PKCS1 \
    "-----BEGIN RSA PRIVATE KEY-----\n" \
    "MIIEpQIBAAKCAQEA45PAP827ss6Z48vp0/iaZlJo/avDxPSrMKuFGKfr1quOkci/\n" \
    "Fb5guFtyoYQ/LjtU/ZhDbTktLRLRXNeuyQ2DnXBr83dvOcoxk/+do12OE8862oz+\n" \
    "XAaOTnWPDAv2dtIuiVEGTmRhSKH+1hOUhX5iX1WfJXR69P0aQXNtStMDy0EbsFQY\n" \
    "ZeCWCHotO/CSFjNCij4J2VVLRwz6234soEcDwxrJYTwQ3R6pIZeXKc1YbrdL3ZC3\n" \
    "23dsWUyrbaQMFZtSPh+6vmJskLPHZg6ted/nWbq4/KUEsQZAnZBem6I6Dd9+oGms\n" \
    "rdUCrvkqGPJY2pXlSBd+jji1lYJYx0bzmcHq1QIDAQABAoIBAAi70o/Z4kwUgxhl\n" \
    "N3laKMbB5X1l7Z+HfXH8ayFNAUKESlzmHA5s3dzFYBFUK3HBQ8I8HGS6yIHBBdLi\n" \
    "N7cUjMpqfMh9R87E2s4H7DG16FSlsJsGXsg2VWWSbzJydRUOfOW2yJ8SjOwGKrfM\n" \
    "syr3J8+D0C88sjyCFOz4TcEmdvzou+hOsDZjjgJvM86oNo7aPTK74OnDWmQBbOad\n" \
    "OWzbjCOesiCnfSzpzuKTBHwLgrDHw2fzG0/1vJ6WCATc2xwsuwTQarU34Fdqtup6\n" \
    "ROYWKSj5BaOLnyKJhQosmxgvoll2mz6KbMMXbNn5zk967R2D37UaiB9ZOe9u+OwB\n" \
    "UPKxTDMCgYEA/KZN01L0MiRoCnWLityWjM0R/3hz1FBO1OpEU4wQEO5rR+D2XcdQ\n" \
    "jw047hXl+oRp5e+AeKu0ObeTRg0c/FVHaaggp7plC4zBDlFgjhB2sjdN1fCtt4l7\n" \
    "GZp9t0bIwme/SeEdJRT4C7jfOMXUjdf+iYYkU5pIOf4Uc9xdNTU9kmMCgYEA5phU\n" \
    "sXzYLQJpbC/FU1/C9KUcxJm1+gGfOadwdj9SzriCA2JTS4dWhlcRwXgkcc4U/Xyf\n" \
    "XvJr9bNmLQeE2wX+4Lk7FaiOxefW7A49GlEb2JaDYVhcHyQ9e4Eo5Zq+EsewWn6e\n" \
    "GZ3U4OogJI35m9vnXpbr2MYE5HHPBa9Au/BQd2cCgYEAxG1j6p3/H5DwltkmwbKZ\n" \
    "FiVGDfKPU42QjLcKok4uG4vSOtMrmGOjPWURUwIRiME0OEIKB0ev2oPga8E8PO7s\n" \
    "k7fUk7M2ZlFrs38Pa8RfFFYtHN1/okewPoq/nSPaaFMTBRSRfUgdRbfZTSF6DUHW\n" \
    "MwPo8FruNrBVJHM6wGiBU3MCgYEA1GhdG2C0gEFIeq9GRJZhLpko9q/gQHpeAO2L\n" \
    "WmDaFjE/EX7w2xG/Ud/CK0RPzcTW8OhqpTsI1zp5U+EpL9dGABqfokOxv/rernIv\n" \
    "Np6f19JNEs4hjU4ElE9VLKptiz8F41XerBoGjWccVI+y7S6S4T6D4RoGR6fN2p6k\n" \
    "MnoapOECgYEAqaL0PHBam6dHd4r4zNPAZmSqqsg7AWRyVBYd7zgPXR7CcQGwpu+W\n" \
    "/ns+27QKfOvwCv+RqX7fINXnGkq9kGFCZq5UrSPZt9NZyymhOawEdkU9FaMEsaVk\n" \
    "A83pw+4loFqBiUudDO0gTKUWqUfT2KMEgSNHWu1HHzttAOkKzoy7x2M=\n" \
    "-----END RSA PRIVATE KEY-----\n"

#define FIXTURE_RSA_PKCS8 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQDjk8A/zbuyzpnj\n" \
    "y+nT+JpmUmj9q8PE9Kswq4UYp+vWq46RyL8VvmC4W3KhhD8uO1T9mENtOS0tEtFc\n" \
    "167JDYOdcGvzd285yjGT/52jXY4TzzrajP5cBo5OdY8MC/Z20i6JUQZOZGFIof7W\n" \
    "E5SFfmJfVZ8ldHr0/RpBc21K0wPLQRuwVBhl4JYIei078JIWM0KKPgnZVUtHDPrb\n" \
    "fiygRwPDGslhPBDdHqkhl5cpzVhut0vdkLfbd2xZTKttpAwVm1I+H7q+YmyQs8dm\n" \
    "Dq153+dZurj8pQSxBkCdkF6bojoN336gaayt1QKu+SoY8ljaleVIF36OOLWVgljH\n" \
    "RvOZwerVAgMBAAECggEACLvSj9niTBSDGGU3eVooxsHlfWXtn4d9cfxrIU0BQoRK\n" \
    "XOYcDmzd3MVgEVQrccFDwjwcZLrIgcEF0uI3txSMymp8yH1HzsTazgfsMbXoVKWw\n" \
    "mwZeyDZVZZJvMnJ1FQ585bbInxKM7AYqt8yzKvcnz4PQLzyyPIIU7PhNwSZ2/Oi7\n" \
    "6E6wNmOOAm8zzqg2jto9Mrvg6cNaZAFs5p05bNuMI56yIKd9LOnO4pMEfAuCsMfD\n" \
    "Z/MbT/W8npYIBNzbHCy7BNBqtTfgV2q26npE5hYpKPkFo4ufIomFCiybGC+iWXab\n" \
    "Popswxds2fnOT3rtHYPftRqIH1k572747AFQ8rFMMwKBgQD8pk3TUvQyJGgKdYuK\n" \
    "3JaMzRH/eHPUUE7U6kRTjBAQ7mtH4PZdx1CPDTjuFeX6hGnl74B4q7Q5t5NGDRz8\n" \
    "VUdpqCCnumULjMEOUWCOEHayN03V8K23iXsZmn23RsjCZ79J4R0lFPgLuN84xdSN\n" \
    "1/6JhiRTmkg5/hRz3F01NT2SYwKBgQDmmFSxfNgtAmlsL8VTX8L0pRzEmbX6AZ85\n" \
    "p3B2P1LOuIIDYlNLh1aGVxHBeCRxzhT9fJ9e8mv1s2YtB4TbBf7guTsVqI7F59bs\n" \
    "Dj0aURvYloNhWFwfJD17gSjlmr4Sx7Bafp4ZndTg6iAkjfmb2+deluvYxgTkcc8F\n" \
    "r0C78FB3ZwKBgQDEbWPqnf8fkPCW2SbBspkWJUYN8o9TjZCMtwqiTi4bi9I60yuY\n" \
    "Y6M9ZRFTAhGIwTQ4QgoHR6/ag+BrwTw87uyTt9STszZmUWuzfw9rxF8UVi0c3X+i\n" \
    "R7A+ir+dI9poUxMFFJF9SB1Ft9lNIXoNQdYzA+jwWu42sFUkczrAaIFTcwKBgQDU\n" \
    "aF0bYLSAQUh6r0ZElmEumSj2r+BAel4A7YtaYNoWMT8RfvDbEb9R38IrRE/NxNbw\n" \
    "6GqlOwjXOnlT4Skv10YAGp+iQ7G/+t6uci82np/X0k0SziGNTgSUT1Usqm2LPwXj\n" \
    "Vd6sGgaNZxxUj7LtLpLhPoPhGgZHp83anqQyehqk4QKBgQCpovQ8cFqbp0d3ivjM\n" \
    "08BmZKqqyDsBZHJUFh3vOA9dHsJxAbCm75b+ez7btAp86/AK/5Gpft8g1ecaSr2Q\n" \
    "YUJmrlStI9m301nLKaE5rAR2RT0VowSxpWQDzenD7iWgWoGJS50M7SBMpRapR9PY\n" \
    "owSBI0da7UcfO20A6QrOjLvHYw==\n" \
    "-----END PRIVATE KEY-----\n"

#define FIXTURE_ENCRYPTED \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgKjaG0GHLonAICCAAw\n" \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDeHoHSae/CzoYBQwD85sy4EgZCZ\n" \
    "9cDngQFPCwnqigyo/SfntB8BCxEiaHbOISaqKAsGLpV6GLKGUn2PryMbhnzzmwXN\n" \
    "Gg6wBkRlWbs7n+Ez3pU47CHT1hbY0s2ovrPcMt3hpOu+NHSiralmd8LqSeZQL60g\n" \
    "7nu4PPYuY/r9DDCimfep+BuzYBI6MPrP3etwIKBWK7CusMfkmOuuYesxlWml1YM=\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

#define FIXTURE_CERT \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIICKzCCAdCgAwIBAgIUT+C+XUlJW/0QD6HolnOtzK2UwF4wCgYIKoZIzj0EAwIw\n" \
    "NjERMA8GA1UECgwIU29tZSBPcmcxDTALBgNVBAsMBFVuaXQxEjAQBgNVBAMMCXNv\n" \
    "bWUuaG9zdDAgFw0yNjExMjMxNTEzMDVaGA8yMTI2MTAzMDE1MTMwNVowNjERMA8G\n" \
    "A1UECgwIU29tZSBPcmcxDTALBgNVBAsMBFVuaXQxEjAQBgNVBAMMCXNvbWUuaG9z\n" \
    "dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHyrL8ITIPQ9NV5PP55IVtxFolJT\n" \
    "TLNc8e7oC8n3mFqcGFih4zhFfms5TvZx0t1G1+0i1gcRWsiSfQJhLomrfAGjgbkw\n" \
    "gbYwHQYDVR0OBBYEFLlfKacD4NYHH7BCOC60yJ3feb/+MB8GA1UdIwQYMBaAFLlf\n" \
    "KacD4NYHH7BCOC60yJ3feb/+MA8GA1UdEwEB/wQFMAMBAf8wTgYDVR0RBEcwRYIJ\n" \
    "c29tZS5ob3N0ggsqLndpbGQudGVzdIcECgAAAYcQ/oAAAAAAAAAAAAAAAAAAAYYM\n" \
    "c3BpZmZlOi8vYS9igQVhQGIuYzATBgNVHSUEDDAKBggrBgEFBQcDAjAKBggqhkjO\n" \
    "PQQDAgNJADBGAiEAmKUn9Hi2dQLo5E1OhIG7BQP0QboR1fyOk76TGhQd+cwCIQDy\n" \
    "b43POS899w7Cn3g80b0hFj8Y2CQuO7it86Koptj5Og==\n" \
    "-----END CERTIFICATE-----\n"

#endif
