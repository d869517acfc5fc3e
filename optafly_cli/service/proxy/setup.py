"""From settings and environment to what a proxy is made from."""

from collections.abc import Mapping
from functools import partial

from optafly_cli.config.paths import store_folder
from optafly_cli.config.settings import Settings
from optafly_cli.provider.credentials import KEY_VARIABLES, custom_headers, require_credentials
from optafly_cli.provider.endpoint import DEFAULT_URL, endpoint_of
from optafly_cli.service.proxy.app import ProxySettings
from optafly_cli.service.proxy.beside import engine_beside


def proxy_settings(settings: Settings, environ: Mapping[str, str], *, remote: bool) -> ProxySettings:
    """What the proxy needs, with the credentials of our own environment for clients that bring none.

    Raises:
        ConfigError, CredentialsError: the upstream is no URL, or a key or header of ours cannot be sent.
    """
    endpoint = endpoint_of(settings.provider, environ)
    return ProxySettings(
        settings=settings,
        folder=store_folder(settings.cache, environ),
        upstream=endpoint.url or DEFAULT_URL,
        shown=endpoint.shown,
        extra=_own_headers(environ, remote=remote),
        token=settings.service.token,
        remote=remote,
        engine=partial(engine_beside, settings.cache, environ),
    )


def _own_headers(environ: Mapping[str, str], *, remote: bool) -> dict[bytes, bytes]:
    """`ANTHROPIC_CUSTOM_HEADERS` and the key, as the SDK would send them. Remote clients bring their own key."""
    custom = {
        name.lower().encode("latin-1"): value.encode("latin-1") for name, value in custom_headers(environ).items()
    }
    if custom or any(environ.get(name) for name in KEY_VARIABLES):
        require_credentials(environ)
    key, token = (environ.get(name, "") for name in KEY_VARIABLES)
    found: dict[bytes, bytes] = {}
    if remote:
        return {name: value for name, value in custom.items() if name not in (b"x-api-key", b"authorization")}
    if key:
        found[b"x-api-key"] = key.encode("ascii")
    elif token:
        found[b"authorization"] = b"Bearer " + token.encode("ascii")
    return found | custom
