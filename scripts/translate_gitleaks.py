"""Writes optafly_cli/workspace/data/gitleaks.json: gitleaks' rules for secrets, in Python's regular expressions.

    git clone https://github.com/gitleaks/gitleaks /tmp/gitleaks
    python scripts/translate_gitleaks.py /tmp/gitleaks

Changed on the way, because gitleaks reports and we redact:

- RE2's flags inside a pattern, character classes and `\\z` become Python's.
- The free text before a keyword, which gitleaks only shows, goes; each rule is tried where its first words stand
  ("anchors").
- What may follow a secret is what cannot belong to it, not a short list of marks; `\\b` before it also holds after an
  escape ("\\nghp_..."), "%3D" or a terminal's colour.
- `.*` gets a limit, so that hostile text costs no minutes.
- `true`, `false` and `null` are no secrets when that is all of one; gitleaks' pattern takes any with "false" in it.
- Rules and allowances for certain paths go: the text that is redacted has none. So does the rule for private keys,
  which takes no key that is cut off, and everything between two mentions of a marker.
"""

import json
import re
import re._constants as codes  # type: ignore[import-not-found]  # typeshed leaves private modules out
import re._parser as parser  # type: ignore[import-not-found]
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "optafly_cli/workspace/data/gitleaks.json"
BEFORE = r"(?:\b|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\[\dm)|(?<=\[\d\dm))"
AFTER = r"(?![\w+/=(\[:-]|\.\w)"
_ENDING = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
_FREE_TEXT = r"[\w.-]{0,50}?"
_NO_KEYWORD = re.compile(r"[\s\"'(),;{}\[\]]")
"""What the text is split at before keywords are looked for (`Searched.words`)."""
_MENDED = {"(?i)^true|false|null$": "(?i)^(?:true|false|null)$"}
_MOST, _FEW, _LONGEST, _SHORTEST = 300, 12, 24, 2
OURS = ("private-key",)
KINDS = {
    "age-secret-key": "age key", "anthropic-admin-api-key": "Anthropic key", "anthropic-api-key": "Anthropic key",
    "aws-access-token": "AWS access key", "databricks-api-token": "Databricks token",
    "digitalocean-access-token": "DigitalOcean token", "digitalocean-pat": "DigitalOcean token",
    "digitalocean-refresh-token": "DigitalOcean token", "gcp-api-key": "Google API key",
    "generic-api-key": "secret value", "github-app-token": "GitHub token", "github-fine-grained-pat": "GitHub token",
    "github-oauth": "GitHub token", "github-pat": "GitHub token", "github-refresh-token": "GitHub token",
    "gitlab-deploy-token": "GitLab token", "gitlab-pat": "GitLab token", "gitlab-pat-routable": "GitLab token",
    "gitlab-ptt": "GitLab token", "gitlab-runner-authentication-token": "GitLab token",
    "gitlab-runner-authentication-token-routable": "GitLab token", "grafana-api-key": "Grafana token",
    "grafana-cloud-api-token": "Grafana token", "grafana-service-account-token": "Grafana token",
    "huggingface-access-token": "Hugging Face token", "huggingface-organization-api-token": "Hugging Face token",
    "jwt": "JSON web token", "jwt-base64": "JSON web token", "linear-api-key": "Linear key",
    "npm-access-token": "npm token", "openai-api-key": "OpenAI key", "postman-api-token": "Postman key",
    "pypi-upload-token": "PyPI token", "sendgrid-api-token": "SendGrid key", "shopify-access-token": "Shopify token",
    "shopify-custom-access-token": "Shopify token", "shopify-private-app-access-token": "Shopify token",
    "shopify-shared-secret": "Shopify token", "slack-app-token": "Slack token", "slack-bot-token": "Slack token",
    "slack-config-access-token": "Slack token", "slack-config-refresh-token": "Slack token",
    "slack-legacy-bot-token": "Slack token", "slack-legacy-token": "Slack token",
    "slack-legacy-workspace-token": "Slack token", "slack-user-token": "Slack token",
    "slack-webhook-url": "Slack webhook", "stripe-access-token": "Stripe key",
    "telegram-bot-api-token": "Telegram token", "twilio-api-key": "Twilio key", "vault-batch-token": "Vault token",
    "vault-service-token": "Vault token", "curl-auth-header": "Authorization header",
    "curl-auth-user": "password of curl",
}  # fmt: skip
"""The names that redacted text had before gitleaks' rules; the others are called as gitleaks calls them."""


def main(repository: str) -> None:
    """Read the rules at the repository's HEAD and write ours."""
    config = tomllib.loads(_git(repository, "show", "HEAD:config/gitleaks.toml"))
    taken = [rule for rule in config["rules"] if "regex" in rule and "path" not in rule and rule["id"] not in OURS]
    rules = [_rule(rule) for rule in taken]
    written = {
        "source": "https://github.com/gitleaks/gitleaks, config/gitleaks.toml, MIT License, (c) 2019 Zachary Rice",
        "version": _git(repository, "log", "-1", "--format=%H %cs").strip(),
        "left_out": [rule["id"] for rule in config["rules"] if rule not in taken],
        "allowed": [_translated(_MENDED.get(one, one)) for one in config["allowlist"]["regexes"]],
        "stopwords": config["allowlist"]["stopwords"],
        "rules": sorted(rules, key=lambda rule: rule["id"] == "generic-api-key"),
    }
    TARGET.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    loose = [rule["id"] for rule in rules if not rule["anchors"]]
    sys.stdout.write(f"{len(rules)} rules; looked for everywhere once a keyword is there: {', '.join(loose)}\n")


def _git(repository: str, *words: str) -> str:
    return subprocess.run(["git", "-C", repository, *words], check=True, capture_output=True, text=True).stdout


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    pattern = rule["regex"].replace(_FREE_TEXT, "").replace(_ENDING, AFTER)
    if rule["id"] == "generic-api-key":
        # Here the marks are all that tells a value from code
        pattern = pattern.replace(AFTER, _ENDING)
    pattern = re.sub(r"(?<!\\)\.\*", ".{0,400}", pattern)
    pattern = re.sub(r"^(\(\?i\))?\\b", lambda found: (found[1] or "") + BEFORE, pattern)
    pattern = _translated(pattern)
    keywords = [word.lower() for word in rule.get("keywords", ())]
    if not keywords or any(_NO_KEYWORD.search(word) for word in keywords):
        raise SystemExit(f"{rule['id']}: keywords that the prefilter cannot find: {keywords}")
    return {
        "id": rule["id"],
        "kind": KINDS.get(rule["id"], rule["id"].replace("-", " ")),
        "pattern": pattern,
        "group": rule.get("secretGroup", 0),
        "entropy": rule.get("entropy", 0),
        "keywords": keywords,
        "anchors": _anchors(pattern),
        "allowances": [_allowance(one) for one in rule.get("allowlists", ()) if "paths" not in one],
    }


def _allowance(allowance: dict[str, Any]) -> dict[str, Any]:
    return {
        "target": allowance.get("regexTarget", "secret"),
        "patterns": [_translated(one) for one in allowance.get("regexes", ())],
        "stopwords": allowance.get("stopwords", []),
    }


def _translated(pattern: str) -> str:
    pattern = pattern.replace("[[:alnum:]]", "[A-Za-z0-9]").replace(r"\z", r"\Z")
    while (at := pattern.find("(?i)", 1)) > 0:
        pattern = pattern[:at] + _wrapped(pattern[at + 4 :])
    re.compile(pattern, re.ASCII)
    return pattern


def _wrapped(rest: str) -> str:
    """What follows a flag, each alternative up to the end of the group in a group that has the flag."""
    depth, start, at, in_class, parts = 0, 0, 0, False, []
    while at < len(rest):
        letter = rest[at]
        if letter == "\\":
            at += 1
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter == "(":
            depth += 1
        elif letter == ")" and depth == 0:
            break
        elif letter == ")":
            depth -= 1
        elif letter == "|" and depth == 0:
            parts.append(rest[start:at])
            start = at + 1
        at += 1
    parts.append(rest[start:at])
    return "|".join(f"(?i:{part})" for part in parts) + rest[at:]


def _anchors(pattern: str) -> list[str]:
    """What a match begins with, in lower case; empty when that is nothing in particular."""
    found = {_NO_KEYWORD.split(text)[0] for text, _ in _beginnings(list(parser.parse(pattern, re.ASCII)))}
    for length in range(_LONGEST, _SHORTEST, -1):
        found = {text[:length] for text in found}
        if len(found) <= _FEW:
            break
    shortest = {one for one in found if not any(other != one and one.startswith(other) for other in found)}
    return sorted(shortest) if min(map(len, shortest)) >= _SHORTEST else []


def _beginnings(sequence: list[Any]) -> set[tuple[str, bool]]:
    """Literal beginnings, and whether each may go on."""
    found = {("", True)}
    for code, argument in sequence:
        options = _options(code, argument)
        joined = {
            (before + after, goes_on)
            for (before, open_), (after, goes_on) in product([one for one in found if one[1]], options)
        }
        joined |= {one for one in found if not one[1]}
        if len(joined) > _MOST:
            return {(text, False) for text, _ in found}
        found = {(text[:_LONGEST], goes_on and len(text) < _LONGEST) for text, goes_on in joined}
        if not any(goes_on for _, goes_on in found):
            break
    return found


def _options(code: Any, argument: Any) -> set[tuple[str, bool]]:
    if code is codes.LITERAL:
        return {(chr(argument).lower(), True)}
    if code is codes.IN and all(one is codes.LITERAL for one, _ in argument) and len(argument) <= 8:
        return {(chr(value).lower(), True) for _, value in argument}
    if code in (codes.AT, codes.ASSERT, codes.ASSERT_NOT):
        return {("", True)}
    if code is codes.SUBPATTERN:
        return _beginnings(list(argument[3]))
    if code is codes.BRANCH:
        if all(list(branch) and next(iter(branch))[0] in (codes.AT, codes.ASSERT) for branch in argument[1]):
            return {("", True)}
        return set().union(*(_beginnings(list(branch)) for branch in argument[1]))
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT) and argument[:2] == (0, 1):
        return {("", True)} | _beginnings(list(argument[2]))
    return {("", False)}


if __name__ == "__main__":
    main(sys.argv[1])
