"""What a line of source code is: a comment, an attribute, a label, the continuation of what stands above it.

In: one line's text, whatever its language. Out: plain answers by its first and last characters. Only for `blocks`,
`definitions` and `units`; a wrong answer gives a unit that is too small or too large, never an error.
"""

from optafly_cli.workspace.lexing import Style

HEADER_LINES = 25
_LOOK = 400

_CONTINUES = frozenset((
    "else", "elif", "elsif", "elseif", "except", "catch", "finally", "rescue", "ensure", "end", "fi", "done", "esac",
))  # fmt: skip
_CONTINUES_ADJACENT = frozenset((
    "then", "where", "and", "or", "throws", "extends", "implements", "requires", "noexcept", "do", "is", "with",
))  # fmt: skip
_ENDS = frozenset(("end", "fi", "done", "esac"))
_PREPROCESSOR = ("#include", "#define", "#undef", "#if", "#else", "#elif", "#endif", "#pragma", "#error", "#line",
                 "#region", "#endregion", "#import", "#warning")  # fmt: skip
_NO_ATTRIBUTES = ("@interface", "@implementation", "@property (", "@end", "@media", "@import", "@charset", "@keyframes")
_COMMENTS = ("//", "#", "/*", "*/", "--", ";;", "<!--", "%")


def indent(line: str) -> int:
    """The width of the white space before the text; a tab fills up to 8 columns."""
    width = len(line) - len(line.lstrip(" \t"))
    return len(line[:width].expandtabs(8)) if "\t" in line[:width] else width


def is_blank(line: str) -> bool:
    """Whether the line has nothing but white space."""
    return not line or line.isspace()


def body(line: str) -> str:
    """The line's text without indentation, no more of it than decides anything."""
    return line.lstrip()[:_LOOK].rstrip()


def first_word(text: str) -> str:
    """The leading identifier, "" when the text begins with something else."""
    end = 0
    while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
        end += 1
    return text[:end]


def is_preprocessor(text: str) -> bool:
    """A C preprocessor (or C# region) line, which stands at column 0 wherever it is."""
    return text.startswith(_PREPROCESSOR)


def is_attribute(text: str) -> bool:
    """A decorator, attribute or annotation alone on its line (or the first of its lines)."""
    if text.startswith(("#[", "#![")):
        return not text.startswith("#!")
    if text[0] == "@":
        return not text.startswith(_NO_ATTRIBUTES) and rest_of_annotation(text) == ""
    if text[0] == "[":
        return text.endswith("]") and text[1:2].isalpha()
    return text.startswith(("template<", "template <", "__attribute__", "[[")) and not text.endswith((";", "{"))


def rest_of_annotation(text: str) -> str:
    """What follows the annotation that `text` begins with; "" when it is alone or goes on below."""
    end = 1
    while end < len(text) and (text[end].isalnum() or text[end] in "_.:"):
        end += 1
    if end < len(text) and text[end] == "(":
        end = closing(text, end) + 1 or len(text)
    rest = text[end:].strip()
    return "" if rest.startswith(("#", "//")) else rest


def is_comment(text: str) -> bool:
    """A comment line, as far as its first characters tell. Attributes and preprocessor lines are none."""
    if text.startswith("#"):
        # `#method() {` in JavaScript, `#id {` in CSS
        opens = text.endswith("{") and text[1:2].isalpha()
        return not text.startswith(("#[", "#![")) and not is_preprocessor(text) and not opens
    return text.startswith(_COMMENTS) or text == "*" or text.startswith("* ")


def is_label(text: str) -> bool:
    """A jump label, an access specifier or a case, which may stand further left than what it belongs to."""
    text = text.partition("//")[0].rstrip()
    if not text.endswith(":"):
        return False
    word = first_word(text)
    return len(word) == len(text) - 1 or word in ("case", "default", "public", "private", "protected", "signals")


def continues(text: str, *, adjacent: bool) -> bool:
    """Whether the line goes on with the statement above it at the same indentation.

    `adjacent`: the line directly above is not blank.
    """
    if text[0] in "})]" or (word := first_word(text)) in _CONTINUES:
        return True
    if not adjacent:
        return False
    if text[0] in "{,?" or text.startswith(("&&", "||", "->", "=>", "|>", ": ", "?.")):
        return True
    if text[0] == ".":
        return text[1:2].isalpha() and "(" in text and not text.endswith("{")
    return word in _CONTINUES_ADJACENT


def is_keyword_continuation(text: str) -> bool:
    """`else`, `except`, `end` …: goes on with a block even after a blank line."""
    return first_word(text) in _CONTINUES


def is_end(text: str) -> bool:
    """`end`, `fi`, `done`, `esac`: closes a block as `}` does."""
    return first_word(text) in _ENDS


def style_of(text: str) -> Style:
    """How strings and comments look in the block that this header begins."""
    words = text.replace("(", " ").split(None, 6)
    first = words[0] if words else ""
    if first in ("pub", "fn", "impl", "mod", "macro_rules!", "trait") or "fn" in words[:4]:
        return "rust"
    if "def" in words[:3] or text.endswith(":") or (first in ("class", "module") and not text.endswith("{")):
        return "hash"
    return "brace"


def closing(text: str, opening: int) -> int:
    """Where the parenthesis at `opening` closes, -1 when it does not."""
    depth = 0
    for at in range(opening, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if depth == 0:
                return at
    return -1
