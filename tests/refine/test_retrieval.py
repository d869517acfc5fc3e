"""What the index finds for a prompt, and what of it goes into the prompt."""

from pathlib import Path

import pytest

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.find import Found, find_inside
from optafly_cli.refine.retrieval.places import places_of
from optafly_cli.refine.retrieval.query import query_of
from optafly_cli.refine.retrieval.retriever import Retriever, units_of_text
from optafly_cli.refine.retrieval.signals import NAMES, signals_of
from optafly_cli.refine.retrieval.weights import weights
from optafly_cli.refine.select import Selection, select
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.tree import Asking
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import LineRange, NamedContext
from tests.refine.conftest import words
from tests.workspace.support import commit, repository

FILES = {
    "shop/orders.py": (
        "from shop.prices import price_of\n\n\nclass Order:\n    def total(self):\n"
        "        return sum(price_of(item) for item in self.items)\n\n\n"
        "def apply_discount(order, percent):\n    return order.total() * (100 - percent) / 100\n"
    ),
    "shop/prices.py": "RATES = {}\n\n\ndef price_of(item):\n    return RATES[item]\n",
    "shop/mail.py": "import smtplib\n\n\ndef send_receipt(order, address):\n    smtplib.SMTP().sendmail(address)\n",
    "tests/test_orders.py": "from shop.orders import apply_discount\n\n\ndef test_it():\n    assert apply_discount\n",
    "docs/orders.md": "# Orders\n\nThe discount of an order is percent: apply_discount.\n",
    "src/server.rs": "pub fn listen(port: u16) {\n    bind(port).unwrap();\n}\n",
    "web/cart.ts": "export function addToCart(item: string): void {\n  throw new Error(item)\n}\n",
    ".env": "TOKEN=apply_discount\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small shop in four languages, with tests and documentation."""
    return repository(tmp_path / "shop", FILES)


@pytest.fixture
def retriever(shop: Path) -> Retriever:
    """Its index."""
    return Retriever(Keeper(find_workspace(shop), shop.parent / "indexes"))


def first(retriever: Retriever, prompt: str) -> str:
    return retriever.found(PromptText(prompt)).files[0].label


def chosen(shop: Path, prompt: str, *, unsafe: bool = True, budget: int = 2048) -> Selection:
    retriever = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes"))
    settings = RefineSettings(max_context_tokens=budget, include_project_structure=False)
    return select(
        prompt, NamedContext(), find_workspace(shop), settings, words, unsafe=unsafe, retriever=retriever
    )  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "label"),
    [
        ("the discount of an order is computed wrongly when percent is 0", "shop/orders.py"),
        ("`price_of` raises KeyError for unknown items", "shop/prices.py"),
        ("customers never get a receipt by mail", "shop/mail.py"),
        ('  File "/usr/lib/python3/site-packages/shop/prices.py", line 5, in price_of\nKeyError: 1', "shop/prices.py"),
        ("thread 'main' panicked at src/server.rs:2:16:\ncalled `Option::unwrap()`", "src/server.rs"),
        ("Error: tea\n    at addToCart (/home/me/app/web/cart.ts:2:9)", "web/cart.ts"),
        ("addToCart should not throw", "web/cart.ts"),
        ("add a test for apply_discount to the test suite", "tests/test_orders.py"),
    ],
)
def test_the_file_that_a_prompt_is_about_comes_first(retriever: Retriever, prompt: str, label: str) -> None:
    """By its words, its names, a module, a stack trace; tests and documentation only when it is about them."""
    assert first(retriever, prompt) == label


def test_likelihoods_are_shares_best_first(retriever: Retriever) -> None:
    """They add up to 1, and the same question gives the same answer."""
    prompt = PromptText("the discount of an order is wrong")
    found = retriever.found(prompt)
    likelihoods = [one.likelihood for one in found.files]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert sum(likelihoods) == pytest.approx(1)
    again = Retriever(retriever._keeper).found(prompt)
    assert again == found


def test_a_function_is_selected_with_its_reason(shop: Path) -> None:
    """Only what was not named, so that it is asked about; the text is the file's own lines."""
    selection = chosen(shop, "`apply_discount` is wrong when percent is above 100", budget=60)
    piece = selection.pieces[0]
    assert piece.path == "shop/orders.py"
    assert "def apply_discount" in piece.text
    assert "the prompt names apply_discount" in piece.reason
    assert not piece.named
    assert selection.auto
    assert selection.context_tokens <= 60
    lines = FILES["shop/orders.py"].split("\n")
    assert piece.text == "\n".join(lines[piece.start_line - 1 : piece.end_line])


def test_without_leave_nothing_is_sent_and_that_is_said(shop: Path) -> None:
    """No text of a file that was not named; one sentence says what there would be."""
    selection = chosen(shop, "`apply_discount` is wrong when percent is above 100", unsafe=False)
    assert selection.pieces == ()
    assert any("shop/orders.py" in sentence and "--yes" in sentence for sentence in selection.left_out)


@pytest.mark.parametrize(
    "prompt", ["what is a monad?", "explain how TCP differs from UDP", "write a haiku", "translate good morning"]
)
def test_a_prompt_that_is_about_nothing_here_gets_nothing(shop: Path, prompt: str) -> None:
    """Nothing to add means nothing added."""
    assert chosen(shop, prompt).pieces == ()


def test_the_same_workspace_gives_the_same_selection_and_another_edit_another(shop: Path) -> None:
    """The digest is what evidence compares: it moves with what was selected, not with what was not."""
    prompt = "`apply_discount` is wrong when percent is above 100"
    before = chosen(shop, prompt, budget=60).digest
    assert chosen(shop, prompt, budget=60).digest == before
    path = shop / "shop" / "orders.py"
    path.write_text(path.read_text().replace("/ 100", "/ 100.0"))
    assert chosen(shop, prompt, budget=60).digest != before


def test_secrets_and_ignored_files_are_never_found(shop: Path) -> None:
    """Whatever they hold."""
    (shop / ".gitignore").write_text("secret.py\n")
    (shop / "secret.py").write_text("def apply_discount_secretly(): pass\n")
    found = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")).found(
        PromptText("apply_discount_secretly and apply_discount")
    )
    assert not {".env", "secret.py"} & {one.label for one in found.files}


def test_a_link_that_took_the_place_of_a_file_is_not_followed(shop: Path, tmp_path: Path) -> None:
    """Between indexing and reading a file may become a link out of the workspace."""
    outside = tmp_path / "outside.py"
    outside.write_text("def apply_discount(): 'outside'\n")
    chosen(shop, "`apply_discount` is wrong")
    (shop / "shop" / "orders.py").unlink()
    (shop / "shop" / "orders.py").symlink_to(outside)
    assert all("outside" not in piece.text for piece in chosen(shop, "`apply_discount` is wrong").pieces)


def test_segments_of_a_named_file_need_no_index() -> None:
    """The function that the prompt speaks of comes first, all others follow; none where no word is shared."""
    text = FILES["shop/orders.py"].rstrip("\n").split("\n")
    units = units_of_text(query_of(PromptText("the discount is wrong")), "shop/orders.py", text, "python")
    assert units[0].unit.symbol is not None
    assert units[0].unit.symbol.name == "apply_discount"
    covered = {line for one in units for line in range(one.unit.lines.start, one.unit.lines.end + 1)}
    assert all(number in covered for number, line in enumerate(text, 1) if line)
    assert not units_of_text(query_of(PromptText("zebras eat grass")), "shop/orders.py", text, "python")


def test_code_comes_before_comments_that_say_the_same() -> None:
    """Comments are longer than what they speak of and are edited less."""
    prose = "".join(f"# The discount of an order, {number}: apply it once, not twice.\n" for number in range(12))
    code = "def apply_discount(order):\n    return order.discount\n"
    units = units_of_text(
        query_of(PromptText("the discount of an order")), "a.py", f"{prose}\n\n{code}".split("\n"), "python"
    )
    assert units[0].unit.prose == 0


def test_a_query_weighs_names_by_where_they_stand() -> None:
    """In inline code most, in pasted code least; links and lists of versions not at all."""
    query = query_of(
        PromptText("`parse_port` fails\n\n```\nother_name = 1\n```\nnumpy==1.26.0\nsee https://example.com/some_page\n")
    )
    assert query.names["parse_port"] > query.names["other_name"] > 0
    assert "some_page" not in query.text
    assert "numpy" not in query.text


def test_lists_of_versions_hide_only_themselves() -> None:
    """In the three forms that package managers print; what follows them is read, and so is what is like them."""
    query = query_of(
        PromptText(
            "It fails.\n\n- [x] I searched first\n- [ ] a docs change\nnumpy==1.26.0\n"
            "Package    Version   Location\n---------- ------- ---\nattrs      19.3.0\nclick      8.0.1   /srv\n"
            "The receipt of 3 items is wrong"
        )
    )
    assert not {"numpy", "attr", "click", "search"} & set(query.text)
    assert {"receipt", "item"} <= set(query.text)


def test_a_link_to_a_line_of_code_names_that_line() -> None:
    """On GitHub, and with GitLab's and Gitea's ways; a link to anything else names nothing."""
    query = query_of(
        PromptText(
            "see https://github.com/me/shop/blob/4f2a91c/shop/orders.py#L6-L9 and\n"
            "[here](https://gitlab.com/me/shop/-/blob/main/shop/prices.py#L5), not https://github.com/me/shop/issues/7"
        )
    )
    assert dict(query.paths) == {"shop/orders.py": LineRange(6, 9), "shop/prices.py": LineRange(5, 5)}


def test_a_class_called_unittest_is_not_a_prompt_about_tests() -> None:
    """Two words are."""
    assert not query_of(PromptText("unittest.TestCase.tearDown runs twice")).about_tests
    assert query_of(PromptText("write a unit test for tearDown")).about_tests


def test_the_parts_of_pytest_s_trace_are_one() -> None:
    """Innermost first, though code and marks stand between its frames."""
    query = query_of(
        PromptText(
            "src/shop/run.py:12: \n_ _ _ _\nsrc/shop/orders.py:6: in total\n    return price(item)\n"
            "_ _ _ _\n\n>   raise KeyError(item)\n\nsrc/shop/prices.py:3: KeyError\n"
        )
    )
    assert [frame.line for frame in query.frames] == [3, 6, 12]


def test_a_module_counts_by_where_it_is_named() -> None:
    """Alone in a sentence most, in a list less, in pasted code least."""
    query = query_of(
        PromptText("shop.orders is slow\nWe use shop.mail, shop.prices.\n\n```\nfrom shop.web import x\n```\n")
    )
    assert query.dotted["shop.orders"] > query.dotted["shop.mail"] > query.dotted["shop.web"] > 0


def test_a_module_of_the_standard_library_is_not_a_file_of_that_name(tmp_path: Path) -> None:
    """Of one word alone a file is meant only where it defines what is asked of it."""
    shop = repository(tmp_path / "shop", {"util/typing.py": "def restify(kind):\n    return kind\n"})
    view = Retriever(Keeper(find_workspace(shop), tmp_path / "indexes")).view
    assert view is not None
    assert not places_of(view, query_of(PromptText("typing.Literal is shown as a class"))).modules
    assert places_of(view, query_of(PromptText("typing.restify is slow"))).modules


def test_what_a_file_was_changed_for_speaks_for_it(shop: Path) -> None:
    """By the words of the commits, and by the issue that one of them names; also while the file is edited."""
    (shop / "src/server.rs").write_text(FILES["src/server.rs"] + "// later\n")
    commit(shop, "Wait for slow customers\n\nFixes #4711")
    prompts = PromptText("customers are slow: they wait"), PromptText("it is back since #4711")
    assert Keeper(find_workspace(shop), shop.parent / "indexes").build()
    for text in ("", "// again\n"):
        (shop / "src/server.rs").write_text(FILES["src/server.rs"] + "// later\n" + text)
        view = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")).view
        assert view is not None
        server = view.file("src/server.rs")
        assert server is not None
        assert view.is_as_indexed is not bool(text)
        for prompt, name in zip(prompts, ("changes_share", "referred"), strict=True):
            query = query_of(prompt)
            found = signals_of(view, query, places_of(view, query))
            assert found[server][NAMES.index(name)] == 1.0


def test_every_signal_is_weighed() -> None:
    """The weights file and the signals agree; reading it fails otherwise."""
    assert weights().files.weights
    assert weights().units.weights


def test_a_snapshot_whose_body_is_damaged_finds_nothing_once(shop: Path) -> None:
    """The header is whole, what it leads to is not: no failure, a sentence, and the next command has a new one."""
    keeper = Keeper(find_workspace(shop), shop.parent / "indexes")
    assert keeper.view() is not None
    (path,) = (shop.parent / "indexes").glob("*.index")
    data = path.read_bytes()
    size = int.from_bytes(data[16:24], "little") + 32
    path.write_bytes(data[:size] + b"\xff" * (len(data) - size))
    damaged = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes"))
    assert damaged.found(PromptText("`apply_discount` is wrong")).files == ()
    assert any("damaged" in sentence for sentence in damaged.notices)
    again = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes"))
    assert first(again, "`apply_discount` is wrong") == "shop/orders.py"


def test_a_file_that_was_indexed_is_not_read_again_for_its_segments(shop: Path) -> None:
    """They are those of the file itself; one that has changed since is read."""
    query, text = query_of(PromptText("price_of raises KeyError")), FILES["shop/prices.py"].split("\n")
    keeper = Keeper(find_workspace(shop), shop.parent / "indexes")
    assert Retriever(keeper).inside(query, "shop/prices.py") == ()
    assert keeper.build()
    known = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")).inside(query, "shop/prices.py")
    alone = units_of_text(query, "shop/prices.py", text, "python")
    assert [one.unit.lines for one in known] == [one.unit.lines for one in alone] != []
    (shop / "shop/prices.py").write_text("# new\n" + FILES["shop/prices.py"])
    assert Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")).inside(query, "shop/prices.py") == ()
    assert Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")).inside(query, "../x.py") == ()


def test_one_segment_of_many_is_less_likely_the_one(shop: Path) -> None:
    """The same function is nearer to being meant in a short file than among a hundred others in a long one."""
    meant = "def refund(order):\n    return order.total() * -1\n"
    others = "".join(f"\n\ndef step_{at}(item):\n    return item + {at}\n" for at in range(100))
    (shop / "shop/short.py").write_text(meant)
    (shop / "shop/a_long.py").write_text(meant + others)
    commit(shop)
    keeper = Keeper(find_workspace(shop), shop.parent / "indexes")
    assert keeper.build()
    view = keeper.view()
    assert view is not None
    query = query_of(PromptText("the refund of an order has the wrong total"))
    found = find_inside(view, query, ["shop/a_long.py", "shop/short.py"])
    refunds = [one for one in found if one.unit.symbol is not None and one.unit.symbol.name == "refund"]
    assert [one.label for one in refunds] == ["shop/short.py", "shop/a_long.py"]


@pytest.mark.parametrize("changed", [False, True])
def test_what_is_searched_ahead_counts_only_when_nothing_has_changed(shop: Path, changed: bool) -> None:
    """It is searched once then, else again; the same is found as when git was asked first."""
    prompt = PromptText("`send_receipt` fails when the address is empty")
    assert Keeper(find_workspace(shop), shop.parent / "indexes").build()
    if changed:
        (shop / "shop/mail.py").write_text("\n" * 40 + FILES["shop/mail.py"])
    ahead, plain = (Retriever(Keeper(find_workspace(shop), shop.parent / "indexes")) for _ in range(2))
    searched = []

    def work() -> Found:
        # As a file that is named: nothing was opened before it is asked for
        assert ahead.opened is None
        searched.append(ahead.found(prompt))
        return searched[-1]

    found = ahead.settled(work)
    assert found == plain.found(prompt)
    assert len(searched) == 1 + changed
    assert (found.units[0].label, found.units[0].unit.lines.start > 40) == ("shop/mail.py", changed)
    assert ahead.settled(lambda: ahead.found(prompt)) == found


def test_what_fails_ahead_leaves_no_git_behind(shop: Path) -> None:
    """The error is the caller's, and a search after it is a plain one."""
    retriever, begun = watched(shop)

    def work() -> None:
        assert retriever.view is not None
        raise ValueError("not there")

    with pytest.raises(ValueError, match="not there"):
        retriever.settled(work)
    assert begun[0] is not None
    assert has_ended(begun[0])
    assert retriever.view is not None


def test_git_that_was_asked_for_nothing_is_ended(shop: Path) -> None:
    """What did not look at the index need not wait for it, and the next search asks anew."""
    retriever, begun = watched(shop)

    def work() -> str:
        retriever.ask()
        retriever.ask()
        return "done"

    assert retriever.settled(work) == "done"
    assert len(begun) == 1
    assert has_ended(begun[0])
    prompt = PromptText("`send_receipt` fails when the address is empty")
    assert retriever.settled(lambda: retriever.found(prompt)).units[0].label == "shop/mail.py"
    assert len(begun) == 2


def watched(shop: Path) -> tuple[Retriever, list[Asking | None]]:
    """A retriever with an index, and how git was asked for it."""
    begun: list[Asking | None] = []

    class Watched(Keeper):
        def ask(self) -> Asking | None:
            begun.append(super().ask())
            return begun[-1]

    assert Keeper(find_workspace(shop), shop.parent / "indexes").build()
    return Retriever(Watched(find_workspace(shop), shop.parent / "indexes")), begun


def has_ended(asking: Asking | None) -> bool:
    """Whether git is gone."""
    assert asking is not None
    assert asking.started.process is not None
    return asking.started.process.poll() is not None


def test_a_file_without_secrets_is_told_by_the_index_but_values_of_the_environment_are_looked_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was clean when it was indexed may hold what has become a secret since."""
    assert Keeper(find_workspace(shop), shop.parent / "indexes").build()
    retriever = Retriever(Keeper(find_workspace(shop), shop.parent / "indexes"))
    files = WorkspaceFiles(find_workspace(shop), retriever)
    source = files.source("shop/mail.py")
    assert source is not None
    assert retriever.is_clean("shop/mail.py", source.text)
    assert files.redacted("shop/mail.py", source).lines == source.lines
    monkeypatch.setenv("MAIL_PASSWORD", "sendmail(address)")
    shown = WorkspaceFiles(find_workspace(shop), retriever).redacted("shop/mail.py", source)
    assert shown.lines[4] == "    smtplib.SMTP().[redacted: value from the environment]"
