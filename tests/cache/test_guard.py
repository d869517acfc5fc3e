"""Vetoes: what no similarity may talk the cache into; and the rewordings that must get through."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.courtesy import core_of
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.veto import Veto
from optafly_cli.cache.guard.vetoes import compare
from tests.cache.support import words

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "semcache"

TRAPS = {
    "number": """
        explain lines 10 to 20 | explain lines 20 to 30
        make the columns 200px wide | make the columns 200rem wide
        upgrade to 3.11 | upgrade to 3.12
        fix the first warning | fix the second warning
        retry 3 times | retry three hundred times
        set the limit to 1,000 | set the limit to 100
        allow files of 10MB | allow files of 100MB
        what happened on Monday | what happened on Tuesday
        answer in one word | answer in two words
        lines 1,2 | lines 12
        it costs £5 | it costs $5
    """,
    "quoted": """
        rename "foo" to "bar" | rename "foo" to "baz"
        what does `unwrap` do | what does `expect` do
        replace 'a b' | replace 'a  b'
    """,
    "path": """
        add a test for main.rs | add a test for lib.rs
        list *.txt files | list *.log files
        clean /tmp/a | clean /tmp/b
        open https://a.example/x | open https://a.example/y
        echo $HOME | echo $PATH
    """,
    "flag": "run with --release | run with --debug\nrun ls -l | run ls -a",
    "identifier": """
        what does save! do | what does save do
        restart the acount server | restart the accout server
        fix error E0502 | fix error E0505
        why is user_id null | why is order_id null
        call parseJson | call parseYaml
        port it to C++ | port it to C#
        what does std::mem do | what does std::ptr do
        close #12 | close #13
    """,
    "operator": """
        is x > y | is x < y
        check a == b | check a != b
        what does the ? operator do here | what does the . operator do here
        what does [] mean here | what does {} mean here
        split the line at ; | split the line at ,
        end every message with a . | end every message with a !
        replace \\n with a space | replace \\t with a space
    """,
    "name": """
        write this in Rust | write this in Go
        convert this to Go | convert this
        how do I install redis | how do I install postgres
    """,
    "entity": "explain this in English | explain this in German\nwhat does Leeds charge | what does Bristol charge",
    "negation": """
        enable the service at boot without starting it now | start the service now without enabling it at boot
        write with logging, without tests | write without logging, with tests
        cover the error path | don't cover the error path
        run with logging | run without logging
        why does it work | why doesn't it work
        rename the function but don't change the tests | don't rename the function but change the tests
        do it without a lock and a log | do it a lock and without a log
        use a list, not a tuple | use not a list, a tuple
    """,
    "opposite": """
        explain this function | explain this class
        write a unit test | write an integration test
        add a test | remove a test
        does the class override the method | does the class overload the method
        center the text horizontally | center the text vertically
        how do I enable logging? | how do I turn off logging?
        encode the payload | decode the payload
        deploy to test | deploy to production
        make this sync | make this async
        sort ascending | sort descending
        import the data | export the data
        make the field required | make the field optional
        increase the timeout | decrease the timeout
        scale up | scale down
    """,
    "quantifier": """
        can only admins delete posts | can admins only delete posts
        remove evicted pods from a namespace | remove evicted pods from all namespaces
        delete every file | delete every file except one
        fix all warnings | fix any warnings
        fix the warnings | fix only the warnings
        keep all tests, delete only comments | keep only tests, delete all comments
        use tabs, not spaces | use spaces, not tabs
    """,
    "relation": """
        move the lock before the loop | move the lock out of the loop
        lines with foo and bar | lines with foo or bar
        what happens if this is null | what happens while this is null
    """,
    "modal": """
        which tests should pass | which tests can pass
        the list must be sorted | the list is sorted
    """,
    "tense": "was this code safe | is this code safe\nwill this code panic | does this code panic",
    "person": "what do I owe | what do you owe\nwhy does it work here | why does it work there",
    "literal": """
        rename the folder to foo | rename the directory to foo
        rename the bug label | rename the defect label
        what does this function mean by is | what does this function mean by are
    """,
    "question": """
        should the permission filter run ahead of it? | does the permission filter run ahead of it?
        why does this work? | how does this work?
        how do I add a test? | add a test
        fix this bug | explain this bug
        where is it defined | when is it defined
        what throws here | what does this throw here
        can I delete this | delete this
    """,
    "words": """
        fix this bug | find this bug
        fix this bug | fix this bug and add a test
        review this | review this for security
        remove unused imports | remove unused variables
        upload the file | unload the file
        fix the for loop in parse_port | fix the while loop in parse_port
        add a get endpoint | add an endpoint
        move the button up | move the button right
        validate the country field | validate the county field
        what does T stand for | what does t stand for
        make the class final | make the class last
        raise an error here | raise an issue here
        explain the error code | explain the error
    """,
    "direction": """
        how do I revert the last commit | how do I revert to the last commit
        how do I delete from an s3 bucket | how do I delete an s3 bucket
        how do I use postgres as a cache | how do I use postgres with a cache
        list tables referencing users | list tables referenced by users
        why is this query blocking | why is this query blocked
        what is the module it imports | what is the module that imports it
        why can't the instance be reached by my function | why can't the instance reach my function
        use for loops, not while loops | use while loops, not for loops
        find flights leaving Boston and arriving in Denver | find flights leaving Denver and arriving in Boston
        how many grams are in an ounce | how many ounces are in a gram
        how do I reach my host from inside the container | how do I reach my container from inside the host
        convert this to json | convert this from json
        convert bash to python | convert python to bash
        copy dir_a to dir_b | copy dir_b to dir_a
        rename foo to bar | rename bar to foo
        rename a to b | rename b to a
        does the client call the server | does the server call the client
        add a cache to the parser | add a parser to the cache
        move it to b.txt from a.txt | move it from b.txt to a.txt
        what do I owe you | what do you owe me
        fix the first and test all | fix all and test the first
        rename user to users | rename users to user
        rename x to X | rename X to x
        rename Status to STATUS | rename STATUS to Status
        convert the str to a string | convert the string to a str
        rename the folder test to tests | rename the folder tests to test
        rename args to params | rename params to args
        replace in with is | replace is with in
        did he call her | did she call him
        copy a.txt to b.txt and b.txt to c.txt | copy a.txt to b.txt and a.txt to c.txt
    """,
}
SAME = """
    fix this bug | please fix this bug
    fix this bug | Can you fix the bug?
    explain what this function does | what does this function do
    explain this code | what does this code do?
    why does this panic? | why is this panicking?
    write a unit test for this function | please write a unit test for this method
    add error handling to this function | add error handling to the function, please
    refactor this function | can you refactor this method, please
    add a docstring to this function | please add a docstring for this function
    how do I run the tests? | how can I run the tests
    write tests for this | generate tests for this
    remove the unused imports | delete unused imports
    rename `foo` to `bar` | please rename "foo" to "bar"
    fix the off-by-one error | fix the off by one error
    what is wrong with this code? | what's wrong with this code
    optimise this query | please optimize this query
    fix the failing test | repair the failing test
    how does this work? | explain how this works
    explain the function `parse` | explain `parse`
    in main.rs, why is the total wrong? | why is the total wrong in main.rs
    turn on verbose logging | enable verbose logging
    add type hints | pls add type hints
    use at most 10 MB | use no more than 10MB
    update the dependancies | update the dependencies
    find the bug | locate the bug
    fix this bug | can you fix this bug
    fix this bug | can you fix this bug?
    fix this bug | help me fix this bug
    fix this bug | I want you to fix this bug
    fix this bug | could you please fix this bug for me?
    fix this bug | fix this bug, thanks
    fix this bug | Fix the bug.
    fix this bug | fix this issue
    fix this bug | fix this problem
    fix the bug in parse_port | please fix the bug in parse_port
    fix the bug in parse_port | fix the bug in `parse_port`
    fix the failing test | can you fix the failing test?
    explain what this function does | could you please explain what this function does
    explain this function | what does this function do?
    explain how this works | how does this work?
    explain why this crashes | why does this crash?
    explain how this parses the header | how does this parse the header?
    what is wrong here? | what's wrong here
    review this | please review this
    review this code | can you review this code?
    review this diff | could you review this diff please
    add tests for this function | write tests for this function
    add tests for this function | please add tests for this function
    write unit tests for parse_port | add unit tests for parse_port
    write unit tests for the parser | can you write unit tests for the parser?
    add a docstring to parse_port | write a docstring for parse_port
    add docstrings to this module | please add docstrings to this module
    add type hints to this function | please add type hints to this function
    add logging to this function | can you add logging to this function
    refactor this | help me refactor this
    simplify this function | could you simplify this function?
    improve the error messages | please improve the error messages
    rename foo to bar | Please rename foo to bar.
    convert this function to async | please convert this function to async
    convert this to Python | Convert this code to Python, please
    replace the loop with a comprehension | please replace the loop with a comprehension
    how do I run the tests? | how to run the tests
    how do I build this project | how can I build this project?
    how do I install this | how can I install this?
    why does this fail? | why is this failing
    why is the build failing? | why does the build fail?
    remove the unused imports | delete the unused imports
    remove unused imports | please remove unused imports
    find the memory leak | locate the memory leak
    summarise this file | please summarise this file
    document this function | can you document this function?
    what does this regex match? | explain what this regex matches
    what does this script do | explain this script
    is this thread safe? | Is this thread-safe?
    show me how to use this | how do I use this?
    what does parse_port return? | explain what parse_port returns
    is there a race condition here? | is there a race condition here
    make this function faster | please make this function faster
    write a README for this project | please write a README for this project
    clean up this code | please clean up this code
    split this function into smaller functions | can you split this function into smaller functions, please
    check this for security issues | please check this for security issues
    Fix This Bug | fix this bug
    I'd like you to explain this function | explain this function
"""


def lines(text: str) -> list[list[str]]:
    return words([line for line in text.strip().splitlines() if line.strip()])


def refusal(one: str, other: str) -> Veto | None:
    """The veto, or else what keeps the two from being read as the same."""
    found = compare(one, other)
    return found.veto or found.difference


TRAP_CASES = [(name, *pair) for name, text in TRAPS.items() for pair in lines(text)]
PIECES = [
    "fix",
    "the",
    "bug",
    "not",
    "all",
    "in",
    "`x`",
    "main.rs",
    "3",
    "from",
    "a",
    "to",
    "b",
    ",",
    "python",
    "--all",
]
PROMPTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=8).map(" ".join)


@pytest.mark.parametrize(("name", "one", "other"), TRAP_CASES, ids=lambda value: value[:40])
def test_traps_are_refused_by_name(name: str, one: str, other: str) -> None:
    """A pair that differs in one item that matters is vetoed, under the name of what differs, both ways round."""
    refused, back = refusal(one, other), refusal(other, one)
    assert refused is not None
    assert refused == back
    assert refused.name == name
    assert refused.detail


@pytest.mark.parametrize(("one", "other"), lines(SAME), ids=lambda value: value[:40])
def test_plain_rewordings_get_through(one: str, other: str) -> None:
    """Politeness, spelling, synonyms and a phrase in front are no difference."""
    assert refusal(one, other) is None
    assert refusal(other, one) is None


MOVED = """
    draw the enemies behind the trees | the enemies should be drawn behind the trees
    how do I parse HTML tables with BeautifulSoup? | how can HTML tables be parsed with BeautifulSoup?
    show a toast when saving fails | if saving fails show a toast
    who painted the Mona Lisa? | by whom was the Mona Lisa painted?
    what is the difference between CMD and ENTRYPOINT | what is the difference between ENTRYPOINT and CMD
    return 404 if the order is missing | if the order is missing return 404
    why does the socket close after the first message? | after the first message the socket closes, why?
    does git track this file? | is this file tracked by git?
    which test covers the refund path? | the refund path is covered by which test?
    throttle the scroll handler | the scroll handler should be throttled
    explain the retry policy in queue.yml | explain the queue.yml retry policy
    when is the next bus for the airport? | when is the next airport bus?
    write a changelog entry for this release | write this release's changelog entry
    is it cheaper to fly to Tokyo in March than in May? | in March, is it cheaper to fly to Tokyo than in May?
    document the parameters of createUser | document createUser's parameters
    run Linux containers on Windows | on Windows, run Linux containers
    combine my four last commits into one | make one commit of my last four
    rank the users by score | rank by score, the users that is
    test whether a map has a key in Go | in Go: does a key exist in a map
"""
TURNED = """
    how do I copy a file from my host to a container | how do I copy a file from a container to my host
    does the server retry when the client times out | does the client retry when the server times out
    merge main into my branch | merge my branch into main
    the employee whose manager works in Berlin | the manager whose employee works in Berlin
    show orders placed by customers in 2020 | show customers who placed orders in 2020
    in the test for the parser, mock the client | in the test for the client, mock the parser
    if the cache is empty fetch from the db | if the db is empty fetch from the cache
    which team beat Chelsea | which team did Chelsea beat
    what depends on libfoo | what does libfoo depend on
    run the linter, then the tests | run the tests, then the linter
    grant read to alice and write to bob | grant write to alice and read to bob
    open issues assigned to me by bob | open issues assigned to bob by me
    total column B where column A is Paid | sum column A where column B is Paid
    how do I exit vim without saving | how do I save in vim without exiting
    sort a list of dictionaries by key | sort a dict of lists by key
    who painted the Mona Lisa | who is painted in the Mona Lisa
    are all bitter mushrooms poisonous | are all poisonous mushrooms bitter
    parse an ISO string into a datetime | how can a datetime be formatted as an ISO string
    draw the trees behind the enemies | the enemies should be drawn behind the trees
    how many customers from Germany placed orders | how many orders were placed by customers from Germany
    flights leaving boston and arriving in denver | Flights leaving Denver and arriving in Boston
    how do I forward a local port to a remote server | forwarding a remote port to a local server: how?
    make the map zoom in on a double tap | a double tap should make the map zoom out
    clear the cart when the user logs out | when the user logs in, clear the cart
    is it green on my machine but not in CI | is it green in CI but not on my machine
    does the client wait for the server | does the server wait for the client
    is git tracked by this file | does git track this file
    find flights leaving Boston and arriving in Denver | find flights leaving Denver and arriving in Boston
    did they join in January and cancel in March | did they join in March and cancel in January
    open the file before the loop | open the loop before the file
    how many grams are in an ounce | how many ounces are in a gram
    why is it slow on staging but fast in production | why is it slow in production but fast on staging
    return the key of the largest value | return the largest value of the key
    should the handler be throttled | throttle the handler
    rename the field in the model | in the rename, model the field
    find a PID by process name | find the process name by its PID
    run Linux containers on Windows | how do I run Windows containers on a Linux host
    use two accounts on one phone | I want to use one account on two phones
    can I use two WhatsApp accounts on one phone | can I use one WhatsApp account on two phones
    sort the stadium names by capacity | list the capacities of the stadiums by name
    generate a JSON schema from these Go types | generate Go types from this JSON schema
"""


@pytest.mark.parametrize(("one", "other"), lines(MOVED), ids=lambda value: value[:40])
def test_phrases_may_move(one: str, other: str) -> None:
    """A whole phrase elsewhere, "x for y" as "y x" and the passive are no veto, whichever is stored."""
    assert compare(one, other).veto is None
    assert compare(other, one).veto is None


@pytest.mark.parametrize(("one", "other"), lines(TURNED), ids=lambda value: value[:40])
def test_words_may_not_change_places(one: str, other: str) -> None:
    """The same words with other roles are vetoed, whatever the verifier would say."""
    assert compare(one, other).veto is not None
    assert compare(other, one).veto is not None


SAID_OTHERWISE = """
    run it at 6am | run it at 6 a.m.
    why does it fail after 10s | why does it fail after 10 seconds
    retry for one hour | retry for an hour
    upgrade to version 18 | upgrade to v18
    drain a k8s node | drain a Kubernetes node
    generate types from the OpenAPI spec | generate types from the openapi spec
    what is the default timeout? | default timeout?
    turn the table into a CSV file | dump the table to a .csv
    list the *.txt files | list the .txt files
    return a list, not null | return a list rather than null
    can I return it without a receipt | can I return it with no receipt
    sort by score, highest first | sort by score descending
    how do I undo the last commit in git | how do I undo the last commit
    profile this Go service | profile this go service
    is the tap water safe in Cyprus | is the tap water safe in ciprus
    load the users' names | load the users names
    lock a pair of rows | lock two rows
    who do I ask about a review | who should I ask about a review
    why won't the laptop connect | why doesn't the laptop connect
    wait in 30-second intervals | wait in intervals of 30 seconds
    how do I deploy with zero downtime | how do I deploy with no downtime
    split at 'a b' in the parser | split at "a b" in the parser
"""
STILL_APART = """
    run it every Monday at 6am | run it every Monday at 6 pm
    what does O(n log n) mean | what does O(log n) mean
    what happens if the file is missing | what do I do if the file is missing
    what happens when it fails | why does it fail
    retry for 2 hours | retry for 2 days
    run it every minute | run it
    keep the first argument | keep the argument
    how do I sort a list in Python | how do I sort a list
    print .env | print .csv
    upgrade to v18 | upgrade to v19
    list the *.txt files | list the *.log files
    is the tap water safe in Cyprus | is the tap water safe in Malta
    what does foldl' do | what does foldl do
"""


@pytest.mark.parametrize(("one", "other"), lines(SAID_OTHERWISE), ids=lambda value: value[:40])
def test_the_same_item_in_another_spelling_is_no_veto(one: str, other: str) -> None:
    """Units, versions, short forms, kinds of files and names count as what they mean."""
    assert compare(one, other).veto is None


@pytest.mark.parametrize(("one", "other"), lines(STILL_APART), ids=lambda value: value[:40])
def test_another_item_still_is(one: str, other: str) -> None:
    """What may go without saying may not be something else."""
    assert compare(one, other).veto is not None


def test_rewordings_are_served(minilm: Embedder) -> None:
    """Of plain rewordings of what developers ask, five out of six are also near enough to be served."""
    pairs = lines(SAME)
    one, other = (minilm.embed([core_of(pair[side]) for pair in pairs]) for side in (0, 1))
    assert ((one * other).sum(axis=1) >= 0.85).mean() >= 0.83


@given(PROMPTS, PROMPTS)
def test_vetoes_are_symmetric(one: str, other: str) -> None:
    """Which prompt was stored and which is asked never matters."""
    assert refusal(one, other) == refusal(other, one)


@given(PROMPTS)
def test_nothing_is_vetoed_against_itself(prompt: str) -> None:
    """A prompt is never refused its own answer, in other spacing either."""
    assert refusal(prompt, prompt) is None
    assert refusal(prompt, f" {prompt}  ") is None


@given(
    PROMPTS, st.sampled_from(["not", "7", "`name`", "lib.rs", "--fast", "only", "python", "user_id", "before", "sort"])
)
def test_an_item_on_one_side_is_refused(prompt: str, item: str) -> None:
    """Adding a negation, number, name, path, flag, quantifier or content word to one side alone is always a veto."""
    assert refusal(f"{prompt}, {item}", prompt) is not None


def test_no_word_is_its_own_opposite() -> None:
    """The lexicon does not contradict itself: no opposites within a class of synonyms."""
    for one, other in lexicon().opposites:
        assert canonical(one) != canonical(other), (one, other)


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("tests", "test"),
        ("running", "run"),
        ("stopped", "stop"),
        ("queries", "query"),
        ("classes", "class"),
        ("is", "is"),
    ],
)
def test_stems(word: str, root: str) -> None:
    """Plural, -ing and -ed are taken off; short words stay."""
    assert stem(word) == root


@pytest.mark.parametrize(("name", "served_at_least"), [("fow_pairs", 0.25), ("nl2bash_pairs", 0.012)])
def test_public_traps(minilm: Embedder, name: str, served_at_least: float) -> None:
    """On labelled pairs at similarity 0.85: no wrong answer is served, and no less than was measured is right."""
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not here: it may not be in the repository")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    passed = [row for row in rows if refusal(row["a"], row["b"]) is None]
    one, other = (minilm.embed([core_of(row[side]) for row in passed]) for side in "ab")
    cosines = (one * other).sum(axis=1)
    served = [row for row, cosine in zip(passed, cosines, strict=True) if cosine >= 0.85]
    assert [(row["a"], row["b"]) for row in served if not row["same_answer"]] == []
    assert len(served) / sum(row["same_answer"] for row in rows) >= served_at_least
