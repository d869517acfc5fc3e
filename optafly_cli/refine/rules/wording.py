"""Words that leave open what is meant. Only prose is looked at: code, quotes and error texts say what they say."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.base import ALL, PROMPTS, Rule, Spot, Subject, quoted

LOOKED_AT = 4_000
"""Characters of prose in which words are looked for: a prompt says early what it wants."""
BRIEF = 120
"""Words of prose up to which an adjective is a wish; in a longer text it is mostly part of a description."""


def adjectives(subject: Subject) -> Iterator[Spot]:
    """ "faster", "better", "clean" with no measure in the sentence."""
    view = subject.view
    if view.words > BRIEF:
        return
    for match in vague_words(view):
        yield Spot(*match.span(), f"{quoted(match.group())} has no measure: say how much, or how to tell.")


def vague_words(view: PromptText) -> Iterator[re.Match[str]]:
    """Adjectives without a number or a comparison in their sentence."""
    for match in _patterns()["adjective"].finditer(view.prose, 0, LOOKED_AT):
        sentence = _sentence(view.text, match.start(), match.end())
        if not re.search(r"\d|\bthan\b", sentence):
            yield match


def hedges(subject: Subject) -> Iterator[Spot]:
    """ "maybe", "somehow", "or something"."""
    if subject.view.words > BRIEF:
        return
    for match in hedge_words(subject.view):
        # What only fills can go; what limits the wish ("maybe") is for the user to decide
        fix = "" if _patterns()["filler"].fullmatch(match.group()) else None
        yield Spot(*match.span(), f"{quoted(match.group().strip())} leaves open whether it is wanted.", fix)


def hedge_words(view: PromptText) -> Iterator[re.Match[str]]:
    """Words that take back half of what is said."""
    return _patterns()["hedge"].finditer(view.prose, 0, LOOKED_AT)


def placeholders(subject: Subject) -> Iterator[Spot]:
    """TODO, <your name>, a line of dots, lorem ipsum."""
    for match in placeholder_words(subject.view):
        yield Spot(*match.span("mark"), f"{quoted(match['mark'])} is a placeholder: fill it in or take it out.")


def placeholder_words(view: PromptText) -> Iterator[re.Match[str]]:
    """Text that somebody meant to fill in."""
    return _around(view.prose, _patterns()["placed"], _patterns()["placeholder"])


def open_choices(subject: Subject) -> Iterator[Spot]:
    """ "min or max", "a certain condition", "etc."."""
    if subject.view.words > BRIEF:
        return
    for match in open_words(subject.view):
        yield Spot(*match.span(), f"{quoted(match.group())} leaves the choice open: say which, or when which.")


def open_words(view: PromptText) -> Iterator[re.Match[str]]:
    """Alternatives and conditions that are not settled in their sentence."""
    for match in _patterns()["open"].finditer(view.prose, 0, LOOKED_AT):
        after = view.text[match.end() : match.end() + 60]
        if not _patterns()["settled"].match(after):
            yield match


def _around(prose: str, hint: re.Pattern[str], pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """The matches of a costly pattern, looked for only around those of a cheap one."""
    position = 0
    for match in hint.finditer(prose):
        if match.end() <= position:
            continue
        for found in pattern.finditer(prose, max(position, match.start() - _REACH), match.end() + _REACH):
            position = found.end()
            yield found
        position = max(position, match.end())


_REACH = 80


def alternatives(view: PromptText) -> int:
    """How often the prose joins two things by "or", those not counted that are one thing ("or equal", "yes or no")."""
    return sum(1 for _ in _patterns()["or"].finditer(view.prose, 0, LOOKED_AT))


def indefinite_words(view: PromptText) -> int:
    """How many words of the prose stand for something that is not said: "some", "something", "a certain"."""
    return sum(word in _INDEFINITE for word in _words(view))


def defining_words(view: PromptText) -> int:
    """How many words of the prose narrow down which one or how many: "only", "largest", "ascending"."""
    return sum(word in _DEFINING or (len(word) > 5 and word.endswith("est")) for word in _words(view))


def _words(view: PromptText) -> list[str]:
    return _patterns()["word"].findall(view.prose[:LOOKED_AT].lower())


_INDEFINITE = frozenset((
    "some", "something", "somehow", "somewhere", "sometimes", "someone", "certain", "several", "various", "arbitrary",
    "another", "similar", "different", "specific", "particular", "multiple", "appropriate", "appropriately", "relevant",
    "suitable", "proper", "properly", "stuff", "thing", "things", "process", "processed", "handle", "handles", "many",
    "few", "other", "may", "might", "could",
))  # fmt: skip
_DEFINING = frozenset((
    "most", "least", "first", "last", "exact", "exactly", "only", "each", "every", "all", "both", "neither", "none",
    "unique", "distinct", "consecutive", "minimum", "maximum", "minimal", "maximal", "ascending", "descending",
    "increasing", "decreasing", "inclusive", "exclusive", "than", "equal", "divisible", "sorted", "between", "without",
    "except", "unless", "otherwise", "if", "when", "one", "two", "three", "four", "five", "six", "seven", "eight",
    "nine", "ten", "zero", "half", "twice", "even", "odd", "prime", "positive", "negative",
))  # fmt: skip


def _sentence(text: str, start: int, end: int) -> str:
    """The sentence around an offset, at most 200 characters to each side."""
    before = re.split(r"[.!?\n](?=\s)", text[max(0, start - 200) : start])[-1]
    after = re.split(r"[.!?](?=\s)|\n", text[end : end + 200])[0]
    return before + text[start:end] + after


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    opposites = (
        "min(?:imum|imal)?/max(?:imum|imal)?", "smallest/largest|biggest", "first/last", "ascending/descending",
        "increasing/decreasing", "odd/even", "left/right", "before/after", "inclusive/exclusive", "include/exclude",
        "add/remove|subtract", "keep/ignore|remove|drop|discard", "sum/product|difference", "uppercase/lowercase",
        "upper/lower", "positive/negative|zero", "true/false", "start/end", "beginning/end", "prefix/suffix",
        "rows?/columns?", "encode/decode", "longest/shortest", "highest/lowest", "oldest/newest", "multiply/divide|add",
        "vowels?/consonants?", "horizontal(?:ly)?/vertical(?:ly)?", "clockwise/counter-?clockwise", "round up/down",
    )  # fmt: skip
    pairs = []
    for pair in opposites:
        one, other = pair.split("/")
        pairs.append(rf"(?:{one})(?:\s\w+)?\sor\s(?:the\s)?(?:{other})|(?:{other})(?:\s\w+)?\sor\s(?:the\s)?(?:{one})")
    unsaid = (
        r"(?:(?:an?|some|the|in)\s)?(?:certain|specific|particular|special|some\s+(?:kind|sort|type)\s+of|some\s+other)\s(?:\w+\s)?"
        r"(?:conditions?|criteri(?:a|on)|ways?|orders?|numbers?|values?|rules?|requirements?|operations?|types?|kinds?|"
        r"formats?|amounts?|propert(?:y|ies)|patterns?|manner|thresholds?|ranges?|positions?|sets?|elements?|cases?|actions?|"
        r"points?|characters?|letters?|words?|items?|times|intervals?|subsets?|parts?|relationship|function|result|digits?)"
    )
    return {
        "adjective": re.compile(
            r"\b(?:(?:much |more |as |very |really )?(?:fast(?:er)?|better|nicer|clean(?:er)?|robust|scalable"
            r"|efficient(?:ly)?|"
            r"optimal|performant|elegant|readable|user[- ]friendly|intuitive|seamless|modern|beautiful|good|great|"
            r"high[- ]quality|production[- ]ready|state[- ]of[- ]the[- ]art|flexible|simpler|quick(?:er)?"
            r"|lightweight|secure))"
            r"\b(?! practice|[- ]?forward|\s+api\b| to know| morning| question)",
            re.I,
        ),
        "hedge": re.compile(
            r"\b(?:basically |(?<!what )(?<!a )(?<!this )(?<!that )(?<!some )(?<!any )(?<!the )(?<!which )"
            r"(?:kind|sort) of (?!an? |the ))"
            r"|\b(?:maybe|perhaps|possibly|probably|somehow|i think|i guess|if possible|or something(?: like "
            r"that| similar)?|"
            r"or whatever|more or less|somewhat|a bit|a little bit|not sure|try to see if|might want to|could "
            r"you maybe)(?!\w)",
            re.I,
        ),
        "filler": re.compile(r"(?:kind of|sort of|basically) ", re.I),
        "placeholder": re.compile(
            r"(?P<mark>"
            # TODO as a note to fill in, not as the thing that the prompt is about ("remove the TODO comments")
            r"(?:^[ \t]*|(?<=[:(=][ \t]))(?:TODO|FIXME|TBD|TBC|XXX)\b(?=[ \t]*(?::|$|\)))|\bTBD\b"
            r"|<(?:your|insert|enter|the|fill|describe|add|some)[ _-][\w _-]{1,40}>|<\.\.\.>|\(\.\.\.\)"
            r"|\[(?:your|insert|enter|fill|describe)[ _-][\w _-]{1,40}\]|<placeholder>"
            r"|^[ \t]*\.\.\.[ \t]*$|\b[Ll]orem ipsum\b)",
            re.M,
        ),
        "placed": re.compile(r"TODO|FIXME|TB[DC]|XXX|<|\[|\.\.\.|orem ipsum"),
        "open": re.compile(
            rf"\b(?:{'|'.join(pairs)}|{unsaid})\b|\band/or\b|\betc\b\.?|\band so on\b|\bor other\b|\bwhichever\b", re.I
        ),
        "or": re.compile(
            r"\bor\b(?!\s+(?:equal|more|less|fewer|not|so|the\s+like|later|newer|earlier|above|below|higher|lower|false"
            r"|no\b)\b)",
            re.I,
        ),
        "word": re.compile(r"[a-z]{2,}"),
        "settled": re.compile(
            r"\s*(?:,\s*)?(?:depending|if\b|when\b|based on|according|as (?:given|described|shown|follows)|:|="
            r"|\d|['\"`(“]|"
            r"named\b|called\b|whether\b|of (?:this|these|each))",
            re.I,
        ),
    }


RULES = (
    Rule(
        "OPF005",
        "info",
        "adjective without a measure",
        '"Faster" or "cleaner" can always be claimed. Say how much, compared with what, or how it will be judged.',
        adjectives,
        bad="Make parse_port() faster",
        better="Make parse_port() at least twice as fast for 1,000 ports",
        kinds=PROMPTS,
    ),
    Rule(
        "OPF006",
        "info",
        "hedge",
        'Words such as "maybe" or "somehow" leave open whether something is wanted. Decide, or ask for options.',
        hedges,
        bad="Maybe use a set in total()",
        better="Use a set in total()",
        kinds=ALL,
    ),
    Rule(
        "OPF007",
        "warning",
        "placeholder",
        "A placeholder that was left in is either ignored or filled with an invention. Fill it in or take it out.",
        placeholders,
        bad="Write a letter to <your name> on the outage",
        better="Write a letter to the customers on the outage",
        kinds=ALL,
    ),
    Rule(
        "OPF009",
        "warning",
        "choice left open",
        'An alternative ("min or max") or a condition that is not said ("a certain order") is decided by guessing. '
        "Say which, or when which.",
        open_choices,
        bad="Return the min or max of the list",
        better="Return the max of the list",
        kinds=PROMPTS,
    ),
)
