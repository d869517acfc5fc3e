"""No secret leaves the machine or is kept, whichever way it comes in. A fake endpoint records what is sent."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.conftest import Cli, git
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply

GITHUB = "ghp_" + "a8Kd03JfLq72MzPw" + "X5Rt9VbN1cYh6GsE4uQo"
PASSWORD = "kQ8!vT1x" + "Wz5#pLm"
TEXT = f'token = "{GITHUB}"\nDB = "postgres://app:{quote(PASSWORD)}@db7.corp.net/x"\npassword: "{PASSWORD}"\n'
VALUE = "plain" + "looking" + "Value77"
"""Nothing tells this one but the environment."""


def everything_sent(api: MessagesApi) -> str:
    return "\n".join(json.dumps(request.body) + str(request.headers) for request in api.messages)


def everything_kept(cli: Cli) -> bytes:
    return b"".join(path.read_bytes() for path in cli.home.rglob("*") if path.is_file())


Prepared = Callable[[Path], dict[str, Any]]


def named(repo: Path) -> dict[str, Any]:
    (repo / "conf.py").write_text(TEXT)
    return {"arguments": ("explain this", "--file", "conf.py")}


def a_line_of_it(repo: Path) -> dict[str, Any]:
    (repo / "conf.py").write_text(TEXT)
    return {"arguments": ("explain this line", "--file", "conf.py:2")}


def mentioned(repo: Path) -> dict[str, Any]:
    (repo / "conf.py").write_text(TEXT)
    git(repo, "add", "conf.py")
    return {"arguments": ("fix the bug in conf.py", "--yes")}


def last_changed(repo: Path) -> dict[str, Any]:
    (repo / "src" / "main.rs").write_text(f"// {TEXT}fn main() {{}}\n")
    return {"arguments": ("fix this bug", "--yes")}


def piped(repo: Path) -> dict[str, Any]:
    return {"arguments": ("why does this fail",), "stdin": f"Error: refused\n{TEXT}"}


def changed(repo: Path) -> dict[str, Any]:
    (repo / "src" / "main.rs").write_text(f"// {TEXT}fn main() {{}}\n")
    return {"arguments": ("review this", "--diff")}


def system_file(repo: Path) -> dict[str, Any]:
    (repo / "system.md").write_text(f"Be short.\n{TEXT}")
    return {"arguments": ("say hello", "--system", "system.md")}


def system_text(repo: Path) -> dict[str, Any]:
    return {"arguments": ("say hello", "--system", f"Be short. {TEXT}")}


def name_of_a_file(repo: Path) -> dict[str, Any]:
    (repo / f"{GITHUB}.txt").write_text("nothing\n")
    git(repo, "add", ".")
    return {"arguments": ("describe the layout of this project", "--yes")}


@pytest.mark.parametrize(
    "prepare",
    [named, a_line_of_it, mentioned, last_changed, piped, changed, system_file, system_text, name_of_a_file],
)
def test_a_secret_is_neither_sent_nor_kept_nor_shown(cli: Cli, api: MessagesApi, repo: Path, prepare: Prepared) -> None:
    """On any way into the request; what is shown of it, as text or as JSON, has none either."""
    case = prepare(repo)
    arguments, stdin = case["arguments"], case.get("stdin")
    shown = [cli("ask", *arguments, "--json", stdin=stdin)]
    shown.append(cli("route", *[word for word in arguments if word != "--yes"], "--json", stdin=stdin, code=None))
    assert len(api.messages) == 1
    outputs = everything_sent(api) + "".join(one.out + one.err for one in shown)
    for secret in (GITHUB, PASSWORD, quote(PASSWORD)):
        assert secret not in outputs
        assert secret.encode() not in everything_kept(cli)
    if prepare is not name_of_a_file:
        assert "[redacted: " in everything_sent(api)
        assert "redacted " in shown[0].err
        assert "not stored" in shown[0].err


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        quote(VALUE + "/+"),
        base64.b64encode(f"app:{VALUE}".encode()).decode(),
        base64.b64encode(f"x-app:{VALUE}\n".encode()).decode(),
        base64.urlsafe_b64encode(f"{{{VALUE}}}".encode()).decode(),
    ],
)
def test_the_values_of_the_environment_stay(cli: Cli, api: MessagesApi, repo: Path, form: str) -> None:
    """A variable whose name says that it is secret, in any of the forms that its value is written in."""
    (repo / "notes.txt").write_text(f"one\nthe one from staging, {form}, still works\nthree\n")
    environment = {"STAGING_DB_PASSWORD": VALUE, "STAGING_LABEL": "nothing"}
    said = cli("ask", "explain this", "--file", "notes.txt", env=environment).err
    assert form not in everything_sent(api)
    assert "value from the environment" in everything_sent(api)
    assert VALUE not in said
    assert VALUE.encode() not in everything_kept(cli)


def test_what_the_user_typed_is_sent_and_warned_about(cli: Cli, api: MessagesApi) -> None:
    """The prompt is the user's own: `lint` refuses it, `ask` says that it is not kept, and nothing of it is."""
    prompt = f"why is {GITHUB} refused by the API?"
    assert "OPF015" in cli("lint", "-", stdin=prompt, code=None).out
    said = cli("ask", prompt, "--no-refine").err
    assert "not stored" in said
    assert GITHUB in everything_sent(api)
    assert GITHUB.encode() not in everything_kept(cli)


def test_an_answer_with_a_secret_is_not_kept(cli: Cli, api: MessagesApi) -> None:
    """The model may have made one up: nobody can tell."""
    api.script(Reply(f"Use {GITHUB}."))
    assert "not stored" in cli("ask", "how do I sign in").err
    assert GITHUB.encode() not in everything_kept(cli)
