"""docs/configuration.md is made from the settings tree, docs/rules.md from the catalogue; never out of date."""

import shutil
import subprocess
import sys
from pathlib import Path

from optafly_cli.config.schema import all_settings, sections
from optafly_cli.refine.rules import CATALOGUE

ROOT = Path(__file__).parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "scripts" / "render_docs.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_is_up_to_date() -> None:
    """`scripts/render_docs.py --check` passes on what is committed."""
    done = run(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_a_page_that_is_out_of_date_fails_the_check_and_is_mended(tmp_path: Path) -> None:
    """--check notices a default that somebody edited by hand; without it the page is written anew."""
    (tmp_path / "scripts").mkdir()
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "optafly_cli").symlink_to(ROOT / "optafly_cli")
    (tmp_path / "scripts" / "render_docs.py").write_bytes((ROOT / "scripts" / "render_docs.py").read_bytes())
    good = (ROOT / "docs" / "configuration.md").read_text()
    page = tmp_path / "docs" / "configuration.md"
    page.write_text(good.replace("| `ttl_days` | `30.0` |", "| `ttl_days` | `31.0` |"))
    assert page.read_text() != good
    assert run(tmp_path, "--check").returncode == 1
    assert run(tmp_path).returncode == 0
    assert page.read_text() == good
    assert run(tmp_path, "--nonsense").returncode == 2
    rules = tmp_path / "docs" / "rules.md"
    rules.write_text(rules.read_text().replace("| error |", "| warning |", 1))
    stale = run(tmp_path, "--check")
    assert stale.returncode == 1
    assert "docs/rules.md is out of date" in stale.stderr


def test_every_rule_is_on_the_page() -> None:
    """A reader finds each rule with its severity, its meaning and an example."""
    page = (ROOT / "docs" / "rules.md").read_text()
    for one in CATALOGUE:
        assert f"| [{one.id}](#{one.id.lower()}) | {one.severity} | {one.title} |" in page
        assert one.explanation in page
        assert one.bad in page
        assert one.better in page


def test_every_setting_and_section_is_on_the_page() -> None:
    """A reader finds each key with its default, values and meaning."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    for section in sections():
        assert f"### `[{section}]`: " in page
    for setting in all_settings().values():
        assert f"| `{setting.key}` | " in page
        assert setting.rule.meaning in page


def test_every_meaning_is_a_sentence() -> None:
    """Meanings are written for the page: one sentence with its full stop."""
    for setting in all_settings().values():
        assert setting.rule.meaning[0].isupper()
        assert setting.rule.meaning.endswith(".")
