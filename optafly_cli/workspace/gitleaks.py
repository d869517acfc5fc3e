"""The rules of gitleaks, which knows the shapes of some hundred issuers' secrets.

In: text. Out: where secrets stand in it, and of which kind. The rules are data, made by scripts/translate_gitleaks.py.
A rule is tried only where its first words stand: to try all of them everywhere would take seconds.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from optafly_cli.workspace.searched import Found, Searched, entropy

RULES = Path(__file__).parent / "data" / "gitleaks.json"


@dataclass(frozen=True)
class _Allowance:
    """What is no secret after all, by the secret, by the match with the name before it ("match"), or by its line."""

    target: str
    sources: tuple[str, ...]
    stopwords: tuple[str, ...]

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(source, re.ASCII) for source in self.sources)

    def holds(self, secret: str, texts: Mapping[str, str]) -> bool:
        if any(pattern.search(texts[self.target]) for pattern in self.patterns):
            return True
        lowered = secret.lower()
        return any(word in lowered for word in self.stopwords)


@dataclass(frozen=True)
class _Rule:
    kind: str
    source: str
    group: int
    entropy: float
    keywords: tuple[str, ...]
    anchors: tuple[str, ...]
    allowances: tuple[_Allowance, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.source, re.ASCII)

    def matches(self, searched: Searched) -> Iterator[re.Match[str]]:
        if self.anchors:
            yield from searched.matches(self.pattern, self.anchors)
        else:
            yield from self.pattern.finditer(searched.text)

    def span(self, match: re.Match[str]) -> tuple[int, int]:
        """Of the secret: the group that the rule names, or the first that is not empty."""
        first = next((number for number in range(1, match.re.groups + 1) if match[number]), 0)
        return match.span(self.group or first)


@dataclass(frozen=True)
class _Rules:
    """`by_keyword` has the places in `rules` of those that are tried where the keyword stands."""

    rules: tuple[_Rule, ...]
    by_keyword: Mapping[str, Sequence[int]]
    everywhere: _Allowance


def find(searched: Searched) -> Iterator[Found]:
    """The secrets that gitleaks would report in a file with this text; some may overlap."""
    known = _rules()
    words = searched.words
    tried = {at for keyword, places in known.by_keyword.items() if keyword in words for at in places}
    for rule in (known.rules[at] for at in sorted(tried)):
        for match in rule.matches(searched):
            start, end = rule.span(match)
            if not _is_allowed(rule, known.everywhere, searched.text[start:end], match):
                yield Found(start, end, rule.kind)


def _is_allowed(rule: _Rule, everywhere: _Allowance, secret: str, match: re.Match[str]) -> bool:
    if rule.entropy and entropy(secret) <= rule.entropy:
        return True
    text, start, end = match.string, match.start(), match.end()
    # gitleaks' own match has up to 50 letters before the keyword, and some allowances look at those
    before = start
    while before > max(0, start - 50) and (text[before - 1].isalnum() or text[before - 1] in "_.-"):
        before -= 1
    line_end = text.find("\n", end)
    line = text[text.rfind("\n", 0, start) + 1 : line_end if line_end >= 0 else len(text)]
    texts = {"secret": secret, "match": text[before:end], "line": line}
    return any(one.holds(secret, texts) for one in (everywhere, *rule.allowances))


@cache
def _rules() -> _Rules:
    data = json.loads(RULES.read_text("utf-8"))
    rules = tuple(_rule(one) for one in data["rules"])
    by_keyword: dict[str, list[int]] = {}
    for at, rule in enumerate(rules):
        for word in rule.keywords:
            by_keyword.setdefault(word, []).append(at)
    return _Rules(rules, by_keyword, _Allowance("secret", tuple(data["allowed"]), tuple(data["stopwords"])))


def _rule(data: Mapping[str, Any]) -> _Rule:
    return _Rule(
        data["kind"],
        data["pattern"],
        data["group"],
        data["entropy"],
        tuple(data["keywords"]),
        tuple(data["anchors"]),
        tuple(_Allowance(one["target"], tuple(one["patterns"]), tuple(one["stopwords"])) for one in data["allowances"]),
    )
