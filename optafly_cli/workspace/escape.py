"""Text from files and file names, made safe for a terminal.

In: any string. Out: the same string with control characters spelled out (`\\x1b`), so that a hostile file name or
source line cannot move the cursor, change colours or hide text. Idempotent: what is printable already is not changed.
"""


def _visible() -> dict[int, str]:
    # C0 and C1, DEL, and the characters that reorder or hide text: bidirectional controls and zero-width joiners.
    table = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
    table[0x0D] = "\\r"
    hidden = (0x061C, 0x200B, *range(0x200E, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF)
    table.update({code: f"\\u{code:04x}" for code in hidden})
    return table


_VISIBLE = _visible()


def printable(text: str) -> str:
    """`text` with terminal escape codes and other control characters made visible; newline and tab are kept."""
    if text.isprintable():
        return text
    # A lone surrogate stands for a byte that was not UTF-8; it can be neither printed nor encoded.
    return exact_label(text.translate(_VISIBLE))


def one_line(text: str) -> str:
    """`printable`, and newline and tab spelled out too: for a name inside a sentence."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def exact_label(name: str) -> str:
    """A file name as a label: unchanged, but bytes that are not UTF-8 become `\\udcNN`, so that it can be encoded."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
