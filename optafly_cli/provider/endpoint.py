"""Which address is asked, checked before a key is sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.errors import ConfigError

DEFAULT_URL = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` None leaves the choice to the SDK (a profile may name one). `shown` has no user, password or query."""

    url: str | None
    shown: str
    source: str


def endpoint_of(settings: ProviderSettings, environ: Mapping[str, str]) -> Endpoint:
    """`[provider] base_url`, else `ANTHROPIC_BASE_URL`, else the SDK's own choice.

    Raises:
        ConfigError: when the address is no http(s) URL; it names where the address was set.
    """
    if settings.base_url:
        url, source = settings.base_url, "[provider] base_url"
    elif "ANTHROPIC_BASE_URL" in environ:
        url, source = environ["ANTHROPIC_BASE_URL"], "ANTHROPIC_BASE_URL"
    else:
        return Endpoint(None, DEFAULT_URL, "the default")
    return Endpoint(url, _checked(url, source), source)


def _checked(url: str, source: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
        host = parts.hostname or ""
        host.encode("idna")
    except (ValueError, UnicodeError):
        host, port = "", ""
    if not host or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise ConfigError(
            f"{source} is not a URL that can be asked: {_harmless(url)!r}",
            remedy=f"give one such as {DEFAULT_URL} or http://127.0.0.1:8443",
        )
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}{port}{parts.path.rstrip('/')}"


def _harmless(url: str) -> str:
    """A bad URL may still hold a password before its "@"."""
    return url if "@" not in url else f"…@{url.rpartition('@')[2]}"
