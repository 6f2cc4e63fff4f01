"""The shapes of texts in descriptors, and how messages put them into words."""

from __future__ import annotations

NAME = r"^[a-z][a-z0-9_]{0,62}$"
CRON = r"^\s*(@[A-Za-z]+|\S+(\s+\S+){4})\s*$"
VERSION = r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$"
SQL_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
KEY_TYPE = r"^(uuid|bigint|integer|text)$"
APP = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
URL = r"^https?://[^/\s]+"
ROOTED = r"^/"

IN_WORDS = {
    NAME: "a name of small letters, digits and _ that begins with a letter and has at most 63 characters",
    CRON: 'a cron expression: five fields like "30 3 * * *", or a name like @daily',
    VERSION: "a version: letters, digits and . + -, at most 64 characters",
    SQL_NAME: "a name of letters, digits and _ that begins with no digit and has at most 63 characters",
    KEY_TYPE: "one of uuid, bigint, integer, text",
    APP: 'the place of an app: "package.module:name"',
    URL: "an address that begins with http:// or https://",
    ROOTED: "a path that begins with /",
}
