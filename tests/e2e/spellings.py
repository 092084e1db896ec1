# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that users meet and that tests need, each in one place."""

# Files in $H3GW_CAROOT, named as mkcert names them.
CA_CERT = "rootCA.pem"
CA_KEY = "rootCA-key.pem"

# Time limits of serve; values like 2s and 500ms.
CONNECT_TIMEOUT = "--upstream-connect-timeout"
RESPONSE_TIMEOUT = "--upstream-response-timeout"
DRAIN_TIMEOUT = "--drain-timeout"

# The field that tells how long the upstream took, in milliseconds.
SERVICE_TIME = "x-h3gw-upstream-service-time"

# What x-forwarded-proto-version and /h3gw call the versions.
PROTOCOL_NAME = {"h1": "h1", "h2": "h2", "h3": "h3"}

# Flags of get.
GET_VERSION = {"h1": "--http1.1", "h2": "--http2", "h3": "--http3"}
