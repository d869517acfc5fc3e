"""Secrets in text, found by the shapes that their issuers gave them.

In: text. Out: the text with each secret replaced by `[redacted: kind]`, and the kinds found. Only shapes that hardly
occur by accident: a false redaction costs an answer its place in the cache. Line counts are kept.
"""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Redaction:
    """`kinds` has one for each secret found, equal ones together; empty when `text` is what came in."""

    text: str
    kinds: tuple[str, ...]


# kind, what must be in the text for the pattern to be tried, pattern. With a group called "secret", only that goes.
_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN (?P<of>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----[\s\S]{0,20000}?(?:-----END (?P=of)-----|\Z)",
    ),
    ("Anthropic key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_\-]{20,}"),
    (
        "OpenAI key",
        ("sk-",),
        r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{20,}|\bsk-[A-Za-z0-9]{20,}T3BlbkFJ[A-Za-z0-9]{20,}",
    ),
    ("OpenAI key", ("sk-",), r"\bsk-[A-Za-z0-9]{48}\b"),
    ("AWS access key", ("AKIA", "ASIA", "ABIA", "ACCA"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (
        "AWS secret key",
        ("secret",),
        r"(?i)aws_?secret_?(?:access_?)?key[\"']?\s{0,5}[=:]\s{0,5}[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b"),
    ("GitHub token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    ("GitLab token", ("glpat-", "gldt-", "glrt-", "glptt-"), r"\bgl(?:pat|dt|rt|ptt)-[A-Za-z0-9_\-]{20,}"),
    ("Slack token", ("xox", "xapp-"), r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9\-]{10,}[A-Za-z0-9]{8}"),
    ("Slack webhook", ("hooks.slack.com",), r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/+]{40,}"),
    ("Google API key", ("AIza",), r"\bAIza[0-9A-Za-z_\-]{35}(?![0-9A-Za-z_\-])"),
    ("Google token", ("GOCSPX-", "ya29."), r"\bGOCSPX-[A-Za-z0-9_\-]{28}|\bya29\.[A-Za-z0-9_\-]{30,}"),
    ("Stripe key", ("_live_", "whsec_"), r"\b(?:sk|rk)_live_[A-Za-z0-9]{20,}|\bwhsec_[A-Za-z0-9+/]{32,}"),
    ("npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", ("pypi-AgE",), r"\bpypi-AgE[A-Za-z0-9_\-]{50,}"),
    ("Hugging Face token", ("hf_",), r"\bhf_[A-Za-z]{34}\b"),
    ("SendGrid key", ("SG.",), r"\bSG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    ("Twilio key", ("SK",), r"\bSK[0-9a-f]{32}\b"),
    ("Telegram token", (":AA",), r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])"),
    ("DigitalOcean token", ("_v1_",), r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    ("Shopify token", ("shp",), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    ("Databricks token", ("dapi",), r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    ("Vault token", ("hvs.", "hvb."), r"\bhv[sb]\.[A-Za-z0-9_\-]{24,}"),
    ("Docker token", ("dckr_pat_",), r"\bdckr_pat_[A-Za-z0-9_\-]{27,}"),
    ("Linear key", ("lin_api_",), r"\blin_api_[A-Za-z0-9]{40}\b"),
    ("Grafana token", ("glsa_", "glc_"), r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    ("Postman key", ("PMAK-",), r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    ("Groq key", ("gsk_",), r"\bgsk_[A-Za-z0-9]{48,}"),
    ("Replicate token", ("r8_",), r"\br8_[A-Za-z0-9]{37}\b"),
    ("Azure storage key", ("AccountKey=",), r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    ("age key", ("AGE-SECRET-KEY-",), r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    ("JSON web token", ("eyJ",), r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{20,}"),
    (
        "password in a URL",
        ("://",),
        r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"'<>]{1,100}:(?P<secret>[^\s/@\"'<>${}*]{6,200})@(?!localhost|127\.|example\.)[\w.\-]",
    ),
)
_PLACEHOLDERS = ("password", "passwd", "secret", "changeme", "example", "your", "xxxx", "****", "token", "hunter2")


def redact(text: str) -> Redaction:
    """`text` without the secrets whose shape is known. Idempotent."""
    kinds: list[str] = []
    for at, (kind, hints, _) in enumerate(_SHAPES):
        if any(hint in text for hint in hints) or (kind == "AWS secret key" and "SECRET" in text):
            text, count = _replace(text, kind, _pattern(at))
            kinds += [kind] * count
    return Redaction(text, tuple(kinds))


@cache
def _pattern(at: int) -> re.Pattern[str]:
    return re.compile(_SHAPES[at][2])


def _replace(text: str, kind: str, pattern: re.Pattern[str]) -> tuple[str, int]:
    group = "secret" if "secret" in pattern.groupindex else 0
    parts: list[str] = []
    position = count = 0
    for match in pattern.finditer(text):
        secret = match[group]
        if group and kind == "password in a URL" and secret.lower().startswith(_PLACEHOLDERS):
            continue
        start, end = match.span(group)
        parts += [text[position:start], f"[redacted: {kind}]", "\n" * secret.count("\n")]
        position = end
        count += 1
    return "".join([*parts, text[position:]]), count
