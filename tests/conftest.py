"""Isolation for every test: its own home, no credentials, no proxy, no store outside of it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.postgres import database, server
from tests.nursery import nursery
from tests.service.running import services

__all__ = ["database", "server"]

# No test asserts seconds, hypothesis' own limits included: machines are noisy
settings.register_profile("optafly", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("optafly")

_REAL_HOME = Path(os.environ.get("HOME", "/root"))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """With several workers each takes tests that stand together, and what these share is made once, not in all."""
    if config.getoption("numprocesses", None) and config.getoption("dist", "no") == "no":
        config.option.dist = "worksteal"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` starts: tests wait for processes that they start, so two workers more than there are cores."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_works() -> None:
    """Shells start background jobs, and nohup its command, with these ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _no_nursery_is_left() -> Iterator[None]:
    yield
    if nursery.cache_info().currsize:
        nursery().close()
        nursery.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _no_service_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test starts a service by accident, or leaves one behind."""
    yield
    give_up = time.monotonic() + 10
    while left := services(tmp_path_factory.getbasetemp()):
        assert time.monotonic() < give_up, f"a test left a service running: {left}"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test runs with an empty HOME and without any ANTHROPIC_* or OPTAFLY_* variable."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "OPTAFLY_", "XDG_", "GIT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "EDITOR", "VISUAL", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPTAFLY_SERVICE_AUTO_START", "false")
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n"
        "[commit]\n\tgpgsign = false\n"
    )
    before = _default_store_stamp()
    yield
    assert _default_store_stamp() == before, "a test touched the real user's store"


def _default_store_stamp() -> float | None:
    store = _REAL_HOME / ".local" / "share" / "optafly"
    return store.stat().st_mtime if store.exists() else None
