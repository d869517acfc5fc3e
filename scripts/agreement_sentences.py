"""500 sentences, always the same, on which an exported embedding model must agree with the original.

Half are what developers ask a command-line assistant, half general English, plus shapes that stress an
encoder: one word, error output, code, other scripts, and texts beyond the model's 256 tokens.
"""

COUNT = 500

_VERBS = ["fix", "explain", "refactor", "optimise", "review", "document", "test", "simplify", "rename", "debug"]
_THINGS = [
    "the login handler", "this borrow error", "the retry loop", "src/parser.rs", "the SQL migration", "my Dockerfile",
    "the unit tests in tests/test_api.py", "the race condition in the worker pool", "this regular expression",
    "the memory leak in cache.c", "the CI pipeline", "a failing assertion", "the React component", "the bash script",
]  # fmt: skip
_TAILS = [
    "", " without changing the public API", " so that it handles empty input", " in Python 3.11",
    ", and keep it under 50 lines", " because it panics on None", " step by step", " for a beginner", " (ticket #4821)",
]  # fmt: skip
_ASKS = [
    "How do I {v} {t}{x}?", "Please {v} {t}{x}.", "{v} {t}{x}", "Can you {v} {t}{x}? Do not touch anything else.",
    "Why does it fail when I {v} {t}{x}?", "What is the best way to {v} {t}{x}?",
]  # fmt: skip
_WHO = [
    "the committee", "my grandmother", "a retired teacher", "the orchestra", "our neighbour's dog", "nobody",
    "the night train", "an old fisherman", "half of the class", "the mayor of a small town",
]  # fmt: skip
_DID = [
    "agreed to postpone the vote", "bakes bread every Sunday", "was late by forty minutes", "crossed the frozen lake",
    "never learned to swim", "bought 12 apples for $3.50", "could not believe the score", "wrote a letter of complaint",
    "has lived here since 1974", "played the second movement too fast", "sold the house and moved abroad",
]  # fmt: skip
_WHEN = [
    "", " before the storm", " although it was raining", " last winter", " in spite of the doctor's advice",
    " while everyone else was asleep", ", which surprised us all", " because there was no other choice",
]  # fmt: skip
_QUESTIONS = [
    "{w} {d}{n}.", "Is it true that {w} {d}{n}?", "They say that {w} {d}{n}.", "I doubt that {w} {d}{n}!",
]  # fmt: skip
_SHAPES = [
    "x", "fix", "", "?", "42", "E0502", "git rebase -i HEAD~3", "segfault", "tl;dr", "NullPointerException",
    "thread 'main' panicked at src/main.rs:12:47: called `Option::unwrap()` on a `None` value",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "error[E0382]: borrow of moved value: `config`",
    "def f(x):\n    return [y ** 2 for y in x if y % 2]",
    "SELECT name, COUNT(*) FROM users WHERE age > 30 GROUP BY name HAVING COUNT(*) > 1;",
    '{"id": 17, "tags": ["a", "b"], "price": 9.99, "active": true}',
    "for (int i = 0; i < n; i++) { sum += a[i]; }",
    "curl -sS -X POST https://example.org/api/v2/items -d @body.json | jq '.[0].id'",
    "find . -name '*.log' -mtime +7 -delete", "chmod 755 deploy.sh && ./deploy.sh --env prod",
    "Wie behebe ich diesen Fehler in der Anmeldung?", "¿Cómo puedo invertir una lista enlazada?",
    "Pourquoi ma boucle ne se termine-t-elle jamais ?", "Как исправить утечку памяти?", "如何修复这个错误？",
    "このエラーを直すにはどうすればいいですか", "هل يمكنك شرح هذا الكود؟", "naïve café façade Ångström",
    "🚀 deploy failed 😢", "UPPER CASE SHOUTING ABOUT THE BUILD", "a_b_c.d_e_f::g<H<I>>", "supercalifragilistic" * 4,
    "add a test for the case that the list is empty", "do not add a test for the case that the list is empty",
    "convert this from bash to python", "convert this from python to bash", "turn 2FA on", "turn 2FA off",
]  # fmt: skip


def _developer(index: int) -> str:
    ask = _ASKS[index % len(_ASKS)]
    verb = _VERBS[index * 7 % len(_VERBS)]
    thing = _THINGS[index * 5 % len(_THINGS)]
    return ask.format(v=verb, t=thing, x=_TAILS[index * 4 % len(_TAILS)])


def _general(index: int) -> str:
    shape = _QUESTIONS[index % len(_QUESTIONS)]
    who = _WHO[index * 3 % len(_WHO)]
    text = shape.format(w=who, d=_DID[index * 5 % len(_DID)], n=_WHEN[index * 3 % len(_WHEN)])
    return text[0].upper() + text[1:]


def _long(index: int) -> str:
    parts = [
        _developer(index * 11 + step) if step % 2 else _general(index * 13 + step) for step in range(4 + index * 3)
    ]
    return " ".join(parts)


def sentences() -> list[str]:
    """The 500, in an order that does not change."""
    long = [_long(index) for index in range(12)]
    half = (COUNT - len(_SHAPES) - len(long)) // 2
    chosen = [*_SHAPES, *long, *(_developer(index) for index in range(half))]
    return chosen + [_general(index) for index in range(COUNT - len(chosen))]
