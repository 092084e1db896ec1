# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash

archive_of libyyjson.a src/yyjson.c
headers_from . src/yyjson.h
license_from LICENSE
