"""Shapes of secrets that gitleaks has no rule for, or one that is too narrow to redact by.

In: text. Out: where secrets stand in it, and of which kind. Only shapes that hardly occur by accident.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from functools import cache

from optafly_cli.workspace.placeholders import is_placeholder
from optafly_cli.workspace.searched import Found, Searched

_BEFORE = r"(?:\b|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\[\dm)|(?<=\[\d\dm))"
"""Where a token may begin: a word, or behind an escape, "%3D", a terminal's colour."""
_END_OF_KEY = "-----end"
_MOST_LINES = 400

# kind, what it begins with (lower case, no blanks), pattern. With a group called "secret", only that goes.
_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "private key",
        ("-----begin",),
        r"-----BEGIN (?P<of>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----"
        # Prose and code speak of the marker too
        r"(?=\W{0,20}(?:\n|\\n)(?:\\[nr]|\W){0,40}(?!X{4})[A-Za-z0-9+/]{4}|\s[A-Za-z0-9+/]{30})"
        r"[\s\S]{0,20000}?(?:-----END (?P=of)-----|\Z)",
    ),
    ("Anthropic key", ("sk-ant-",), _BEFORE + r"sk-ant-[A-Za-z0-9_\-]{20,}"),
    (
        "OpenAI key",
        ("sk-",),
        _BEFORE + r"sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{20,}|[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}"
        r"|[A-Za-z0-9]{48}\b)",
    ),
    ("OpenRouter key", ("sk-or-",), _BEFORE + r"sk-or-v1-[0-9a-f]{64}"),
    ("xAI key", ("xai-",), _BEFORE + r"xai-[A-Za-z0-9]{60,}"),
    ("Groq key", ("gsk_",), _BEFORE + r"gsk_[A-Za-z0-9]{48,}"),
    ("Replicate token", ("r8_",), _BEFORE + r"r8_[A-Za-z0-9]{37}\b"),
    ("Pinecone key", ("pcsk_",), _BEFORE + r"pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{60,}"),
    # Their letters are A-Z and 2-7 today, which is what gitleaks asks for
    ("AWS access key", ("akia", "asia", "abia", "acca"), _BEFORE + r"A(?:KI|SI|BI|CC)A(?!\w*EXAMPLE)[A-Z0-9]{16}\b"),
    (
        "AWS secret key",
        ("secret_access_key", "secretaccesskey", "secret_key", "secretkey"),
        r"(?i)(?:(?<=aws_)|(?<=aws)|(?=secret_?access))secret_?(?:access_?)?key[\"']?\s{0,5}[=:]\s{0,5}[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    ("Azure storage key", ("accountkey=",), r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    ("Azure signature", ("sig=",), r"(?<=[?&;])sig=(?P<secret>[A-Za-z0-9%+/]{43,90}(?:%3[Dd]|=))"),
    ("Google token", ("gocspx-", "ya29."), _BEFORE + r"(?:GOCSPX-[A-Za-z0-9_\-]{28}|ya29\.[A-Za-z0-9_\-.]{30,})"),
    ("Slack token", ("xox", "xapp-"), _BEFORE + r"(?:xox[abceoprs]|xapp)-[A-Za-z0-9\-]{10,}[A-Za-z0-9]{8}"),
    (
        "Stripe key",
        ("sk_live_", "rk_live_", "whsec_"),
        _BEFORE + r"(?:(?:sk|rk)_live_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{32,}=?)",
    ),
    ("PyPI token", ("pypi-age",), _BEFORE + r"pypi-AgE[A-Za-z0-9_\-]{50,}"),
    ("Vault token", ("hvs.", "hvb."), _BEFORE + r"hv[sb]\.[A-Za-z0-9_\-]{24,}"),
    ("Docker token", ("dckr_pat_",), _BEFORE + r"dckr_pat_[A-Za-z0-9_\-]{27,}"),
    ("Grafana token", ("glsa_", "glc_"), _BEFORE + r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    ("Supabase key", ("sbp_", "sb_secret_"), _BEFORE + r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_\-]{30,})"),
    ("Figma token", ("figd_",), _BEFORE + r"figd_[A-Za-z0-9_\-]{38,}"),
    ("age key", ("age-secret-key-",), r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    ("JSON web token", ("eyj",), _BEFORE + r"eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{20,}"),
    (
        "password in a URL",
        ("://",),
        r"(?<=[a-z0-9])://[^\s:/@\"'<>]{0,100}:(?P<secret>[^\s/@\"'<>${}*]{6,200})@"
        r"(?!localhost|127\.|example\.)[\w.\-\[]",
    ),
)
# The same for shapes with no beginning of their own: where the word is in the text, they are looked for everywhere
_LOOSE_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Telegram token", (":aa",), _BEFORE + r"\d{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])"),
    (
        "Discord token",
        ("discord",),
        r"(?<![A-Za-z0-9_])[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38}\b",
    ),
)


def find(searched: Searched) -> Iterator[Found]:
    """Secrets of these shapes; some may overlap."""
    for kind, hints, source in _SHAPES:
        if searched.has(hints):
            yield from _secrets(kind, searched.matches(_compiled(source), hints))
    for kind, hints, source in _LOOSE_SHAPES:
        if searched.has(hints):
            yield from _secrets(kind, _compiled(source).finditer(searched.text))
    yield from _ends_of_keys(searched)
    yield from _in_manifests(searched)


def _secrets(kind: str, matches: Iterable[re.Match[str]]) -> Iterator[Found]:
    for match in matches:
        group = "secret" if "secret" in match.re.groupindex else 0
        if not group or not is_placeholder(match[group]):
            yield Found(*match.span(group), kind)


def _ends_of_keys(searched: Searched) -> Iterator[Found]:
    """The lines of private keys whose beginning is not in the text: a hunk of a diff, the tail of a log."""
    text = searched.text
    for at in searched.places((_END_OF_KEY,) if searched.has((_END_OF_KEY,)) else ()):
        if (last := _compiled(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----").match(text, at)) is None:
            continue
        begin = text.rfind("\n", 0, at) + 1
        start = begin
        for _ in range(_MOST_LINES):
            above = text.rfind("\n", 0, max(0, start - 1)) + 1
            line = _compiled(r"[+\- \t\"'>]{0,12}[A-Za-z0-9+/=]{16,}(?:\\n)?[\"',+ \t]{0,6}\r?\n")
            if above >= start or line.fullmatch(text, above, start) is None:
                break
            start = above
        if start < begin:
            yield Found(start, last.end(), "private key")


def _in_manifests(searched: Searched) -> Iterator[Found]:
    """The values of a Kubernetes secret, which are base64 under any name."""
    if "kind:" in searched.words and _compiled(r"(?m)^kind:[ \t]*[\"']?Secret\b").search(searched.text):
        value = r"(?m)^[ \t]+[\w.\-]+:[ \t]+[\"']?(?P<secret>[A-Za-z0-9+/]{10,}={0,2})[\"']?[ \t]*$"
        for match in _compiled(value).finditer(searched.text):
            if _is_base64(match["secret"]):
                yield Found(*match.span("secret"), "Kubernetes secret")


def _is_base64(value: str) -> bool:
    try:
        return bool(binascii.a2b_base64(value, strict_mode=True)) and not value.isalpha()
    except binascii.Error:
        return False


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source, re.ASCII)
