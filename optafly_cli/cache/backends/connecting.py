"""How a shared store is reached: the connection string of the settings, and what makes it safe."""

import os
from typing import TYPE_CHECKING, Any

from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import ConfigError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.postgres import PostgresBackend

_LOCAL = ("localhost", "127.0.0.1", "::1")
_INSTALL = "pip install 'optafly[postgres]'"
_VERIFIED = ("verify-full", "verify-ca")


def backend_of(settings: CacheSettings, timeout_ms: int, *, pool: int = 1) -> "PostgresBackend":
    """The shared backend of the settings, where entries are written.

    Raises:
        ConfigError: no connection string, no namespace, no psycopg, or a connection that anyone could listen to.
    """
    if not settings.dsn:
        raise ConfigError("[cache] backend is postgres and there is no dsn", remedy="export OPTAFLY_CACHE_DSN=…")
    return _backend(settings, conninfo_of(settings), timeout_ms, pool)


def replica_of(settings: CacheSettings, timeout_ms: int, *, pool: int = 1) -> "PostgresBackend | None":
    """The read replica of the settings; None when they name none.

    Raises:
        ConfigError: as `backend_of`.
    """
    if not settings.dsn_read:
        return None
    return _backend(settings, conninfo(settings.dsn_read, "dsn_read"), timeout_ms, pool)


def conninfo_of(settings: CacheSettings) -> str:
    """The safe connection string for writing: of several hosts it is the one that can be written to.

    Raises:
        ConfigError: as `conninfo`.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    safe = conninfo(settings.dsn)
    given = conninfo_to_dict(safe)
    if "," in str(given.get("host") or "") and not given.get("target_session_attrs"):
        return make_conninfo(safe, target_session_attrs="read-write")
    return safe


def conninfo(dsn: str, name: str = "dsn") -> str:
    """The connection string with what makes it safe: TLS with a verified name, unless it stays on this machine.

    Raises:
        ConfigError: it is none, or asks for less, or psycopg is not installed.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
    except ImportError as error:
        raise ConfigError("[cache] backend is postgres and psycopg is not installed", remedy=_INSTALL) from error
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise ConfigError(f"[cache] {name} is no PostgreSQL connection string") from error
    if _stays_here(given):
        return dsn
    mode = given.get("sslmode", "verify-full")
    if mode not in _VERIFIED:
        raise ConfigError(f"[cache] {name} asks for sslmode={mode}: others could read along", remedy="use verify-full")
    roots = given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or "system"
    return make_conninfo(dsn, sslmode=str(mode), sslrootcert=str(roots))


def _stays_here(given: dict[str, Any]) -> bool:
    """Whether every host is a socket or loopback, those included that libpq takes from elsewhere."""
    if given.get("service") or os.environ.get("PGSERVICE"):
        return False
    places = [
        str(given.get(key) or os.environ.get(variable, ""))
        for key, variable in (("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"))
    ]
    hosts = [host.strip() for place in places for host in place.split(",")]
    return all(not host or host.startswith("/") or host in _LOCAL for host in hosts)


def _backend(settings: CacheSettings, safe: str, timeout_ms: int, pool: int) -> "PostgresBackend":
    if not settings.namespace:
        raise ConfigError(
            "[cache] backend is postgres and there is no namespace to share entries in",
            remedy="optafly config set cache.namespace TEAM",
        )
    from optafly_cli.cache.backends.postgres import PostgresBackend

    return PostgresBackend(safe, settings.namespace, pool=pool, timeout_ms=timeout_ms)
