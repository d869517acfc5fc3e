"""Where a credential comes from, in the SDK's own order, without importing the SDK and without handling the key.

The order and the files are those of anthropic 2.12.0 (`_client.py`, `lib/credentials/_chain.py`). Identity federation
and profiles are only recognised here; the SDK does the work.
"""

from collections.abc import Mapping
from pathlib import Path

from optafly_cli.errors import ConfigError, CredentialsError

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
NO_CREDENTIALS = "no API key was found"
NO_CREDENTIALS_REMEDY = "set ANTHROPIC_API_KEY (keys: https://platform.claude.com/settings/keys)"


def credentials_source(environ: Mapping[str, str]) -> str | None:
    """The name of where a credential was found, None when there is none; never the credential.

    A variable's name, or a sentence part such as "profile 'default' in /home/me/.config/anthropic".
    """
    custom = {name.lower() for name in custom_headers(environ)}
    if "authorization" in custom:
        # Custom headers are laid over the SDK's own Authorization
        return "ANTHROPIC_CUSTOM_HEADERS"
    for name in KEY_VARIABLES:
        if environ.get(name):
            return name
    if "x-api-key" in custom:
        return "ANTHROPIC_CUSTOM_HEADERS"
    if environ.get("ANTHROPIC_PROFILE"):
        return "ANTHROPIC_PROFILE"
    if _federated(environ):
        return "ANTHROPIC_FEDERATION_RULE_ID"
    return _profile_on_disk(environ)


def with_key_of(variable: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the key that is in `variable`, and no other credential of the SDK's; as it is without one.

    Raises:
        CredentialsError: the variable is empty.
    """
    if not variable:
        return environ
    key = environ.get(variable)
    if not key:
        raise CredentialsError(
            f"{variable}, which is to hold the API key here ([provider] key_variable or project_keys), is empty",
            remedy=f"set {variable}, or take it out of the configuration",
        )
    others = {name: value for name, value in environ.items() if name not in KEY_VARIABLES}
    return {**others, KEY_VARIABLES[0]: key}


def custom_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """`ANTHROPIC_CUSTOM_HEADERS` ("Name: value" lines) as the SDK reads it."""
    lines = (line.partition(":") for line in environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n"))
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def require_credentials(environ: Mapping[str, str]) -> str:
    """`credentials_source`, or an error before any connection is made.

    Raises:
        CredentialsError: when there is no credential, or it cannot be sent in a header (white space, non-ASCII).
        ConfigError: when a custom header cannot be sent.
    """
    source = credentials_source(environ)
    if source is None:
        raise CredentialsError(NO_CREDENTIALS, remedy=NO_CREDENTIALS_REMEDY)
    if source in KEY_VARIABLES and not _can_be_sent(environ[source]):
        raise CredentialsError(
            f"{source} holds white space or a character that no header can carry",
            remedy=f"set {source} again, without quotes, spaces or line ends",
        )
    for name, value in custom_headers(environ).items():
        if not (_can_be_sent(name) and value.isascii() and (value.isprintable() or not value)):
            raise ConfigError(
                f"ANTHROPIC_CUSTOM_HEADERS: the header {name!r} holds a character that no header can carry",
                remedy='give one "Name: value" per line, in ASCII',
            )
    return source


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Every value that must not appear in a message, longest first."""
    values = {environ.get(name, "") for name in (*KEY_VARIABLES, "ANTHROPIC_IDENTITY_TOKEN")}
    for name, value in custom_headers(environ).items():
        if name.lower() in ("authorization", "x-api-key", "proxy-authorization", "cookie"):
            values |= {value, value.removeprefix("Bearer ").strip()}
    return tuple(sorted((value.strip() for value in values if len(value.strip()) >= 4), key=len, reverse=True))


def _can_be_sent(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


def _federated(environ: Mapping[str, str]) -> bool:
    rule = environ.get("ANTHROPIC_FEDERATION_RULE_ID") and environ.get("ANTHROPIC_ORGANIZATION_ID")
    return bool(rule and (environ.get("ANTHROPIC_IDENTITY_TOKEN") or environ.get("ANTHROPIC_IDENTITY_TOKEN_FILE")))


def _profile_on_disk(environ: Mapping[str, str]) -> str | None:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    chosen = environ.get("ANTHROPIC_CONFIG_DIR")
    folder = Path(chosen) if chosen else home / ".config" / "anthropic"
    try:
        name = (folder / "active_config").read_text("utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        name = "default"
    if "/" in name or name.startswith("."):
        return None
    return f"profile {name!r} in {folder}" if (folder / "configs" / f"{name}.json").is_file() else None
