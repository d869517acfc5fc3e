"""The command that sends a request without us: curl, with the credential left in the environment."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.provider.credentials import credentials_source, custom_headers
from optafly_cli.provider.endpoint import endpoint_of

API_VERSION = "2026-10-21"
"""What the SDK sends as anthropic-version (anthropic 2.12.0, `_constants.py`); the tests compare them."""
_END = "BODY"


def curl_command(body: Mapping[str, Any], settings: ProviderSettings, environ: Mapping[str, str]) -> str:
    """A POSIX shell command that posts `body` and prints the reply; the shell puts the credential in when it runs.

    The body is a here document, since one argument may not be longer than 128 KiB on Linux. It is one line, which
    begins with a brace, so no text can end it early.

    Raises:
        ConfigError: the address is no http(s) URL.
    """
    endpoint = endpoint_of(settings, environ)
    if credentials_source(environ) == "ANTHROPIC_AUTH_TOKEN":
        credential = '"Authorization: Bearer $ANTHROPIC_AUTH_TOKEN"'
    else:
        credential = '"x-api-key: $ANTHROPIC_API_KEY"'
    # Not `url`: a user and password in it are a credential too
    address = shlex.quote(f"{endpoint.shown}/v1/messages")
    headers = [credential, f"'anthropic-version: {API_VERSION}'", "'content-type: application/json'"]
    lines = [f"curl -sS {address}", *(f"  -H {header}" for header in headers), f"  --data-binary @- <<'{_END}'"]
    return " \\\n".join(lines) + f"\n{json.dumps(dict(body), ensure_ascii=False)}\n{_END}"


def left_out(environ: Mapping[str, str]) -> str | None:
    """A sentence on what the SDK would send besides, by name; None when that is nothing."""
    names = ", ".join(sorted(custom_headers(environ)))
    return f"ANTHROPIC_CUSTOM_HEADERS ({names}) is not in the command: its values may be secret" if names else None
