"""Whether a value could be a secret, or stands where one would."""

import re
from functools import cache

from optafly_cli.workspace.drawn import is_drawn
from optafly_cli.workspace.searched import entropy

_PASSWORD_BITS, _HEX_BITS, _JUMBLE_BITS, _TOKEN_BITS, _PATH_BITS = 2.5, 2.5, 2.8, 3.2, 4.4
_SHORTEST_JUMBLE, _SHORTEST_TOKEN = 9, 12


def is_placeholder(value: str) -> bool:
    """Whether it only stands for a secret: `changeme`, `${VAR}`, `<token>`, `xxxx`, `your-key-here`, `user1234`."""
    if _template().search(value):
        return True
    few_letters = len(_filler().sub("", value.lower())) < 4 and not _is_jumble(value)
    # Such words are in drawn letters too, by chance
    return (few_letters or _stand_in().search(value) is not None) and not is_drawn(value) and not _is_digest(value)


def looks_real(value: str, *, password: bool) -> bool:
    """Whether a value that is assigned to a secret's name could be one. A password may be shorter than a token."""
    if is_placeholder(value) or _code().search(value) or is_path(value):
        return False
    if not any(letter.isalpha() for letter in value) or value.isalpha():
        return False
    if password:
        return _unlike_a_word().search(value) is not None and (entropy(value) >= _PASSWORD_BITS or is_drawn(value))
    has_digit = any(letter.isdigit() for letter in value)
    return has_digit and len(value) >= _SHORTEST_TOKEN and (entropy(value) >= _TOKEN_BITS or _is_digest(value))


def is_path(value: str) -> bool:
    """Whether it names a file or a place on the network. A random text that begins with a slash does not."""
    return _path().fullmatch(value) is not None and entropy(value) < _PATH_BITS and not is_drawn(value)


def _is_digest(value: str) -> bool:
    """Whether it is hexadecimal, long, and neither counted up nor the same few again and again."""
    return _long_hex().fullmatch(value) is not None and entropy(value) >= _HEX_BITS and "12345678" not in value


def _is_jumble(value: str) -> bool:
    """Whether it is digits and signs with a letter here and there: `r.S047719_g`."""
    letters = re.sub(r"[\d\W_]+", "", value.lower())
    return (
        len(value) >= _SHORTEST_JUMBLE
        and 0 < len(letters) < 4
        and _filler().sub("", value.lower()) == letters
        and entropy(value) >= _JUMBLE_BITS
    )


@cache
def _template() -> re.Pattern[str]:
    """What drawn letters do not happen to hold."""
    return re.compile(
        r"(?i)change.?(?:me|it|this)|example|place.?holder|redacted|insert.|replace.|foobar|…|"
        r"\$[({]|^\$\w+$|\{\{|\}\}|%\(|#\{|\{[\w.]*\}|<[\w -]+>|^<|\[redacted|"
        r"^\d{4}-\d\d-\d\d",
    )


@cache
def _stand_in() -> re.Pattern[str]:
    return re.compile(r"(?i)your[-_ ]?|xxx|\*\*\*|\.\.\.|dummy|todo|fixme|^%[sd]|%[sd]$")


@cache
def _filler() -> re.Pattern[str]:
    words = (
        "passwo?r?d?|passphrase|pwd|secrets?|token|credentials?|key|api|auth|access|user(?:name)?|admin|root|guest|login|"
        "test(?:ing|er)?|fake|mock|demo|sample|some|random|default|none|null|undefined|true|false|invalid|wrong|correct|"
        "bad|good|new|old|the|my|very|super|private|public|client|server|value|string|here|hunter2+|qwerty|letmein|"
        "abc(?:def)?(?:ghi)?|asdf|foo|bar|baz|dev|prod|local|db|database|postgres|mysql|redis|mongo|rabbitmq"
    )
    return re.compile(rf"(?:{words})|[\d\W_]+")


@cache
def _long_hex() -> re.Pattern[str]:
    return re.compile(r"[0-9A-Fa-f]{32,}")


@cache
def _code() -> re.Pattern[str]:
    return re.compile(r"\(\)|\(\?|\\[wdsb]|\[[\^\w]|::|->|://|^[\w.]*\(|^arn:|^[a-z]+(?:[_-][a-z]+)+\d?$")


@cache
def _unlike_a_word() -> re.Pattern[str]:
    return re.compile(r"\d|[!@#$%^&*+=?~|]")


@cache
def _path() -> re.Pattern[str]:
    return re.compile(r"(?:[A-Za-z]+:)?(?:[~.]{0,2}/|[A-Za-z]:\\)[\w.@+%: /\\-]*|[\w.-]+(?:/[\w.-]+)*\.[a-z]{1,5}")
