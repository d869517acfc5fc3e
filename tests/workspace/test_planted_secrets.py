"""No planted secret survives, wherever and however it stands; text without one stays as it is."""

import base64
import random
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.planted import KINDS, letters, plant
from optafly_cli.workspace.drawn import is_drawn
from optafly_cli.workspace.secret_values import is_secret_name
from optafly_cli.workspace.secrets import redact

ROOT = Path(__file__).parents[2]
AROUND = (
    "", "\n", " ", "def f(x):\n    return x + 1\n", '"""Docs."""\n', "{\n", "}\n", "\t- item\n",
    "# password: see the vault\n",
        "İstanbul — größer than 端口\n", "@@ -1,3 +1,4 @@\n", "\x1b[31mError\x1b[0m\n", "token = get_token()\r\n",
    "\\\n", "a: |\n", "[redacted: GitHub token]\n", "-----BEGIN CERTIFICATE-----\n",
)  # fmt: skip


@given(
    kind=st.sampled_from(sorted(KINDS)),
    seed=st.integers(0, 10**9),
    before=st.lists(st.sampled_from(AROUND), max_size=4).map("".join),
    after=st.lists(st.sampled_from(AROUND), max_size=4).map("".join),
)
@example(kind="password", seed=102805, before="", after="")
def test_no_planted_secret_survives(kind: str, seed: int, before: str, after: str) -> None:
    """At the start, at the end and between anything; as many lines as before, and nothing more to find."""
    planted = plant(random.Random(seed), kind)
    text = before + ("\n" if before and not before.endswith("\n") else "") + planted.lines + "\n" * bool(after) + after
    found = redact(text, {})
    assert not [part for part in planted.parts if part in found.text]
    assert found.kinds
    assert found.text.count("\n") == text.count("\n")
    assert redact(found.text, {}) == type(found)(found.text, ())


@given(
    kind=st.sampled_from(("GitHub token", "Anthropic key", "AWS access key", "JSON web token")),
    seed=st.integers(0, 10**9),
)
def test_a_token_that_is_split_over_lines_is_one(kind: str, seed: int) -> None:
    """By a backslash, by string literals next to each other, with a plus, and in a diff."""
    chance = random.Random(seed)
    (secret,) = plant(chance, kind).parts
    at = chance.randrange(6, len(secret) - 6)
    head, tail = secret[:at], secret[at:]
    for text in (
        f"export TOKEN={head}\\\n{tail}\nnext\n",
        f'TOKEN = ("{head}"\n         "{tail}")\n',
        f'TOKEN = "{head}" + \\\r\n    "{tail}"\n',
        f"String token = '{head}' +\n    '{tail}';\n",
        f'+TOKEN = "{head}"\n+  "{tail}"\n',
    ):
        found = redact(text, {})
        assert tail[:-3] not in found.text, text
        assert head not in found.text, text
        assert found.text.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        # Like a name in code
        ("db_password = sVjz6oHanr", "sVjz6oHanr"), ("db_password = cuwTUZ3qRL", "cuwTUZ3qRL"),
        ("db_password = ZcVQJneBW9i", "ZcVQJneBW9i"), ("db_password = Ro0Hqjxk.KC.", "Ro0Hqjxk.KC."),
        ('"host=db7 user=app password=-P_M8_My47q dbname=orders"', "-P_M8_My47q"),
        # Like a file
        ("Server=db7;Database=x;User Id=app;Password=5RHRuJqLQ.yx;", "5RHRuJqLQ.yx"),
        ("jdbc:postgresql://db7/orders?user=app&password=tXp9RZEkaUZ.kk&ssl=true", "tXp9RZEkaUZ.kk"),
        # Hardly a letter in it
        ('export DB_PASSWORD="097H.9^mB^"', "097H.9^mB^"), ("DB_PASSWORD=@5!xD3%2b24", "@5!xD3%2b24"),
        ("    url: amqp://app_rw:5d_n-i47_@db7.corp.net:5432/orders", "5d_n-i47_"),
        ('"host=db7 user=app password=r.S047719_g dbname=orders"', "r.S047719_g"),
        ("Authorization: Basic YXBwOiMwcDZAVjhXKyE=", "YXBwOiMwcDZAVjhXKyE="),
        # The same letters again and again
        ("jdbc:postgresql://db7/orders?user=app&password=m2Q__dfm__&ssl=true", "m2Q__dfm__"),
        ("const dbPassword = `A8QV9A9r8A9`;", "A8QV9A9r8A9"),
        ("CLOUDFLARE_API_KEY=577b8c272f38de27d535dc25245de257f4752", "577b8c272f38de27d535dc25245de257f4752"),
        ("CLOUDFLARE_API_KEY=62761475f5db35782581a79564960894843f2", "62761475f5db35782581a79564960894843f2"),
        ("CLOUDFLARE_API_KEY=815230627a36954267479b806538670204773", "815230627a36954267479b806538670204773"),
        # "false", "null", "todo", "xxx" and "..." in the midst of it
        ("# 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", "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"),
        ("hf_token: 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", "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"),
        ('    "awsSecretAccessKey": "2lAtKOtAtPzHSA6/uH73Oug3rogD7ZWHtODo/H5g",', "2lAtKOtAtPzHSA6/uH73"),
        ("Authorization: Bearer NlXXXF4d5pKIMqhIfJlvidfC6O-FHpwVroFElCnQYv3Iw0hWjZVG-8Ywz4", "NlXXXF4d5pKIMqhIfJ"),
        ("headers['Authorization'] = 'Bearer m_vG7oiv8LOoMoXr1_2.3SIjPa2...'", "m_vG7oiv8LOoMoXr1_2"),
    ],
)  # fmt: skip
def test_drawn_letters_that_look_like_something_else(line: str, secret: str) -> None:
    """Names, files, placeholders: a machine that draws a password hits upon their form now and then."""
    assert secret not in redact(line, {}).text


@pytest.mark.parametrize(
    "line",
    [
        "password = utf8_reader", "db_password = self.oauth2.reader", "secret: HTML5Parser",
        "token = oauth2.standard_client", "password = old_password_v2", "passwd = Sha1Hasher",
        'password: "config/app2.yaml"', "secret = crypto.v1.box",
        'token = "xxx-123-456-789"', "password_set = 2023-11-28T17:45:09Z", "password: 20.3.4-7",
        "api_key: 00000000000000000000000000000000000a1",
        'token = "xxxx-xxxx-xxxx-1234"', 'password = "dummy-value-1"', 'secret: "todo: fill in 1"',
    ],
)  # fmt: skip
def test_names_files_and_stand_ins_stay(line: str) -> None:
    """What a person wrote, digits in it or not."""
    assert redact(line, {}).kinds == ()


def test_drawn_and_written_words() -> None:
    """Nearly all of each: the letters of keys, and the names in our own code."""
    chance = random.Random(11)
    drawn = [letters(chance, chance.randrange(10, 20)) for _ in range(2_000)]
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "optafly_cli").rglob("*.py"))
    written = set(re.findall(r"\b[A-Za-z_]\w{5,}\b", text))
    assert len(written) > 1_000
    assert sum(map(is_drawn, drawn)) > 0.995 * len(drawn)
    assert sum(map(is_drawn, written)) < 0.05 * len(written)


def _own_files() -> list[Path]:
    folders = (ROOT / "optafly_cli", ROOT / "docs", ROOT / "training", ROOT / "scripts")
    return sorted(path for folder in folders for ending in ("*.py", "*.md", "*.toml") for path in folder.rglob(ending))


def test_our_own_files_are_not_touched() -> None:
    """They speak of secrets on many a line and hold none, but for the one that the rule about them shows."""
    touched = {path: redact(path.read_text("utf-8"), {}).kinds for path in _own_files()}
    assert len(touched) > 200
    shown = {ROOT / "docs" / "rules.md", ROOT / "optafly_cli" / "refine" / "rules" / "secret.py"}
    assert {path: kinds for path, kinds in touched.items() if kinds} == dict.fromkeys(shown, ("AWS access key",))


@pytest.mark.parametrize(
    "text",
    [
        "password: changeme", 'password = "password123"', "DB_PASSWORD=${DB_PASSWORD}", "token: <your-token-here>",
        "SECRET_KEY=xxxxxxxxxxxxxxxxxxxx", 'api_key = os.environ["API_KEY_2"]', "password=self.password2, user=x",
        'password_file: "/run/secrets/db1"', "secret: {{ .Values.secret1 }}", "token: str | None = None", "API_KEY=",
        'token_url = "https://auth.corp.net/v1/token"', "password: !vault |", "const token = await getToken2();",
        'raise ValueError("password: must have 8 letters or more")', "Authorization: Bearer $TOKEN",
        'headers = {"Authorization": f"Bearer {token}"}', "Authorization: Bearer <token>",
        "curl -u user:password https://x",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==", "AKIAIOSFODNN7EXAMPLE", "if password != other_password2:",
        "postgres://user:${DB_PASS}@db/x", "postgres://postgres:postgres@db/x", "passwords: list[str]",
        "tokens = 20_480",
        '"secret": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3"', "max_tokens: 200000",
        "a key begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----",
        'START = "-----BEGIN PRIVATE KEY-----"\nEND = "-----END PRIVATE KEY-----"', "the password is in the vault",
        "export PATH=/usr/local/bin:/usr/bin",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "kind: Deployment\ndata:\n  name: abcdefghij12\n",
    ],
)  # fmt: skip
def test_what_stands_for_a_secret_stays(text: str) -> None:
    """Placeholders, variables, calls, types, names that only speak of a secret."""
    assert redact(text, {}) == type(redact(""))(text, ())


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("mysql --password 'kQ8!vT1xWz'\n", "kQ8!vT1xWz"),
        ("deploy --api-token k8Qv1TxWz0LmP3dR now", "k8Qv1TxWz0LmP3dR"),
        ("machine h login me password kQ8vT1xWz", "kQ8vT1xWz"), ("curl -u me:kQ8vT1xWz https://x.net", "kQ8vT1xWz"),
        ("kind: Secret\ndata:\n  anything: a1E4dlQxeFd6Cg==\n", "a1E4dlQxeFd6Cg"),
        ("DB_PASS=kQ8!vT1xWz", "kQ8!vT1xWz"), ("  pass: kQ8!vT1xWz", "kQ8!vT1xWz"),
        ("dbPassword: 'kQ8!vT1xWz'", "kQ8!vT1xWz"),
        ("https://s.blob.core.windows.net/c?sv=1&sig=" + "a1" * 22 + "%3D&se=2", "a1" * 22),
        ("<Password>kQ8!vT1x</Password>", "kQ8!vT1x"),
        ("redis://:kQ8vT1xWz@cache.corp.net:6379/0", "kQ8vT1xWz"),
        ("X-Api-Key: k8Qv1TxWz0LmP3dR7nB2", "k8Qv1TxWz0LmP3dR7nB2"),
    ],
)  # fmt: skip
def test_notations_of_the_command_line_and_of_files(text: str, gone: str) -> None:
    """Options, netrc, curl, Kubernetes, signed URLs, XML."""
    found = redact(text, {})
    assert gone not in found.text
    assert len(found.kinds) == 1


def test_the_end_of_a_private_key_is_one() -> None:
    """A hunk of a diff and the tail of a log show only the last lines."""
    chance = random.Random(3)
    body = [letters(chance, 64) for _ in range(5)] + [letters(chance, 22) + "=="]
    text = "@@ -20,7 +20,7 @@\n" + "".join(f" {line}\n" for line in body) + " -----END RSA PRIVATE KEY-----\n+more\n"
    found = redact(text, {})
    assert not [line for line in body if line in found.text]
    assert found.text.split("\n")[0] == "@@ -20,7 +20,7 @@"
    assert found.text.split("\n")[7:] == ["", "+more", ""]


VALUE = "kQ8vT1xWz" + "/5#pLm r"
NAMES = {
    "DB_PASSWORD": True, "GITHUB_TOKEN": True, "OPENAI_API_KEY": True, "MYSQL_PWD": True, "PGPASSWORD": True,
    "APIKEY": True, "AWS_SECRET_ACCESS_KEY": True, "CREDENTIALS": True, "npm_config__auth": True, "DB_PASS": True,
    "PWD": False,
    "OLDPWD": False, "AWS_ACCESS_KEY_ID": False, "SSH_AUTH_SOCK": False, "TOKEN_FILE": False, "KEYBOARD": False,
    "PATH": False,
    "TOKENIZERS_PARALLELISM": False, "PUBLIC_KEY": False, "SECRET_NAME": False, "MONKEY": False, "COMPASS": False,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_variables(name: str) -> None:
    """Whole words of the name say whether the value is secret."""
    assert is_secret_name(name) is NAMES[name]
    assert (VALUE not in redact(f"x {VALUE} y", {name: VALUE}).text) is NAMES[name]


@given(
    value=st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=12, max_size=40
    ).map(lambda text: f"q7{text.strip()}X9kv"),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_a_value_of_the_environment_is_found_in_every_form(value: str, before: bytes, after: bytes) -> None:
    """As it is, URL-encoded, and in base64 of which it is only a part."""
    if redact("", {"A_TOKEN": value}).kinds or not redact(value, {"A_TOKEN": value}).kinds:
        return  # it is a path or stands for a value
    whole = base64.b64encode(before + value.encode() + after).decode()
    safe = base64.urlsafe_b64encode(before + value.encode() + after).decode()
    for form in (
        value,
        quote(value, safe=""),
        quote(value, safe="").lower() if value.islower() else value,
        whole,
        safe,
    ):
        assert form not in redact(f"a {form} b", {"A_TOKEN": value}).text


@pytest.mark.parametrize(
    "value", ["production", "/run/secrets/token", "true", "12345678", "changeme-please", "none", "us-east-1"]
)
def test_values_that_stand_everywhere_are_not_looked_for(value: str) -> None:
    """Words, paths, short numbers: to redact them would tear up every text."""
    assert redact(f"a {value} b", {"MY_TOKEN": value}).kinds == ()


def test_a_password_inside_a_variable_that_is_a_url() -> None:
    """`DATABASE_URL` has no secret's name."""
    environment = {"DATABASE_URL": "postgres://app:kQ8vT1xWz@db.corp.net/x"}
    assert redact("we log in with kQ8vT1xWz there", environment).text == (
        "we log in with [redacted: value from the environment] there"
    )


def test_the_environment_is_looked_at_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set, changed or taken away in a process that runs counts from then on."""
    first, second = "kQ8vT1xWz0Lm", "Zr4uB7nYp2Qc"
    text = f"we log in with {first} and {second}"
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    assert redact(text).kinds == ()
    for value in (first, second):
        monkeypatch.setenv("SOME_TOKEN", value)
        assert value not in redact(text).text
        assert len(redact(text).kinds) == 1
    monkeypatch.delenv("SOME_TOKEN")
    assert redact(text).kinds == ()
