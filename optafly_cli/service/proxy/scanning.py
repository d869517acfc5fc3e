"""Is a secret of a known shape in a JSON value? Long texts are remembered, as digests: a request repeats most of them.

Looking through 16 KB that nobody has seen takes milliseconds, so those are named, for who can wait with them.
"""

from collections.abc import Iterator
from typing import Any

from optafly_cli.cache.digest import sha256
from optafly_cli.workspace.secret_values import is_secret_name
from optafly_cli.workspace.secrets import redact

_SMALL = 2_048
_REMEMBERED = 4_096
_known: dict[str, bool] = {}


def holds_secret(value: object) -> bool:
    """Whether a secret is in any text of a JSON value, keys included."""
    return any(_has_secret(text) for text in _texts(value))


def first_look(value: object) -> tuple[bool, tuple[str, ...]]:
    """What `holds_secret` says without the long texts that were not seen before, and those."""
    unseen: list[str] = []
    secret = False
    for text in _texts(value):
        if len(text) <= _SMALL:
            secret = secret or bool(redact(text).kinds)
        elif (found := _known.get(sha256(text))) is None:
            unseen.append(text)
        else:
            secret = secret or found
    return secret, tuple(unseen)


def _has_secret(text: str) -> bool:
    if len(text) <= _SMALL:
        return bool(redact(text).kinds)
    digest = sha256(text)
    found = _known.get(digest)
    if found is None:
        found = bool(redact(text).kinds)
        # For several threads at once: at worst a text is looked through twice
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[digest] = found
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every text of a JSON value, short ones joined, keys included."""
    short: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if len(item) > _SMALL:
                yield item
            else:
                short.append(item)
        elif isinstance(item, dict):
            short += item.keys()
            # A password is told by its key alone
            short += [
                f'{key}="{value}"' for key, value in item.items() if isinstance(value, str) and is_secret_name(key)
            ]
            todo += item.values()
        elif isinstance(item, (list, tuple)):
            todo += item
    for at in range(0, len(short), 64):
        yield "\n".join(short[at : at + 64])
