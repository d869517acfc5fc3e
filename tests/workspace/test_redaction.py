"""Secrets are found by the shapes that their issuers gave them."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.workspace.secrets import redact

_CHANCE = random.Random(11)


def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_CHANCE.choice(alphabet) for _ in range(count))


HEX = "0123456789abcdef"
# Built here, never written out: a scanner of secrets would stumble over them.
SECRETS = {
    "Anthropic key": "sk-ant-" + "api03-" + letters(93) + "AA",
    "OpenAI key": "sk-" + "proj-" + letters(80),
    "AWS access key": "AKIA" + letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "GitHub token": "ghp_" + letters(36),
    "GitLab token": "glpat-" + letters(20),
    "Slack token": "xoxb-" + letters(12, string.digits) + "-" + letters(24),
    "Slack webhook": "https://hooks.slack.com/services/T" + letters(8) + "/B" + letters(8) + "/" + letters(24),
    "Google API key": "AIza" + letters(35),
    "Google token": "GOCSPX-" + letters(28),
    "Stripe key": "sk_" + "live_" + letters(24),
    "npm token": "npm_" + letters(36),
    "PyPI token": "pypi-AgE" + letters(80),
    "Hugging Face token": "hf_" + letters(34, string.ascii_letters),
    "SendGrid key": "SG." + letters(22) + "." + letters(43),
    "Twilio key": "SK" + letters(32, HEX),
    "Telegram token": "123456789:AA" + letters(33),
    "DigitalOcean token": "dop_v1_" + letters(64, HEX),
    "Shopify token": "shpat_" + letters(32, HEX),
    "Databricks token": "dapi" + letters(32, HEX),
    "Vault token": "hvs." + letters(90),
    "Docker token": "dckr_pat_" + letters(27),
    "Linear key": "lin_api_" + letters(40),
    "Grafana token": "glsa_" + letters(32) + "_" + letters(8, HEX),
    "Postman key": "PMAK-" + letters(24, HEX) + "-" + letters(34, HEX),
    "Groq key": "gsk_" + letters(52),
    "Replicate token": "r8_" + letters(37),
    "age key": "AGE-SECRET-KEY-1" + letters(58, string.ascii_uppercase + string.digits),
    "JSON web token": "eyJ" + letters(20) + ".eyJ" + letters(40) + "." + letters(43),
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("around", ['key = "{}"\n', "{}", "Authorization: Bearer {}\r\n", "X={};Y=1", "`{}`"])
def test_a_secret_is_replaced_wherever_it_stands(kind: str, around: str) -> None:
    """Only the secret goes, and its kind is told."""
    found = redact(around.format(SECRETS[kind]))
    assert found.text == around.format(f"[redacted: {kind}]")
    assert found.kinds == (kind,)
    assert redact(found.text) == type(found)(found.text, ())


def test_a_private_key_goes_as_a_whole() -> None:
    """The lines stay as many, so that line numbers below still hold; a key cut off at the end goes as well."""
    body = "\n".join(letters(64) for _ in range(20))
    for label in ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
        text = f"a\n-----BEGIN {label}-----\n{body}\n-----END {label}-----\nb\n"
        found = redact(text)
        assert found.text.split("\n") == ["a", "[redacted: private key]", *[""] * 21, "b", ""]
        assert found.kinds == ("private key",)
    assert redact(f"-----BEGIN PRIVATE KEY-----\n{body}").text.strip() == "[redacted: private key]"


def test_only_the_secret_part_goes() -> None:
    """Of an assignment, a connection string and a URL the rest stays readable."""
    secret = letters(40)
    assert redact(f"aws_secret_access_key = {secret}\n").text == "aws_secret_access_key = [redacted: AWS secret key]\n"
    assert redact(f'AWS_SECRET_ACCESS_KEY="{secret}"').kinds == ("AWS secret key",)
    url = redact("postgres://app:" + "s3cr3tpw9" + "@db.internal:5432/x")
    assert url.text == "postgres://app:[redacted: password in a URL]@db.internal:5432/x"
    azure = redact("AccountName=a;AccountKey=" + letters(86) + "==;EndpointSuffix=x")
    assert azure.text == "AccountName=a;AccountKey=[redacted: Azure storage key];EndpointSuffix=x"


def test_every_secret_counts() -> None:
    """Two of a kind are two."""
    text = f"{SECRETS['npm token']} {SECRETS['GitHub token']} {SECRETS['npm token']}"
    assert sorted(redact(text).kinds) == ["GitHub token", "npm token", "npm token"]


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-... or sk-ant-YOUR-KEY", "export ANTHROPIC_API_KEY=sk-ant-xxx", "ghp_short",
        "the sk-learn package", "task-proj-management", "hf_hub_download(repo_id)", "npm_config_registry",
        "SG.x.y", "xoxb-...", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "postgres://user:password@db/x",
        "postgres://user:hunter22@localhost/x", "redis://user:${PASSWORD}@host", "http://host:8080/a@b", "AIzaShort",
        "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "r8_short",
        "550e8400-e29b-41d4-a716-446655440000", "eyJhbGciOiJIUzI1NiJ9", "aws_secret_access_key = os.environ['X']",
        "git@github.com:user/repo.git", "MASK0123456789abcdef", "12:AA",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    """Placeholders, hashes, public keys and names are not secrets."""
    assert redact(text) == type(redact(""))(text, ())


@given(st.text(alphabet=st.sampled_from("skantghp_-./:=@AKIA0123abcXYZ\n \"'eyJ"), max_size=200))
def test_redaction_is_idempotent_and_keeps_the_lines(text: str) -> None:
    """Any text: as many lines as before, and nothing more to find in the result."""
    found = redact(text)
    assert found.text.count("\n") == text.count("\n")
    assert redact(found.text).kinds == ()
    assert found.kinds or found.text == text


def test_long_hostile_text_is_no_problem() -> None:
    """Patterns do not run away on text made to provoke them."""
    for text in (
        "-----BEGIN PRIVATE KEY-----" * 2000,
        "eyJ" * 50_000,
        "a://b:" * 30_000,
        "sk-" * 50_000,
        "0:AA" * 50_000,
    ):
        assert isinstance(redact(text).text, str)
