"""The unit of code around some lines, in many languages and in odd text."""

import ast
import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.workspace.types import LineRange
from optafly_cli.workspace.units import BLOCK_LINES, OUTER_FUNCTION_LINES, enclosing_unit

# Each unit of a sample begins with a line that has "«N" and ends with one that has "N»"; a line "?N" points into it.
# The marks are taken out. Lines without a unit of their own are not pointed at.
SAMPLES = {
    "python": '''
import os«1
import sys?1 1»

LIMITS = {«2
    "a": 1,?2

    "b": 2,
}2»

# why?3«3
@decorator(
    one=1,?3
)
def outer(a,?3
          b):
    """Doc.

unindented text?3
    """
    def inner():
        return a

    return inner()?3 3»

class Small:?4«4
    x = 1?4

    @property?5«5
    async def m(self):
        return 2?5 5»
4»

if __name__ == "__main__":?6«6
    outer(1, 2)

    print("x")?6 6»
''',
    "rust": """
use std::fs;?1«1 1»

#[derive(Debug)]?2«2
struct P {
    a: u32,?2
}2»

/// Reads.?3«3
#[inline]
pub(crate) fn read<'a, T>(
    path: &'a str,?3
) -> Result<T>
where
    T: Clone,
{
    let s = r#"
{
  "a": 1?3
}
"#;
    items.iter().for_each(|x| {
        call(x);?3
    });
}3»

impl P {
    fn one(&self) -> u32 {«4
        'a'.len()?4
    }4»

    fn two(&self) {«5
        let t = "}";?5
    }5»
}
""",
    "go": """
func (r *T) Foo(x int) error {?1«1
	s := `
}
`?1
	go func() {
		call(x)?1
	}()
	return nil
}1»

type T struct {?2«2
	a int?2
}2»
""",
    "javascript": """
const a = require('a');?1«1
const b = `x {`;?1 1»

export default async function main(x) {«2
  return x.map((y) => {
    return y.replace(/[`"'{]/g, '');?2
  });
}2»

const handler = async ({ a, b }) => {«3
  await a;?3
};3»

class A extends B {
  #hidden (x) {«4
    return x;?4
  }4»

  static async get(
    id,
  ) {?5«!5
    return id;
  }
}

describe('a', () => {«6
  it('b', () => {
    expect(1);?6
  });
});6»
""",
    "typescript": """
export abstract class A<T> {
  private readonly x: Map<string, T> = new Map();

  constructor(private y: string) {«1
    super();?1
  }1»

  @Input()?2«2
  get value(): Promise<T> {
    return this.x;?2
  }2»
}

export const f = (x: number): string => {«3
  return `${x}`;?3
};3»
""",
    "java": """
package a;

public class A {
    /**?1«1
     * Doc?1
     */
    @Override
    public <T extends B> void run(int a,
            int b)
            throws IOException {?1
        if (a) {
            b();?1
        } else {
            c();?1
        }
    }1»

    private static int two() { return 2; }?2«2 2»
}
""",
    "c": """
#include <stdio.h>?1«1
#define X 1?1 1»

static int?2«2
add(int a,
    int b)
{
#ifdef X
	if (a) {?2
		goto out;
	}
#endif
out:
	return a + b;?2
}2»

struct point {?3«3
	int x;?3
};3»
""",
    "unindented c": """
int main(){«1
for(;;){
if(x){?1
printf("%d}",i);
}
}
return 0;?1
}1»

void g(){«2
h();?2
}2»
""",
    "cpp": """
namespace a {

template <typename T>?1«1
Foo<T>::Foo(int a)
    : a_(a),
      b_(2)?1
{
    std::sort(v.begin(), v.end(), [](int x, int y) {
        return x < y;?1
    });
}1»

class B {
 public:
  int operator()(int a) const {«2
    return a;?2
  }2»
};

}  // namespace a
""",
    "csharp": """
namespace A
{
    public class B
    {
        [Fact]?1«1
        public async Task<int> Run(string a)
        {
            return 1;?1
        }1»
    }
}
""",
    "ruby": """
module A
  class B
    # Doc?1«1
    def call(x)
      x.each do |y|
        puts y?1
      end
    rescue E
      nil?1
    end1»

    def self.two?2«2
      2
    end2»
  end
end
""",
    "php": """
class A
{
    public function one(array $a): ?string«1
    {
        foreach ($a as $b) {
            echo "{$b}";?1
        }
    }1»
}

function &two($x) {«2
    return $x;?2
}2»
""",
    "shell": """
usage() {«1
  cat <<TXT
Usage: x?1
  {a}

TXT
  exit 1?1
}1»

function build {«2
  for f in "$1"/*; do
    echo "$f"?2
  done
}2»

build "$@"?3«3 3»
""",
    "kotlin": """
class A(val x: Int) {
    @Test fun first() {«1
        run { it ->
            check(it)?1
        }
    }1»

    suspend fun <T> List<T>.second(): T {«2
        return first()?2
    }2»
}
""",
    "swift": """
struct A {
    init(x: Int) {«1
        self.x = x?1
    }1»

    /// Doc?2«2
    @discardableResult
    func run<T>(_ f: (T) -> Void) -> Int where T: Equatable {
        items.forEach { item in
            print(item)?2
        }
        return 1
    }2»

    static func == (a: A, b: A) -> Bool {«3
        return true?3
    }3»
}
""",
    "css": """
.foo:hover {«1
  color: red;?1
}1»

#id .bar {«2
  color: blue;?2
}2»
""",
    "markdown": """
# Title?1«1 1»

Some text that is?2«2
a paragraph.?2 2»

- one?3«3
  more?3
- two3»
""",
    "yaml": """
on: push?1«1
jobs:
  build:
    steps:
      - run: x?1

      - run: y1»

other: 1?2«2 2»
""",
}


def parse(sample: str) -> tuple[list[str], dict[str, list[int]], dict[str, tuple[int, int]]]:
    """A sample without its marks: its lines, the lines that point into each unit, the units."""
    lines: list[str] = []
    points: dict[str, list[int]] = {}
    starts: dict[str, int] = {}
    ends: dict[str, int] = {}
    for raw in sample.strip("\n").split("\n"):
        line = raw
        if line.strip() in {f"{n}»" for n in range(10)}:
            ends[line.strip()[0]] = len(lines)
            continue
        for name in "123456789":
            number = len(lines) + 1
            if f"?{name}" in line:
                points.setdefault(name, []).append(number)
            if f"«{name}" in line:
                starts[name] = number
            if f"{name}»" in line:
                ends[name] = number
            for mark in (f"?{name}", f"«!{name}", f"«{name}", f" {name}»", f"{name}»"):
                line = line.replace(mark, "")
        lines.append(line)
    return lines, points, {name: (start, ends[name]) for name, start in starts.items() if name in ends}


@pytest.mark.parametrize("language", SAMPLES)
def test_the_unit_around_a_line(language: str) -> None:
    """Function, method without its class, small type, paragraph: as marked in the samples."""
    lines, points, units = parse(SAMPLES[language])
    assert units
    for name, (start, end) in units.items():
        for point in points[name]:
            found = enclosing_unit(lines, LineRange(point, point))
            assert (found.start, found.end) == (start, end), f"line {point}: {lines[point - 1]}"


@pytest.mark.parametrize("language", SAMPLES)
def test_what_stands_elsewhere_does_not_matter(language: str) -> None:
    """Whole pieces added before and after, set off by blank lines, change no unit's text."""
    lines, points, units = parse(SAMPLES[language])
    for above in (["# a comment"], ["x = 1", "", "y = 2", ""], ["/* it's", " * open */"], ["text that is not code"]):
        for name in units:
            for point in points[name]:
                unit = enclosing_unit(lines, LineRange(point, point))
                moved = [*above, "", *lines, "", *above]
                at = point + len(above) + 1
                found = enclosing_unit(moved, LineRange(at, at))
                assert moved[found.start - 1 : found.end] == lines[unit.start - 1 : unit.end]


def test_a_range_over_several_units_takes_them_all() -> None:
    """From the first unit's start to the last unit's end; within one unit, that unit."""
    lines, _, _ = parse(SAMPLES["rust"])
    one, two = (next(n for n, line in enumerate(lines, 1) if text in line) for text in ("'a'.len()", 'let t = "}"'))
    assert enclosing_unit(lines, LineRange(one, two)) == LineRange(one - 1, two + 1)
    assert enclosing_unit(lines, LineRange(one - 1, one)) == LineRange(one - 1, one + 1)


def test_a_long_class_gives_its_header_only() -> None:
    """Over BLOCK_LINES the header and what directly follows it; a method in it is itself."""
    method = ["", "    def m{n}(self):", "        return {n}"]
    body = [line.replace("{n}", str(n)) for n in range(BLOCK_LINES) for line in method]
    lines = ["@final", "class Big:", '    """Doc."""', "    x = 1", *body]
    assert enclosing_unit(lines, LineRange(2, 2)) == LineRange(1, 4)
    assert enclosing_unit(lines, LineRange(7, 7)) == LineRange(6, 7)


def test_a_function_in_a_long_function_is_its_own_unit() -> None:
    """A closure belongs to its function while that is short, else the innermost named function is taken."""
    inner = ["    def inner():", "        return 1", ""]
    short = ["def outer():", *inner, "    return inner"]
    long = ["def outer():", *inner, *["    x = 1"] * OUTER_FUNCTION_LINES, "    return inner"]
    assert enclosing_unit(short, LineRange(3, 3)) == LineRange(1, 5)
    assert enclosing_unit(long, LineRange(3, 3)) == LineRange(2, 3)
    assert enclosing_unit(long, LineRange(10, 10)) == LineRange(1, len(long))


def test_a_blank_line_inside_belongs_outside_is_alone() -> None:
    """Inside of a function it is the function's; between two functions it is itself."""
    lines = ["def a():", "    x = 1", "", "    return x", "", "def b():", "    pass"]
    assert enclosing_unit(lines, LineRange(3, 3)) == LineRange(1, 4)
    assert enclosing_unit(lines, LineRange(5, 5)) == LineRange(5, 5)


def test_long_data_is_cut_around_the_line() -> None:
    """A log or a table without blank lines is not taken whole, and lines far away do not matter."""
    lines = [f"2026-01-01 line {number}" for number in range(1000)]
    unit = enclosing_unit(lines, LineRange(500, 500))
    assert unit == LineRange(460, 540)
    assert enclosing_unit(["new", *lines], LineRange(501, 501)) == LineRange(461, 541)


def test_code_that_is_not_finished_ends_before_the_next_function() -> None:
    """An open brace does not swallow the functions below."""
    lines = ["fn broken() {", "    let x = 1;", "    if x {", "", "fn fine() {", "    1", "}"]
    assert enclosing_unit(lines, LineRange(2, 2)) == LineRange(1, 3)
    assert enclosing_unit(lines, LineRange(6, 6)) == LineRange(5, 7)


@pytest.mark.parametrize(
    "lines",
    [
        ["!function(e){" * 20_000],
        ["a", "function f(){" + "x(function(){" * 20_000, "b"],
        ["(" * 300] * 300,
        ['"' * 400] * 300,
        ['"' + "\\" * 399] * 300,
        ["/*"] * 1000,
        ["`"] * 1000,
        ["@a("] * 500,
        [" " * number + "if x {" for number in range(300)],
        ["fun <" + "a" * 300 + " {"] * 200,
        ["x" * 100 + ": " + "y " * 100 + "= (=> {"] * 200,
        ["=/" + "[a" * 190] * 300,
        ["\t \tx", "  \ty", "\x0cdef f():", "\x0b", "\x85"],
    ],
)
def test_hostile_text_still_gives_a_range(lines: list[str]) -> None:
    """Minified, unbalanced, endlessly nested: a range that contains the line, without hanging."""
    for point in {1, len(lines) // 2 + 1, len(lines)}:
        unit = enclosing_unit(lines, LineRange(point, point))
        assert 1 <= unit.start <= point <= unit.end <= len(lines)


FRAGMENTS = st.sampled_from(
    (
        *(
            "def f(a):",
            "class A:",
            "    x = 1",
            "        y = 2",
            "}",
            "{",
            "fn a() {",
            "    }",
            "/*",
            " * x",
            "*/",
            "`",
        ),
        *('"""', "'''", "@d(", ")", "#[x]", "# c", "// c", "else:", "end", "  - a", "public:", "out:", "return ("),
        *("int main()", "const f = () => {", "  foo(a) {", "}, {", "case 1:", "#if X", "#endif", "where", ", b", ""),
    )
)


@settings(max_examples=400, deadline=None)
@given(st.lists(FRAGMENTS | st.text(max_size=12), max_size=25), st.integers(-3, 30), st.integers(0, 6))
def test_any_text_gives_a_range_that_holds_the_lines(lines: list[str], start: int, length: int) -> None:
    """1 ≤ start ≤ end ≤ the number of lines, and what was pointed at lies inside."""
    unit = enclosing_unit(lines, LineRange(start, start + length))
    last = max(len(lines), 1)
    assert 1 <= unit.start <= unit.end <= last
    assert unit.start <= min(max(start, 1), last) <= unit.end
    assert unit.start <= min(max(start + length, 1), last) <= unit.end


PIECES = {
    "python": [
        "import os\nimport sys",
        "# don't {\nX = [\n    1,\n\n    2,\n]",
        "@d\ndef f(a,\n      b):\n    '''Doc\n\nflat\n'''\n    if a:\n        return b\n\n    return a",
        "class A:\n    x = 1\n\n    def m(self):\n        return 1\n\n    def n(self):\n        # it's\n"
        "        return {\n            1: 2,\n        }",
        "async def g():\n    async with a as b:\n        await b",
        "try:\n    import x\nexcept ImportError:\n    x = None",
    ],
    "rust": [
        "use a::b;",
        "const X: &str = \"a {\";",
        "/// it's\n#[test]\nfn t<'a>(x: &'a str) -> char {\n    let s = r#\"\n}\n\"#;\n\n    '{'\n}",
        "impl A {\n    pub fn m(&self) {\n        self.x(|y| {\n            y\n        });\n    }\n\n    fn n() {}\n}",
        "struct P {\n    a: u32,\n}",
        "macro_rules! m {\n    ($x:expr) => {\n        $x\n    };\n}",
    ],
    "c": [
        "#include <a.h>\n#define X(a) do { \\\n\ta; \\\n} while (0)",
        "/* it's\n * a `comment`\n */\nstatic int\nf(int a)\n{\n\tif (a) {\n\t\treturn 1;\n\t}\n#ifdef X\n"
        "\tg();\n#endif\n\treturn 0;\n}",
        "struct s {\n\tint a;\n};",
        "int y = 2;",
        "static const char *names[] = {\n\t\"a\",\n\n\t\"b\",\n};",
        "void h(void) {\n  for (;;) {\n    k();\n  }\n}",
    ],
    "javascript": [
        "'use strict';",
        "const a = `it's {`;",
        "function f(x) {\n  return x.split(/['\"`]/).map((y) => {\n    return `\n${y}\n}\n`;\n  });\n}",
        "class A {\n  m() {\n    return 1;\n  }\n\n  static n({ a }) {\n    if (a) {\n      return 2;\n"
        "    } else {\n      return 3;\n    }\n  }\n}",
        "describe('a', () => {\n  it('b', () => {\n    c();\n  });\n});",
        "module.exports = {\n  f,\n\n  g: function (x) {\n    return x;\n  },\n};",
    ],
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(PIECES)), st.data())
def test_whole_pieces_elsewhere_never_change_a_unit(language: str, data: st.DataObject) -> None:
    """Pieces are added, removed and moved above and below; the unit's text stays, and edits inside change it."""
    piece = st.sampled_from(PIECES[language])
    subject = data.draw(piece)

    def build(above: list[str], below: list[str]) -> tuple[list[str], int]:
        lines = "\n\n".join([*above, subject, *below]).split("\n")
        return lines, sum(part.count("\n") + 2 for part in above)

    point = data.draw(st.sampled_from([number for number, line in enumerate(subject.split("\n"), 1) if line.strip()]))
    texts = []
    for _ in range(2):
        lines, offset = build(data.draw(st.lists(piece, max_size=4)), data.draw(st.lists(piece, max_size=4)))
        unit = enclosing_unit(lines, LineRange(point + offset, point + offset))
        texts.append(lines[unit.start - 1 : unit.end])
    assert texts[0] == texts[1]
    edited = data.draw(st.integers(unit.start, unit.end))
    changed = [*lines[: edited - 1], lines[edited - 1] + " changed", *lines[edited:]]
    found = enclosing_unit(changed, LineRange(point + offset, point + offset))
    assert changed[found.start - 1 : found.end] != texts[1]


def standard_library(count: int) -> list[Path]:
    """A fixed choice of the standard library's modules, real code by many hands."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    found = sorted(path for name in ("*.py", "email/*.py", "json/*.py", "asyncio/*.py") for path in folder.glob(name))
    return random.Random(7).sample(found, count)


def test_units_in_the_standard_library_are_its_functions() -> None:
    """Against Python's own parser: the unit of a line in a function ends where a function around it ends."""
    right = wrong = 0
    for path in standard_library(25):
        text = path.read_text("utf-8")
        lines = text.split("\n")
        functions = [
            (min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.end_lineno or 0)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for point in random.Random(1).sample(range(1, len(lines) + 1), 12):
            around = [(start, end) for start, end in functions if start <= point <= end]
            if around and lines[point - 1].strip():
                unit = enclosing_unit(lines, LineRange(point, point))
                if any(unit.start <= start and unit.end == end for start, end in around):
                    right += 1
                else:
                    wrong += 1
    assert right > 100
    assert wrong <= right * 0.02


def test_edits_elsewhere_in_the_standard_library_leave_units_alone() -> None:
    """A top-level statement that is removed, or a function that is added, elsewhere in a real module."""
    checked = 0
    chance = random.Random(3)
    added = ["def added(x):", '    """It\'s."""', "    return {", "        1: x,", "    }", ""]
    for path in standard_library(25):
        text = path.read_text("utf-8")
        lines = text.split("\n")
        body = ast.parse(text).body
        covered = {line for node in body for line in range(node.lineno, (node.end_lineno or 0) + 1)}
        gaps = [number for number, line in enumerate(lines, 1) if not line.strip() and number not in covered]
        for point in chance.sample(range(1, len(lines) + 1), 6):
            unit = enclosing_unit(lines, LineRange(point, point))
            gap = chance.choice(gaps)
            if not lines[point - 1].strip() or unit.start - 1 <= gap <= unit.end:
                continue
            moved = [*lines[:gap], *added, *lines[gap:]]
            at = point + (len(added) if gap < point else 0)
            found = enclosing_unit(moved, LineRange(at, at))
            assert moved[found.start - 1 : found.end] == lines[unit.start - 1 : unit.end], f"{path}:{point} gap {gap}"
            checked += 1
    assert checked > 80
