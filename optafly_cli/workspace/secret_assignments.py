"""Secrets that are told by the name they are given: `DB_PASSWORD=…`, `"apiKey": "…"`, `Authorization: Bearer …`.

In: text. Out: where their values stand. A value that stands for one (`changeme`, `${TOKEN}`) is none.
"""

import binascii
import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.workspace.drawn import is_drawn
from optafly_cli.workspace.placeholders import is_placeholder, looks_real
from optafly_cli.workspace.searched import Found, Searched

HEADER, PASSWORD, VALUE = "Authorization header", "password", "secret value"

_NAMES = (
    "pass", "pwd", "secret", "token", "credential", "apikey", "api_key", "api-key",
    "access_key", "accesskey", "access-key", "auth_key", "authkey", "private_key", "privatekey", "encryption_key",
    "encryptionkey", "signing_key", "signingkey", "master_key", "masterkey", "account_key", "shared_key", "sharedkey",
)  # fmt: skip
_NO_SECRETS = frozenset((
    "file", "path", "url", "uri", "endpoint", "name", "type", "field", "length", "len", "size", "expiry", "expires",
    "expiration", "ttl", "policy", "label", "prefix", "suffix", "header", "id", "class", "pattern", "regex", "format",
    "hint", "algorithm", "version", "count", "limit", "scope", "ref", "arn", "hash", "digest", "error", "message",
    "help", "prompt", "title", "text", "env", "var", "backend", "provider", "module", "input", "column",
))  # fmt: skip
"""The last word of a name that only speaks of a secret (`token_type`, `passwordLabel`)."""


def find(searched: Searched) -> Iterator[Found]:
    """Values of assignments and of authorization headers, in any of the usual notations."""
    if searched.has(_NAMES):
        for match in searched.matches(_assignment(), _NAMES):
            if found := _assigned(searched.text, match):
                yield found
    for match in searched.matches(_authorization(), ("authorization", "bearer", "basic")):
        group = "basic" if match["basic"] else "other"
        if _authorizes(match[group], basic=group == "basic"):
            yield Found(*match.span(group), HEADER)
    if searched.has(("login", "machine")):
        for match in _netrc().finditer(searched.text):
            if looks_real(match["secret"], password=True):
                yield Found(*match.span("secret"), PASSWORD)


def _assigned(text: str, match: re.Match[str]) -> Found | None:
    name = match["name"]
    last = _last_word().search(name)
    if last and last[1].lower() in _NO_SECRETS:
        return None
    password = name.lower().startswith(("pass", "pwd"))
    kind = PASSWORD if password else VALUE
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    group = next(group for group in ("quoted", "xml", "option", "bare") if match[group] is not None)
    start, end = match.span(group)
    if (match["operator"] == "," and end - start < 8) or (group == "bare" and match["operator"] in (",", ">")):
        return None
    if group == "bare" and _env_line().fullmatch(before + text[match.start() : start]):
        rest = _no_blank().match(text, start)
        end = rest.end() if rest else end
        return Found(start, end, kind) if looks_real(text[start:end], password=password) else None
    if group == "option" and re.search(r"--[\w-]{0,40}$", before) is None:
        return None
    if group == "bare" and not _stands_bare(before + text[match.start() : start], match[group], text[end : end + 40]):
        return None
    return Found(start, end, kind) if looks_real(match[group], password=password) else None


def _stands_bare(before: str, value: str, after: str) -> bool:
    """Whether a value without quotes is one and not code: in a line of YAML, in a connection string."""
    if _yaml_line().fullmatch(before) and not _is_code(value):
        return after.lstrip(" \t")[:1] in ("", "\n", "\r", "#", "\\")
    if _is_code(value) and re.search(r"(?:\w=\S+ |[;&?])[\w -]{0,30}=$", before) is None:
        return re.match(r";[ \w]+=|&\w+=| \w+=[^=]", after) is not None
    return after[:1] in ("", "\n", "\r", "\\", ";", "&", " ", '"', "'")


def _is_code(value: str) -> bool:
    """Whether it could be an expression: `token2`, `self.token`, `tokens[0]`, `len(x)`."""
    return re.search(r"[(\[{]", value) is not None or (
        re.fullmatch(r"[A-Za-z_][\w.]*", value) is not None
        and sum(letter.isdigit() for letter in value) < 2
        and not is_drawn(value)
    )


def _authorizes(value: str, *, basic: bool) -> bool:
    if not basic:
        return len(value) >= 16 and any(letter.isdigit() for letter in value) and not is_placeholder(value)
    try:
        user, colon, password = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode("latin-1").partition(":")
    except binascii.Error:
        return False
    return bool(colon) and user.isprintable() and password.isprintable() and not is_placeholder(password)


@cache
def _assignment() -> re.Pattern[str]:
    return re.compile(
        r"""
        (?P<name>(?:passw(?:or)?d|passphrase|passwd|(?<![A-Za-z])pass(?![A-Za-z])|pwd|secret|token|credential
            |(?:api|access|auth|private|encryption|signing|master|account|shared)[_-]?key)[\w.-]{0,24})
        (?:
          (?:\\?["'\]]){0,2}[ \t]{0,8}(?::[ \t]?\w{1,12}(?=[ ]=))?[ \t]{0,8}(?P<operator>=>|:=|={1,3}|!=|:|(?<=["']),|>)
          (?:
            (?:\s{0,8}[rbfu]{0,2}|[ \t]{0,8}(?:\w{1,12}\()?)
              (?P<quote>\\?["'`])(?P<quoted>(?:(?!(?P=quote))[^\s\\]|\\[^\sn]){6,300})(?P=quote)
            |(?<=>)(?P<xml>[^\s<>"']{6,200})</
            |[ \t]{0,8}(?P<bare>[^\s"'`,;&<>]{6,200})
          )
          |(?<=[a-z])[ ]["']?(?P<option>(?!-)[^\s"'`<>]{8,200})(?=["'\s]|\Z)
        )
        """,
        re.ASCII | re.IGNORECASE | re.VERBOSE,
    )


@cache
def _last_word() -> re.Pattern[str]:
    return re.compile(r"([A-Z][a-z]+|[a-z]+|[A-Z]+)[\d_.-]*\Z")


@cache
def _authorization() -> re.Pattern[str]:
    return re.compile(
        r"(?i)(?:(?:proxy-)?authorization(?:\\?[\"'])?\s{0,3}[:=,]\s{0,3}(?:\\?[\"'])?)?"
        r"(?:basic\s{1,3}(?P<basic>[A-Za-z0-9+/]{8,}={0,2})|(?:bearer|token|apikey)\s{1,3}(?P<other>[A-Za-z0-9._~+/=-]{16,}))",
        re.ASCII,
    )


@cache
def _env_line() -> re.Pattern[str]:
    return re.compile(r"[+\- \t#]{0,8}(?:export[ ]|set[ ]|ENV[ ]|ARG[ ]|-e[ ]|-[ ])?[ \t]{0,8}[A-Z][A-Z0-9_]{0,60}=")


@cache
def _no_blank() -> re.Pattern[str]:
    return re.compile(r"\S{1,300}")


@cache
def _yaml_line() -> re.Pattern[str]:
    return re.compile(r"[+\- \t]{0,40}[\"']?[\w.\-]{1,60}[\"']?(?::[ \t]{1,8}|[ \t]{0,8}=[ \t]{0,8})")


@cache
def _netrc() -> re.Pattern[str]:
    return re.compile(r"\blogin\s{1,8}\S{1,100}\s{1,8}password\s{1,8}(?P<secret>\S{6,200})")
