"""Secrets that are known by their value: what the environment holds under a name that says so.

In: text and the environment. Out: where such a value stands in the text, as it is, escaped, URL-encoded or in base64.
"""

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from optafly_cli.workspace.placeholders import is_path, is_placeholder
from optafly_cli.workspace.searched import Found, Searched

KIND = "value from the environment"
SHORTEST, LONGEST = 8, 20_000
"""Letters of a value that is looked for."""
_SHORTEST_LINE, _SHORTEST_CORE, _SHORTEST_WORDS = 24, 8, 20
_WORDS = frozenset((
    "KEY", "KEYS", "APIKEY", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE",
    "PASS", "PWD", "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH", "AUTHORIZATION", "PAT",
))  # fmt: skip
_ENDINGS = ("PASSWORD", "PASSWD", "TOKEN", "SECRET", "APIKEY", "PASSPHRASE")
_NO_SECRETS = frozenset((
    "FILE", "PATH", "DIR", "FOLDER", "URL", "URI", "NAME", "TYPE", "ID", "SOCK", "SOCKET", "HOST", "PORT", "REGION",
    "TTL", "EXPIRY", "BACKEND",
))  # fmt: skip


def find(searched: Searched, environ: Mapping[str, str]) -> Iterator[Found]:
    """Where the values stand; of base64, the whole of it."""
    text = searched.text
    for value in _values_of(environ):
        plain, encoded = _forms(value)
        for form in plain:
            at = text.find(form)
            while at >= 0:
                yield Found(at, at + len(form), KIND)
                at = text.find(form, at + len(form))
        for core in encoded:
            at = text.find(core)
            while at >= 0:
                start, end = _around(text, at, at + len(core))
                yield Found(start, end, KIND)
                at = text.find(core, end)


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: `DB_PASSWORD`, `GITHUB_TOKEN`; not `TOKEN_FILE`, `PWD`."""
    words = [word for word in re.split(r"[\W_]+", name.upper()) if word]
    if not words or words[-1] in _NO_SECRETS or "PUBLIC" in words or name.upper() in ("PWD", "OLDPWD"):
        return False
    return not _WORDS.isdisjoint(words) or any(word.endswith(_ENDINGS) for word in words)


def _values_of(environ: Mapping[str, str]) -> frozenset[str]:
    # CPython's os.environ: to decode all of it takes ten times as long as to see that it is the same
    raw = getattr(environ, "_data", None)
    return _values(environ) if raw is None else _values_in(frozenset(raw.items()))


@lru_cache(maxsize=2)
def _values_in(raw: frozenset[tuple[bytes, bytes]]) -> frozenset[str]:
    return _values({os.fsdecode(name): os.fsdecode(value) for name, value in raw})


def _values(environ: Mapping[str, str]) -> frozenset[str]:
    found: set[str] = set()
    for name, value in environ.items():
        # Names first: a value is only looked at where it has to be
        if is_secret_name(name):
            found.update(part for part in _parts(value) if not _is_common(part))
        elif "://" in value and "@" in value and (match := re.search(r"://[^\s:/@]*:([^\s/@]+)@", value)):
            found.update({match[1]} if not _is_common(match[1]) else ())
    return frozenset(found)


def _parts(value: str) -> Iterator[str]:
    value = value.strip()
    if len(value) <= LONGEST:
        yield value
    if "\n" in value:
        # A key in several lines is often shown indented, or only in part
        yield from (line.strip() for line in value.split("\n") if len(line.strip()) >= _SHORTEST_LINE)


def _is_common(value: str) -> bool:
    """Whether the value stands in texts that have nothing to do with it: words, numbers, paths."""
    if len(value) < SHORTEST or is_path(value) or is_placeholder(value) or value.startswith("-----"):
        return True
    if value.isdigit():
        return len(value) < SHORTEST + 4
    return (
        len(value) < _SHORTEST_WORDS
        and re.fullmatch(r"[A-Z]?[a-z]+(?:[-_ .][a-z]+)*(?:[-_ .]\d{1,2})?|[A-Z_]+", value) is not None
    )


@lru_cache(maxsize=64)
def _forms(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The value as it may stand in a text, and what is the same of it in any base64 that it is a part of."""
    import binascii
    import json

    plain = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    if re.fullmatch(r"[\w.~-]+", value, re.ASCII) is None:
        from urllib.parse import quote, quote_plus

        for encoded in (quote(value, safe=""), quote(value), quote_plus(value)):
            plain |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)}
    data = value.encode("utf-8", "surrogateescape")
    cores = set()
    for shift in range(3):
        whole = binascii.b2a_base64(bytes(shift) + data, newline=False).decode()
        core = whole[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
        if len(core) >= _SHORTEST_CORE:
            cores |= {core, core.replace("+", "-").replace("/", "_")}
    return tuple(sorted(plain, key=len, reverse=True)), tuple(sorted(cores))


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The base64 that this is a part of."""
    while start > 0 and _is_base64(text[start - 1]):
        start -= 1
    while end < len(text) and (_is_base64(text[end]) or text[end] == "="):
        end += 1
    return start, end


def _is_base64(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in "+/-_")
