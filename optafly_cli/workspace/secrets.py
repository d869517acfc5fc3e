"""Secrets in text, by the shapes that their issuers gave them: few patterns, and hardly a false alarm.

In: any text. Out: the text with each secret replaced by a note, and which kinds there were. No entropy guesses.
"""

import re
from dataclasses import dataclass
from functools import cache

_SHAPES: tuple[tuple[str, str], ...] = (
    ("private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|\Z)"),
    ("AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    ("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}\b"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("OpenAI key", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("Slack webhook", r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}"),
    ("Google key", r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
    ("Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,}\b"),
    ("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    ("Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    ("DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("age key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
)


@dataclass(frozen=True, slots=True)
class Redaction:
    """The text without its secrets, and the kinds that were found, in order, each once per occurrence."""

    text: str
    kinds: tuple[str, ...]


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<k{number}>{shape})" for number, (_, shape) in enumerate(_SHAPES)))


def redact(text: str) -> Redaction:
    """Replace every secret by `[redacted: KIND]`, keeping the number of lines. Idempotent."""
    kinds: list[str] = []

    def note(match: re.Match[str]) -> str:
        kind = _SHAPES[int((match.lastgroup or "k0")[1:])][0]
        kinds.append(kind)
        return f"[redacted: {kind}]" + "\n" * match.group().count("\n")

    redacted = _pattern().sub(note, text)
    return Redaction(redacted, tuple(kinds))
