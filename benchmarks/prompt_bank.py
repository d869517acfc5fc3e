"""What developers ask about a function, each in several words: the first as typed first, the others as others type it.

Written before anything was measured with them, and not after what hits: courtesy, another verb, another sentence.
Several questions are close to each other on purpose (find or fix, add or remove, sync or async).
"""

BANK: dict[str, tuple[str, ...]] = {
    "explain": (
        "explain what this function does",
        "please explain what this function does",
        "what does this function do?",
        "describe what this function is doing",
        "can you walk me through what happens in this function",
    ),
    "find the bug": (
        "find the bug in this function",
        "can you find the bug in this function?",
        "locate the bug in this function",
        "where is the bug in this function?",
        "something is broken in here, what is it",
    ),
    "fix the bug": (
        "fix the bug in this function",
        "fix the bug in this function please",
        "can you repair the bug in this function",
        "please correct the bug in this function",
        "this function has a bug, fix it",
    ),
    "write tests": (
        "write unit tests for this function",
        "could you write unit tests for this function, thanks",
        "create unit tests for this function",
        "I need unit tests for this function",
        "cover this function with unit tests",
    ),
    "edge cases": (
        "which edge cases does this function not handle?",
        "what edge cases does this function not handle?",
        "which edge cases doesn't this function handle",
        "list the edge cases that this function misses",
        "what inputs would break this function?",
    ),
    "docstring": (
        "write a docstring for this function",
        "write a docstring for this function, please",
        "add a docstring to this function",
        "document this function with a docstring",
        "this function needs a docstring",
    ),
    "add types": (
        "add type hints to this function",
        "please add type hints to this function",
        "add type annotations to this function",
        "annotate this function with types",
        "can you type this function",
    ),
    "remove types": (
        "remove the type hints from this function",
        "please remove the type hints from this function",
        "delete the type hints from this function",
        "strip the type annotations off this function",
        "I want this function without type hints",
    ),
    "faster": (
        "make this function faster",
        "can you make this function faster?",
        "speed up this function",
        "optimise this function for speed",
        "this function is too slow, improve it",
    ),
    "simplify": (
        "simplify this function",
        "help me simplify this function",
        "make this function simpler",
        "refactor this function so that it is easier to read",
        "this function is too complicated, clean it up",
    ),
    "exceptions": (
        "which exceptions can this function raise?",
        "what exceptions can this function raise?",
        "which exceptions can be raised by this function",
        "list the exceptions that this function may raise",
        "what errors should I expect when I call this function?",
    ),
    "make async": (
        "make this function async",
        "please make this function async",
        "convert this function to async",
        "turn this into an async function",
        "rewrite this function with async/await",
    ),
    "make sync": (
        "make this function synchronous",
        "please make this function synchronous",
        "convert this function to synchronous code",
        "turn this into a synchronous function",
        "rewrite this function without async/await",
    ),
    "callers": (
        "when is this function called?",
        "could you tell me when this function is called?",
        "in which situations is this function called",
        "what triggers this function?",
        "how does execution get to this function",
    ),
}

CLOSE = {
    "explain": "docstring",
    "docstring": "explain",
    "find the bug": "fix the bug",
    "fix the bug": "find the bug",
    "write tests": "edge cases",
    "edge cases": "write tests",
    "add types": "remove types",
    "remove types": "add types",
    "faster": "simplify",
    "simplify": "faster",
    "exceptions": "callers",
    "callers": "exceptions",
    "make async": "make sync",
    "make sync": "make async",
}
"""The question that is most easily taken for each."""
