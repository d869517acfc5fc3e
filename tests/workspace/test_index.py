"""The workspace index: what it keeps of a file, how it follows the tree, and what may happen to it on disk."""

import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from optafly_cli.workspace.index.facts import packed, unpacked
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.links import resolve_imports
from optafly_cli.workspace.index.outlines import read_facts
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.index.words import counted, terms_of
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.root import find_workspace

ORDERS = '''\
"""Orders."""

from shop.prices import price_of


class Order:
    """What was bought."""

    def total(self):
        return sum(price_of(item) for item in self.items)


def discount(order, percent):
    return order.total() * (100 - percent) / 100
'''
PRICES = "RATES = {}\n\n\ndef price_of(item):\n    return RATES[item]\n"

Definitions = list[tuple[str, str, str]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with two modules, one importing the other, and a file of secrets."""
    root = tmp_path / "shop"
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "orders.py").write_text(ORDERS)
    (root / "shop" / "prices.py").write_text(PRICES)
    (root / ".env").write_text("TOKEN=zebra\n")
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    (root / "build" / "made.py").write_text("def made(): pass\n")
    git(root, "init", "-q")
    commit(root, "begin")
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git as somebody."""
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=root, check=True, capture_output=True,
    )  # fmt: skip


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


def keeper(root: Path) -> Keeper:
    return Keeper(find_workspace(root), root.parent / "indexes")


def view(root: Path) -> IndexView:
    found = keeper(root).view()
    assert found is not None
    return found


def labels(found: IndexView) -> list[str]:
    return [found.labels[file] for file in found.files]


def best(found: IndexView, field: str, term: str) -> str | None:
    """The label of the file that has most of a term."""
    scores = found.scores(field, dict.fromkeys(terms_of(term), 1.0))
    return found.labels[max(scores, key=scores.__getitem__)] if scores else None


def holding(found: IndexView, field: str, term: str) -> set[str]:
    """The labels of the files that hold a term."""
    return {found.labels[at] for at in found.scores(field, dict.fromkeys(terms_of(term), 1.0))}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", ORDERS, [("type", "Order", ""), ("function", "total", "Order"), ("function", "discount", "")]),
        ("a.rs", "struct P;\nimpl P {\n    pub fn go(&self) {}\n}\n", [("type", "P", ""), ("function", "go", "P")]),
        ("a.ts", "export class A {\n  go(): void {}\n}\nexport const f = () => 1\n",
         [("type", "A", ""), ("function", "go", "A"), ("function", "f", "")]),
        ("a.tsx", "export function A() {\n  return <p>hi</p>\n}\n", [("function", "A", "")]),
        ("a.js", "app.use = function use(x) {\n  return x\n}\n", [("function", "use", "")]),
        ("a.go", "package a\n\ntype T struct{}\n\nfunc (t T) Go() {}\n", [("type", "T", ""), ("function", "Go", "")]),
        ("A.java", "class A {\n  void go() {}\n}\n", [("type", "A", ""), ("function", "go", "A")]),
        ("a.c", "int go(int x) {\n  return x;\n}\n", [("function", "go", "")]),
        ("a.cpp", "class A {\n  void go() {}\n};\n", [("type", "A", ""), ("function", "go", "A")]),
        ("a.cs", "class A {\n  void Go() {}\n}\n", [("type", "A", ""), ("function", "Go", "A")]),
        ("a.rb", "class A\n  def go\n  end\nend\n", [("type", "A", ""), ("function", "go", "A")]),
        ("a.php", "<?php\nclass A {\n  function go() {}\n}\n", [("type", "A", ""), ("function", "go", "A")]),
        ("a.kt", "class A {\n    fun go() {\n    }\n}\n", [("type", "A", ""), ("function", "go", "A")]),
        ("a.lua", "function go(x)\n  return x\nend\n", [("function", "go", "")]),
    ],
)  # fmt: skip
def test_definitions_are_found_in_every_language(name: str, text: str, expected: Definitions) -> None:
    """By the language's parser, or line by line where there is none; each with the type that it is in."""
    from optafly_cli.workspace.languages import language_of

    facts = read_facts(text, language_of(name), name)
    found = [(one.kind, one.name, one.parent) for one in facts.symbols if one.kind in ("function", "type")]
    assert found == expected
    assert unpacked(packed(facts)) == facts


def test_segments_cover_every_line_that_says_something_once() -> None:
    """In order, without overlap; what lies between is blank."""
    long = ORDERS + "\n\ndef long():\n" + "".join(f"    x{n} = {n}\n    if x{n}:\n        y = {n}\n" for n in range(60))
    facts = read_facts(long, "python", "a.py")
    covered = [line for part in facts.segments for line in range(part.start, part.end + 1)]
    assert covered == sorted(set(covered))
    lines = long.split("\n")
    assert all(not lines[number - 1].strip() for number in set(range(1, len(lines) + 1)) - set(covered))
    assert max(part.end - part.start for part in facts.segments) < 40


PROSE = '''\
class Order:
    """What was bought.

    Several lines of it.
    """

    rate = 1  # one line of a comment is no prose of its own
    # like this
    other = 2

    def total(self):
        # Two lines
        # of a comment
        return sum(self.items)
'''


def test_prose_is_cut_from_code() -> None:
    """Lines of documentation on end are a segment of their own: they are seldom what is edited."""
    facts = read_facts(PROSE, "python", "a.py")
    assert [(part.start, part.end) for part in facts.segments if part.prose] == [(2, 5), (6, 10), (12, 13)]
    assert [part.prose for part in facts.segments if part.prose] == [4, 1, 2]


def test_overloads_are_searched_by_what_they_overload() -> None:
    """Their words are those of the function that follows, again and again: only that one is found by them."""
    stub = "@t.overload\ndef progress(length: int, label: str) -> Bar[int]: ...\n\n\n"
    text = f"import typing as t\n\n\n{stub}{stub}def progress(length, label):\n    return Bar(length, label)\n"
    facts = read_facts(text, "python", "a.py")
    assert [segment.start for segment in facts.segments if "progress" in segment.terms] == [12]
    assert len([symbol for symbol in facts.symbols if symbol.name == "progress"]) == 3


OVERLOADS = """\
import { Port } from './port'

export function parse(text: string): Port;
// Of a number, too
export function parse(number: number): Port;
export function parse(from: any): Port {
  return new Port(from)
}

/**
 * Reads from a socket.
 */
function read(socket: string): void
function read(socket: any) {
  socket.read()
}

export default class Reader {
  constructor(path: string);
  constructor(path: any) {
    this.path = path
  }
  static open(path: string): Reader;
  static open(path: any) {
    return new Reader(path)
  }
  async close(now: boolean): Promise<void>;
  async close(now?: any) {
    await now
  }
}
"""
NO_OVERLOADS = """\
declare function parse(text: string): Port;
declare function parse(number: number): Port;
declare class Reader {
  open(path: string): Reader;
  open(path: number): Reader;
}
interface Opener {
  open(path: string): Reader;
  open(path: number): Reader;
}
abstract class Base {
  abstract open(path: string): Reader;
  static open(path: any): Reader;
  open(path: any) {
    return path
  }
}
declare module 'port' {
  export function parse(text: string): Port;
  export function parse(number: number): Port;
}
function parse(text: string): Port;
function parsed(text: any) {
  return text
}
"""


@pytest.mark.parametrize("name", ["a.ts", "a.tsx"])
def test_overloads_of_typescript_are_searched_by_what_they_overload(name: str) -> None:
    """Functions and methods, exported or not, with comments between; what is said above them is searched."""
    facts = read_facts(OVERLOADS, language_of(name), name)
    lines = OVERLOADS.split("\n")
    silent = [part for part in facts.segments if not part.terms]
    assert {line.strip() for part in silent for line in lines[part.start - 1 : part.end]} - {"", "}"} == {
        "export function parse(text: string): Port;",
        "// Of a number, too",
        "export function parse(number: number): Port;",
        "function read(socket: string): void",
        "constructor(path: string);",
        "static open(path: string): Reader;",
        "async close(now: boolean): Promise<void>;",
    }
    found = [(one.name, one.parent) for one in facts.symbols if one.kind == "function"]
    assert found.count(("parse", "")) == 3
    assert found.count(("open", "Reader")) == 2


@pytest.mark.parametrize("name", ["a.ts", "a.d.ts"])
def test_signatures_without_a_function_are_searched(name: str) -> None:
    """Declared and abstract ones, those of interfaces, and those of another name are all that there is to find."""
    facts = read_facts(NO_OVERLOADS, language_of(name), name)
    lines = NO_OVERLOADS.split("\n")
    silent = [part for part in facts.segments if not part.terms]
    assert {line for part in silent for line in lines[part.start - 1 : part.end]} <= {"", "}"}
    assert [one.name for one in facts.symbols if one.parent in ("Reader", "Opener", "Base")] == ["open"]


@pytest.mark.parametrize(
    ("name", "text", "prose", "imports"),
    [
        ("a.py", '"""What\n\nit is."""\nimport os\nfrom a import (\n    b,\n)\n# why\nx = 1  # of it\n', 4, 4),
        ("a.go", '// what\npackage a\nimport "fmt"\n/* more\n   of it */\nvar x = 1 // y\n', 3, 1),
    ],
)
def test_a_segment_knows_its_prose_and_its_imports(name: str, text: str, prose: int, imports: int) -> None:
    """Lines of comments, documentation and imports are counted; a comment behind code makes no line one of prose."""
    facts = read_facts(text, language_of(name), name)
    assert sum(one.prose for one in facts.segments) == prose
    assert sum(one.imports for one in facts.segments) == imports
    assert [one.size for one in facts.segments] == [
        len("\n".join(text.split("\n")[one.start - 1 : one.end])) for one in facts.segments
    ]


@pytest.mark.parametrize(
    ("word", "terms"),
    [
        ("parse_http_port", ("pars", "http", "port", "parse_http_port")),
        ("parseHTTPPort", ("pars", "http", "port", "parsehttpport")),
        ("warnings", ("warning",)),
        ("the", ()),
        ("Größe", ("größ",)),
    ],
)
def test_words_are_split_as_code_writes_them(word: str, terms: tuple[str, ...]) -> None:
    """Whole and in parts, plain endings cut, stop words dropped; other alphabets are kept whole."""
    found = terms_of(word)
    assert set(found) == set(terms) or (word == "Größe" and found)


def test_terms_are_counted() -> None:
    """Each as often as it stands there."""
    assert counted("port port the_port") == {"port": 3, "the_port": 1}


@pytest.mark.parametrize(
    ("importer", "text", "imported"),
    [
        ("app/main.py", "from app.orders import total", "app/orders.py"),
        ("app/main.py", "from . import orders", "app/orders.py"),
        ("src/main.rs", "crate::config::{load, Settings}", "src/config.rs"),
        ("web/app.ts", "'./store'", "web/store.ts"),
        ("web/app.ts", "'./parts'", "web/parts/index.ts"),
        ("cmd/main.go", '"example.com/shop/internal/db"', "internal/db/db.go"),
        ("src/A.java", "com.acme.tools.Parser", "src/com/acme/tools/Parser.java"),
        ("src/a.c", '"util/list.h"', "src/util/list.h"),
        ("lib/a.rb", "'./helper'", "lib/helper.rb"),
    ],
)
def test_imports_lead_to_files(importer: str, text: str, imported: str) -> None:
    """As each language writes them; what is not in the tree is no edge."""
    none: tuple[str, ...] = ()
    assert resolve_imports([(importer, (text, "'left-pad'", "os")), (imported, none), ("x/other.py", none)])[0] == [1]


def test_the_tree_is_indexed_and_what_must_not_be_read_is_not(shop: Path) -> None:
    """Ignored files and secrets are in it neither by name nor by word."""
    found = view(shop)
    assert labels(found) == [".gitignore", "shop/orders.py", "shop/prices.py"]
    assert best(found, "body", "zebra") is None
    assert best(found, "symbols", "discount") == "shop/orders.py"
    (definition,) = found.named("price_of")
    assert (found.labels[definition.file], definition.symbol.start, definition.symbol.end) == ("shop/prices.py", 4, 5)
    orders, prices = found.file("shop/orders.py"), found.file("shop/prices.py")
    assert orders is not None
    assert prices is not None
    assert found.linked("imports", orders) == [prices]
    assert found.linked("importers", prices) == [orders]


def test_a_secret_in_a_source_file_leaves_no_word_in_the_index(shop: Path) -> None:
    """It is redacted before anything is counted, and nowhere in what is on the disk."""
    (shop / "shop" / "settings.py").write_text('KEY = "AKIAQ3EGUZ4X7NJW2B5T"\n')
    found = view(shop)
    assert best(found, "body", "AKIAQ3EGUZ4X7NJW2B5T") is None
    for path in (shop.parent / "indexes").iterdir():
        assert b"akiaq3eguz4x7njw2b5t" not in path.read_bytes().lower()


def edit(root: Path) -> None:
    (root / "shop" / "prices.py").write_text("def cost_of(item):\n    return 1\n")


def add(root: Path) -> None:
    (root / "shop" / "taxes.py").write_text("def cost_of(item):\n    return 2\n")


def remove(root: Path) -> None:
    (root / "shop" / "prices.py").unlink()


def rename(root: Path) -> None:
    (root / "shop" / "prices.py").rename(root / "shop" / "costs.py")


def nothing(root: Path) -> None:
    pass


def in_the_index(root: Path) -> None:
    git(root, "add", "-A")


def committed(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change", "--allow-empty")


@pytest.mark.parametrize("change", [edit, add, remove, rename])
@pytest.mark.parametrize("how", [nothing, in_the_index, committed])
@pytest.mark.parametrize("with_git", [True, False])
def test_a_changed_tree_is_searched_as_it_is(
    shop: Path, change: Callable[[Path], None], how: Callable[[Path], None], with_git: bool
) -> None:
    """An index of before, brought up to date, says what an index made now says; git or not, staged or not."""
    if not with_git:
        subprocess.run(["rm", "-rf", str(shop / ".git")], check=True)
        (shop / "pyproject.toml").write_text("[project]\n")
    view(shop)
    change(shop)
    if with_git:
        how(shop)
    updated = view(shop)
    anew = Keeper(find_workspace(shop), shop.parent / "others").view()
    assert anew is not None
    assert sorted(labels(updated)) == sorted(labels(anew))
    for name in ("price_of", "cost_of", "discount"):
        assert sorted(updated.labels[one.file] for one in updated.named(name)) == sorted(
            anew.labels[one.file] for one in anew.named(name)
        )
        for field in ("body", "path", "symbols"):
            assert holding(updated, field, name) == holding(anew, field, name)


def test_a_file_that_was_dirty_when_it_was_indexed_and_is_clean_again_is_read_again(shop: Path) -> None:
    """`git checkout FILE` may leave git's own index as it was."""
    edit(shop)
    view(shop)
    git(shop, "checkout", "-q", "shop/prices.py")
    assert [one.symbol.name for one in view(shop).named("price_of")] == ["price_of"]


def test_a_new_file_that_is_ignored_later_is_not_found_any_more(shop: Path) -> None:
    """Nor is it read; git's own index has not changed by that."""
    add(shop)
    assert "shop/taxes.py" in labels(view(shop))
    (shop / ".gitignore").write_text("build/\ntaxes.py\n")
    assert "shop/taxes.py" not in labels(view(shop))
    found = ahead(shop)
    assert found is not None
    assert "shop/taxes.py" not in labels(found[0])


def test_files_on_disk_are_private(shop: Path) -> None:
    """0600 in a folder of 0700."""
    view(shop)
    folder = shop.parent / "indexes"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("damage", [b"", b"x", b"optafly-index/1\n" + b"\xff" * 64])
@pytest.mark.parametrize("ending", [".index", ".json", ".sqlite"])
def test_a_damaged_index_is_built_again_and_that_is_said(shop: Path, damage: bytes, ending: str) -> None:
    """Whatever a file holds instead of what was written; facts that are lost are made again without a word."""
    view(shop)
    (path,) = (shop.parent / "indexes").glob(f"*{ending}")
    path.write_bytes(damage)
    again = keeper(shop)
    found = again.view()
    assert found is not None
    assert best(found, "symbols", "discount") == "shop/orders.py"
    assert bool(again.notices) == (ending != ".sqlite")


def test_a_cut_index_is_built_again(shop: Path) -> None:
    """Half of a file is none."""
    view(shop)
    (path,) = (shop.parent / "indexes").glob("*.index")
    os.truncate(path, path.stat().st_size // 2)
    assert best(view(shop), "symbols", "discount") == "shop/orders.py"


def test_an_index_that_cannot_be_written_is_no_failure(shop: Path) -> None:
    """A sentence, and nothing found."""
    (shop.parent / "indexes").write_text("a file where the folder should be")
    one = keeper(shop)
    assert one.view() is None
    assert one.notices


def test_a_big_tree_is_indexed_beside_and_that_is_said(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command does not wait; once the other process is done the index is there."""
    monkeypatch.setattr("optafly_cli.workspace.index.keeper.FIRST_AT_ONCE", 1)
    one = keeper(shop)
    assert one.view() is None
    assert "is being built for the first time (3 files)" in one.notices[0]
    found = None
    for _ in range(600):
        found = keeper(shop).view()
        if found is not None:
            break
        time.sleep(0.1)
    assert found is not None
    assert best(found, "symbols", "discount") == "shop/orders.py"


def test_what_is_worked_on_and_what_changes_together_is_known(shop: Path) -> None:
    """From git's log: later is more, and pairs count when they came twice."""
    for number in range(2):
        for name in ("orders", "prices"):
            path = shop / "shop" / f"{name}.py"
            path.write_text(path.read_text() + f"# {number}\n")
        commit(shop, f"change {number}")
    found = view(shop)
    orders, prices = found.file("shop/orders.py"), found.file("shop/prices.py")
    assert orders is not None
    assert prices is not None
    ignore = found.file(".gitignore")
    assert ignore is not None
    assert found.linked("together", orders) == [prices]
    assert found.recency[orders] > found.recency[ignore] > 0


def ahead(root: Path) -> tuple[IndexView, bool] | None:
    """What the next command can search while git is asked, and whether that holds."""
    one = keeper(root)
    asking = one.ask()
    assert asking is not None
    try:
        found = one.ahead(asking)
        return None if found is None else (found.view, one.holds(found))
    finally:
        asking.started.stop()


@pytest.mark.parametrize("change", [nothing, edit, add, remove, rename])
@pytest.mark.parametrize("how", [nothing, in_the_index])
def test_what_git_said_last_is_searched_while_it_is_asked_again(
    shop: Path, change: Callable[[Path], None], how: Callable[[Path], None]
) -> None:
    """Dirty or staged files are as they are now, and it holds when git says the same."""
    view(shop)
    change(shop)
    how(shop)
    now = view(shop)
    found = ahead(shop)
    assert found is not None
    assert found[1]
    assert labels(found[0]) == labels(now)
    for name in ("price_of", "cost_of", "discount"):
        assert list(found[0].named(name)) == list(now.named(name))


@pytest.mark.parametrize("change", [edit, add, remove, rename, in_the_index, committed])
def test_what_git_says_otherwise_does_not_hold(shop: Path, change: Callable[[Path], None]) -> None:
    """Whatever has changed since it was last asked, the tree or git's own index."""
    (shop / "shop" / "other.py").write_text("x = 1\n")
    view(shop)
    assert ahead(shop) is not None
    (shop / "shop" / "other.py").unlink()
    change(shop)
    found = ahead(shop)
    assert found is None or not found[1]


def test_the_content_of_a_dirty_file_is_read_every_time(shop: Path) -> None:
    """Git says the same of a file that was changed once more."""
    edit(shop)
    view(shop)
    (shop / "shop" / "prices.py").write_text("def worth_of(item):\n    return 3\n")
    found = ahead(shop)
    assert found is not None
    assert found[1]
    assert [one.symbol.name for one in found[0].named("worth_of")] == ["worth_of"]


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"token": 1}', b'"\xff"', None])
def test_what_git_said_is_not_believed_when_it_is_damaged(shop: Path, damage: bytes | None) -> None:
    """Git is asked first then, and nothing is said about it."""
    edit(shop)
    in_the_index(shop)
    view(shop)
    assert ahead(shop) is not None
    (path,) = (shop.parent / "indexes").glob("*.seen")
    path.write_bytes(path.read_bytes().replace(b'": "', b'": "zz') if damage is None else damage)
    again = keeper(shop)
    asking = again.ask()
    assert asking is not None
    assert again.ahead(asking) is None
    assert again.view(asking=asking) is not None
    assert not again.notices


def test_a_name_with_a_secret_in_it_is_not_kept(shop: Path) -> None:
    """Of a new file; git is asked first then."""
    (shop / ("ghp_" + "a1B2c3D4" * 4 + "e5F6")).write_text("x")
    view(shop)
    assert ahead(shop) is None


def test_a_text_is_known_to_be_clean_only_as_it_was_indexed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not another text, not one with a secret, not by other rules, and not what is not indexed."""
    secret = "KEY = 'sk-ant-" + "a1B2c3D4" * 5 + "'\n"
    (shop / "shop" / "keys.py").write_text(secret)
    view(shop)
    assert keeper(shop).is_clean("shop/prices.py", PRICES)
    assert not keeper(shop).is_clean("shop/prices.py", PRICES + "#")
    assert not keeper(shop).is_clean("shop/keys.py", secret)
    assert not keeper(shop).is_clean("build/made.py", "def made(): pass\n")
    edit(shop)
    assert not keeper(shop).is_clean("shop/prices.py", PRICES)
    monkeypatch.setattr("optafly_cli.workspace.index.keeper.rules_digest", lambda: "others")
    assert not keeper(shop).is_clean("shop/orders.py", ORDERS)
    (lock,) = (shop.parent / "indexes").glob("*.lock")
    lock.unlink()
    view(shop)
    give_up = time.monotonic() + 60
    while not lock.exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    # A process of its own is at it, or was; what is built next is by these rules
    assert lock.exists()
    while not keeper(shop).build():
        time.sleep(0.05)
    assert keeper(shop).is_clean("shop/orders.py", ORDERS)


def test_a_file_is_known_by_the_best_name_that_it_defines(shop: Path) -> None:
    """Of code alone, and of what it is now: not of tests, of what was there before, or of a file that is gone."""
    (shop / "tests").mkdir()
    (shop / "tests" / "test_prices.py").write_text("def price_of(): pass\n")
    (shop / "shop" / "rates.py").write_text("def rate_of_price(item): pass\n\n\ndef price(item): pass\n")
    commit(shop, "more names")
    found = labelled(view(shop))
    assert list(found) == ["shop/rates.py", "shop/prices.py"]
    assert list(found.values()) == sorted(found.values(), reverse=True)
    (shop / "shop" / "rates.py").write_text("def rate(item): pass\n")
    (shop / "shop" / "orders.py").write_text("def price(item): pass\n")
    (shop / "shop" / "prices.py").unlink()
    assert list(labelled(view(shop))) == ["shop/orders.py"]


def labelled(found: IndexView) -> dict[str, float]:
    """The files that define a name with "price" in it, best first."""
    scores = found.best_definitions(dict.fromkeys(terms_of("price"), 1.0))
    return {found.labels[file]: scores[file] for file in sorted(scores, key=lambda file: -scores[file])}
