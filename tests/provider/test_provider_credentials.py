"""Where a credential is found, in the SDK's order, and that the SDK agrees."""

import json
from pathlib import Path

import anthropic
import pytest

from optafly_cli.provider.credentials import credentials_source, secrets_of

FEDERATION = {
    "ANTHROPIC_FEDERATION_RULE_ID": "rule",
    "ANTHROPIC_ORGANIZATION_ID": "org",
    "ANTHROPIC_IDENTITY_TOKEN": "token",
}


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({}, None),
        ({"ANTHROPIC_API_KEY": ""}, None),
        ({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_AUTH_TOKEN": "t"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_PROFILE": "p"}, "ANTHROPIC_AUTH_TOKEN"),
        ({"ANTHROPIC_PROFILE": "p", **FEDERATION}, "ANTHROPIC_PROFILE"),
        (FEDERATION, "ANTHROPIC_FEDERATION_RULE_ID"),
        ({"ANTHROPIC_FEDERATION_RULE_ID": "rule"}, None),
        ({"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a"}, None),
        ({"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nx-api-key: k"}, "ANTHROPIC_CUSTOM_HEADERS"),
        ({"ANTHROPIC_CUSTOM_HEADERS": "X-Api-Key: k", "ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer k", "ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_CUSTOM_HEADERS"),
    ],
)
def test_the_first_source_in_the_sdks_order_is_named(environ: dict[str, str], source: str | None) -> None:
    """Key, token, profile variable, federation; an Authorization header of the user's own goes before all."""
    assert credentials_source({"HOME": "/nonexistent", **environ}) == source


@pytest.mark.parametrize(("pointer", "name"), [(None, "default"), ("work\n", "work"), ("", "default")])
def test_a_profile_on_disk_is_found_as_the_sdk_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pointer: str | None, name: str
) -> None:
    """The profile that active_config names, else "default", in ANTHROPIC_CONFIG_DIR or ~/.config/anthropic."""
    folder = tmp_path / ".config" / "anthropic"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / f"{name}.json").write_text(json.dumps({"authentication": {"type": "user_oauth"}}))
    if pointer is not None:
        (folder / "active_config").write_text(pointer)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert credentials_source({"HOME": str(tmp_path)}) == f"profile {name!r} in {folder}"
    assert credentials_source({"ANTHROPIC_CONFIG_DIR": str(folder)}) == f"profile {name!r} in {folder}"
    with anthropic.Anthropic() as client:
        assert client.credentials is not None


@pytest.mark.parametrize("pointer", ["../../etc", ".hidden", "missing"])
def test_a_profile_that_is_not_there_is_none(tmp_path: Path, pointer: str) -> None:
    """A pointer out of the folder, or to nothing, is no credential."""
    (tmp_path / "active_config").write_text(pointer)
    assert credentials_source({"ANTHROPIC_CONFIG_DIR": str(tmp_path)}) is None


def test_everything_secret_is_known_to_be() -> None:
    """Keys, tokens and the credentials of custom headers are what messages must not contain; other headers are not."""
    environ = {
        "ANTHROPIC_API_KEY": "key-1234",
        "ANTHROPIC_AUTH_TOKEN": "token-1234",
        "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer custom-1234\nX-Team: compilers",
    }
    secrets = secrets_of(environ)
    assert {"key-1234", "token-1234", "custom-1234", "Bearer custom-1234"} == set(secrets)
    assert list(secrets) == sorted(secrets, key=len, reverse=True)
