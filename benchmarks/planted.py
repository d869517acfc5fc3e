"""Secrets as people leave them in files: 27 kinds, each in the notations that it is found in. Made up, one by one."""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Planted:
    """`lines` are put into a file; none of `parts` may be in what comes out."""

    kind: str
    lines: str
    parts: tuple[str, ...]


def plant(chance: random.Random, kind: str) -> Planted:
    """One secret of a kind of `KINDS`, in a notation that is drawn."""
    lines, *parts = KINDS[kind](chance)
    return Planted(kind, lines, tuple(parts))


def letters(chance: random.Random, count: int, alphabet: str = _LETTERS) -> str:
    """That many, at least one of them a digit where the alphabet has some."""
    drawn = [chance.choice(alphabet) for _ in range(count)]
    digits = [letter for letter in alphabet if letter.isdigit()]
    if digits and not any(letter.isdigit() for letter in drawn):
        drawn[chance.randrange(count)] = chance.choice(digits)
    return "".join(drawn)


def _token(name: str, make: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, ...]]:
    """A token that is told by its shape stands anywhere, also where no name is near it."""

    def planted(chance: random.Random) -> tuple[str, ...]:
        secret = make(chance)
        lower = name.lower()
        notation = chance.choice([
            "{name}={secret}", 'export {name}="{secret}"', "{lower}: {secret}", '    "{lower}": "{secret}",',
            "    client = Client('{secret}')", "// {secret}", "# was: {secret}, see the ticket", "{secret}",
            "<value>{secret}</value>", "curl -s 'https://api.internal/v1?k={secret}&n=1'",
            '{{"m": "a\\n{secret}\\nb"}}', "+{name} = '{secret}'",
            "url = \"https://x.internal/#{secret}\"", "log: got [{secret}]",
        ])  # fmt: skip
        return notation.format(name=name, lower=lower, secret=secret), secret

    return planted


def _named(name: str, make: Callable[[random.Random], str]) -> Callable[[random.Random], tuple[str, ...]]:
    """A value that only its name tells."""

    def planted(chance: random.Random) -> tuple[str, ...]:
        secret = make(chance)
        lower = name.lower()
        camel = lower.split("_")[0] + "".join(word.title() for word in lower.split("_")[1:])
        notation = chance.choice([
            "{name}={secret}", 'export {name}="{secret}"', "{lower}: {quoted}", '    "{camel}": {quoted},',
            "    {lower} = '{secret}'", "+{lower} = \"{secret}\"", "  {camel}: '{secret}',", "ENV {name}={secret}",
            'os.environ["{name}"] = "{secret}"', "const {camel} = `{secret}`;", "<{lower}>{secret}</{lower}>",
            "{lower} = {secret}", 'String {camel} = "{secret}";',
        ])  # fmt: skip
        text = notation.format(name=name, lower=lower, camel=camel, secret=secret, quoted=json.dumps(secret))
        return text, secret

    return planted


def _password(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return letters(chance, chance.randrange(10, 20), _LETTERS + "!@#%^*_+-=.")
    word = chance.choice(["Sommer", "tiger", "Berlin", "kraken", "Wolke", "jupiter", "Falcon", "maple"])
    return word + chance.choice("!#@%_") + str(chance.randrange(100, 9999))


def _connection(chance: random.Random) -> tuple[str, ...]:
    secret = letters(chance, chance.randrange(9, 24), _LETTERS + "!._-~")
    scheme = chance.choice(["postgres", "postgresql+psycopg", "mysql", "mongodb+srv", "amqp", "redis", "https"])
    user = "" if scheme == "redis" else "app_rw"
    url = f"{scheme}://{user}:{secret}@db7.corp.net:5432/orders?sslmode=require"
    notations = [
        f"DATABASE_URL={url}", f'engine = create_engine("{url}")', f"    url: {url}", f'"dsn": "{url}",',
        f'"host=db7 user=app password={secret} dbname=orders"', f"Server=db7;Database=x;User Id=app;Password={secret};",
        f"jdbc:postgresql://db7/orders?user=app&password={secret}&ssl=true",
    ]  # fmt: skip
    return chance.choice(notations), secret


def _authorization(chance: random.Random) -> tuple[str, ...]:
    if chance.random() < 0.5:
        secret = base64.b64encode(f"app:{_password(chance)}".encode()).decode()
        header = f"Authorization: Basic {secret}"
    else:
        secret = letters(chance, chance.randrange(24, 60), _LETTERS + "-_.")
        header = f"Authorization: Bearer {secret}"
    name, value = header.split(": ")
    notations = [header, f"curl -H '{header}' https://x", f'"{name}": "{value}",', f"headers['{name}'] = '{value}'"]
    return chance.choice(notations), secret


def _storage_key(chance: random.Random) -> tuple[str, ...]:
    key = letters(chance, 86, _LETTERS + "+/") + "=="
    return f"AccountName=a;AccountKey={key};EndpointSuffix=core.windows.net", key


def _private_key(chance: random.Random) -> tuple[str, ...]:
    label = chance.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY"])
    body = [letters(chance, 64, _LETTERS + "+/") for _ in range(chance.randrange(4, 26))]
    key = "\n".join([f"-----BEGIN {label}-----", *body, f"-----END {label}-----"])
    escaped = key.replace("\n", "\\n")
    notations = [key, f'"private_key": "{escaped}\\n",', "\n".join("    " + line for line in key.split("\n"))]
    return chance.choice(notations), *body


def _jwt(chance: random.Random) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    claims = json.dumps({"sub": letters(chance, 12), "exp": chance.randrange(10**9, 2 * 10**9)}).encode()
    return f"{header}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{letters(chance, 43, _LETTERS + '-_')}"


def _twice(chance: random.Random, prefix: str, count: int, alphabet: str = _LETTERS) -> str:
    return prefix + letters(chance, count, alphabet)


KINDS: dict[str, Callable[[random.Random], tuple[str, ...]]] = {
    "AWS access key": _token("AWS_ACCESS_KEY_ID", lambda c: _twice(c, "AKIA", 16, _BASE32)),
    "AWS secret key": _named("AWS_SECRET_ACCESS_KEY", lambda c: letters(c, 40, _LETTERS + "+/")),
    "Google API key": _token("GOOGLE_API_KEY", lambda c: _twice(c, "AI" + "za", 35, _LETTERS + "_-")),
    "Azure storage key": _storage_key,
    "DigitalOcean token": _token("DO_TOKEN", lambda c: _twice(c, "dop_v1_", 64, _HEX)),
    "Cloudflare key": _named("CLOUDFLARE_API_KEY", lambda c: letters(c, 37, _HEX)),
    "GitHub token": _token("GITHUB_TOKEN", lambda c: _twice(c, c.choice(["ghp_", "gho_", "ghs_"]), 36)),
    "GitLab token": _token("GITLAB_TOKEN", lambda c: _twice(c, "glpat-", 20, _LETTERS + "_-")),
    "Slack token": _token(
        "SLACK_TOKEN",
        lambda c: f"xoxb-{letters(c, 12, string.digits)}-{letters(c, 12, string.digits)}-{letters(c, 24)}",
    ),
    "Stripe key": _token("STRIPE_KEY", lambda c: _twice(c, "sk_" + "live_", 24)),
    "Anthropic key": _token("ANTHROPIC_API_KEY", lambda c: _twice(c, "sk-ant-api03-", 93, _LETTERS + "_-") + "AA"),
    "OpenAI key": _token("OPENAI_API_KEY", lambda c: _twice(c, "sk-proj-", 74) + "T3BlbkFJ" + letters(c, 74)),
    "Hugging Face token": _token("HF_TOKEN", lambda c: _twice(c, "hf_", 34, string.ascii_letters)),
    "npm token": _token("NPM_TOKEN", lambda c: _twice(c, "npm_", 36)),
    "PyPI token": _token("TWINE_PASSWORD", lambda c: _twice(c, "pypi-AgEIcHlwaS5vcmc", 140, _LETTERS + "_-")),
    "SendGrid key": _token("SENDGRID_KEY", lambda c: f"SG.{letters(c, 22)}.{letters(c, 43)}"),
    "Twilio key": _token("TWILIO_KEY", lambda c: _twice(c, "SK", 32, _HEX)),
    "Telegram token": _token("TELEGRAM_TOKEN", lambda c: f"{c.randrange(10**9, 10**10)}:AA{letters(c, 33)}"),
    "Shopify token": _token("SHOPIFY_TOKEN", lambda c: _twice(c, "shpat_", 32, _HEX)),
    "Databricks token": _token("DATABRICKS_TOKEN", lambda c: _twice(c, "dapi", 32, _HEX)),
    "Vault token": _token("VAULT_TOKEN", lambda c: _twice(c, "hvs.", 92, _LETTERS + "_-")),
    "JSON web token": _token("SESSION", _jwt),
    "private key": _private_key,
    "connection string": _connection,
    "authorization header": _authorization,
    "password": _named("DB_PASSWORD", _password),
    "secret without a shape": _named("APP_CLIENT_SECRET", lambda c: letters(c, c.randrange(24, 48))),
}
