"""Operations that a text can name ("the sum of the even numbers"), as functions on values, by the words that name them.

Each table is one kind of step: what is looked at, what is kept of it (by itself, or against a second argument), what is
made of each, what it comes to, a last touch. A step that cannot be taken raises.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise as neighbours
from typing import Any

from optafly_cli.refine.examples.values import (
    NAMES,
    digits,
    divisors,
    factors,
    fibonacci,
    first,
    flat,
    is_balanced,
    is_prime,
    is_sorted,
    joined,
    pairwise,
    running,
    turned,
    upto,
    whole,
    words,
    zero_sum,
)  # fmt: skip

Step = Callable[[Any], Any]
Table = Sequence[tuple[str, Step]]
Against = Sequence[tuple[str, Callable[[Any, Any], Any]]]


class Untaken(ValueError):
    """A step is for another kind of value."""


def only(kind: type | tuple[type, ...], step: Step) -> Step:
    """The step, for values of a kind."""

    def taken(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Untaken
        return step(value)

    return taken


def below(limit: float, step: Step) -> Step:
    """The step, for numbers below a limit."""

    def taken(value: Any) -> Any:
        if value >= limit:
            raise Untaken
        return step(value)

    return taken


def _most_counted(values: Sequence[Any]) -> dict[Any, int]:
    counted = Counter(values)
    most = max(counted.values())
    return {value: times for value, times in counted.items() if times == most}


# What is looked at: an argument, or what is made of it
SOURCES: Table = (
    (r"\bwords?\b|\bsplit|\bspaces?\b|\bdelimit|\bseparated\b", words),
    (r"\b(?:letters?|characters?|vowels?|consonants?|substrings?|strings?|case)\b", only(str, list)),
    (r"\bsentences?\b", lambda v: [part.strip() for part in re.split(r"[.?!]", v) if part.strip()]),
    (r"\bdigits?\b", digits),
    (r"\bdivisors?\b|\bfactors?\b|\bdivid", divisors),
    (r"\bprime factors?\b|\bfactori[sz]ation\b|\bmultiplication\b|\bproduct of\b", factors),
    (r"\bup ?to\b|\bfrom\b|\bbetween\b|\brange\b|\bfirst\b|\bless than\b|\bsmaller\b", upto),
    (r"\bkeys?\b|\bdictionar", only(dict, list)),
    (r"\bvalues?\b", lambda v: list(v.values())),
    (r"\brows?\b|\bgrid\b|\bmatri|\bnested\b|\blists\b|\bflatten|\btuples\b|\bsublist", flat),
    (r"\beven\b", below(200, lambda v: [2 * one for one in range(1, v + 1)])),
    (r"\bodd\b", below(200, lambda v: [2 * one - 1 for one in range(1, v + 1)])),
    (r"\bnatural|\bfirst\b|\bpositive|\bfrom 1\b", below(500, lambda v: [*range(1, v + 1)])),
    (r"\bnumbers?\b|\bintegers?\b|\btotal\b", lambda v: [int(one) for one in re.findall(r"-?\d+", v)]),
)  # fmt: skip

PREDICATES: Table = (
    (r"\beven\b", lambda v: v % 2 == 0),
    (r"\bodd\b", lambda v: v % 2 == 1),
    (r"\bpositive\b", lambda v: v > 0),
    (r"\bnegative\b", lambda v: v < 0),
    (r"\bprimes?\b", is_prime),
    (r"\bvowels?\b", lambda v: len(v) == 1 and v.lower() in "aeiou"),
    (r"\bconsonants?\b", lambda v: len(v) == 1 and v.isalpha() and v.lower() not in "aeiou"),
    (r"\bupper|\bcapital", lambda v: v.isupper()),
    (r"\blower", lambda v: v.islower()),
    (r"\bdigits?\b", lambda v: v.isdigit()),
    (r"\bletters?\b|\balphabet", lambda v: v.isalpha()),
    (r"\bpalindrom", lambda v: str(v) == str(v)[::-1]),
    (r"\bintegers?\b|\bwhole numbers?\b", whole),
    (r"\bstrings?\b", lambda v: isinstance(v, str)),
    (r"\bodd (?:length|number of|size)", lambda v: len(v) % 2 == 1),
    (r"\beven (?:length|number of|size)", lambda v: len(v) % 2 == 0),
    (r"\blengths?\b.{0,40}\bprime|\bprime\b.{0,20}\blength", lambda v: is_prime(len(v))),
    (r"\bempty\b", lambda v: len(v) > 0),
    (r"\bcubes?\b", lambda v: round(abs(v) ** (1 / 3)) ** 3 == abs(v)),
    (r"\bsquares?\b", lambda v: math.isqrt(v) ** 2 == v),
)  # fmt: skip

# With a second argument
AGAINST: Against = (
    (r"\bcontain|\binclud", lambda v, other: other in v),
    (r"\b(?:start|begin)", lambda v, other: v.startswith(other)),
    (r"\bend", lambda v, other: v.endswith(other)),
    (r"\b(?:greater|more|larger|above|over|bigger|exceed)", lambda v, other: v > other),
    (r"\b(?:less|fewer|smaller|below|under|up ?to)", lambda v, other: v < other),
    (r"\bat most\b|\binclusive\b|\bor equal\b|\bup ?to\b", lambda v, other: v <= other),
    (r"\bat least\b|\bor equal\b", lambda v, other: v >= other),
    (r"\bexactly\b|\bequal|\bsame\b|\bn\b", lambda v, other: v == other),
    (r"\bexactly\b|\blength|\bdigits\b", lambda v, other: len(v) == other),
    (r"\bcommon\b|\bboth\b|\bintersect|\bshared\b|\bin the second\b", lambda v, other: v in other),
    (r"\bdivisible\b|\bmultiples?\b", lambda v, other: v % other == 0),
    (r"\bpositions?\b|\binde?x|\bindic", lambda v, other: v == other),
    (r"\bconsonants?\b", lambda v, other: sum(c.isalpha() and c.lower() not in "aeiou" for c in v) == other),
    (r"\bvowels?\b", lambda v, other: sum(c.lower() in "aeiou" for c in v) == other),
)  # fmt: skip

# A whole value with a second argument
WITH: Against = (
    (r"\blargest|\bmax|\bhighest|\bgreatest", lambda v, n: sorted(v, reverse=True)[:n]),
    (r"\bsmallest|\bmin|\blowest|\bleast", lambda v, n: sorted(v)[:n]),
    (r"\bcount|\bnumber of|\boccur|\bfrequen|\btimes\b", lambda v, x: v.count(x)),
    (r"\b[kn]'?th\b|\bindex|\bposition|\belement\b", lambda v, n: v[n]),
    (r"\b[kn]'?th\b|\bindex|\bposition|\belement\b", lambda v, n: v[n - 1]),
    (r"\b[kn]'?th\b|\bindex|\bposition|\belement\b", lambda v, n: [one[n] for one in v]),
    (r"\b[kn]'?th\b|\bposition|\bsmallest", lambda v, n: sorted(v)[n - 1]),
    (r"\bfirst\b|\bprefix|\bbeginning", lambda v, n: v[:n]),
    (r"\blast\b|\bsuffix|\bend\b", lambda v, n: v[-n:]),
    (r"\bremov|\bdelet|\bwithout\b|\bdrop", lambda v, n: v[n:]),
    (r"\bremov|\bdelet|\bwithout\b|\bdrop", lambda v, n: [*v[: n - 1], *v[n:]]),
    (r"\bremov|\bdelet|\bwithout\b|\breplac", lambda v, x: v.replace(x, "")),
    (r"\breplac|\bspaces?\b|\bblank", lambda v, x: v.replace(" ", x)),
    (r"\bsplit|\bparts?\b|\bdivid", lambda v, n: [v[:n], v[n:]]),
    (r"\bsplit|\bchunk|\bgroup|\bevery\b", lambda v, n: [v[at : at + n] for at in range(0, len(v), n)]),
    (r"\brotat|\bshift|\bcircular", turned),
    (r"\brotat|\bshift|\bcircular", lambda v, n: turned(v, -n)),
    (r"\bcontain|\bexist|\bpresent|\bwhether|\bcheck|\bin the\b", lambda v, x: x in v),
    (r"\bsub(?:list|set)|\ball\b|\bcontain", lambda v, w: all(one in v for one in w)),
    (r"\bany\b|\bcommon|\bexist|\bshare", lambda v, w: any(one in v for one in w)),
    (r"\ball\b|\bgreater|\bless|\bbelow|\bthreshold|\belements of", lambda v, x: all(one < x for one in v)),
    (r"\bappend|\badd|\bmerge|\bconcat|\bextend|\bjoin", lambda v, w: [*v, *w]),
    (r"\bappend|\badd|\bmerge|\bconcat|\bextend|\bjoin|\bafter\b", lambda v, w: [*w, *v]),
    (r"\bmerge|\bcombin|\bunion|\bdictionar", lambda v, w: {**v, **w}),
    (r"\binsert|\binterspers|\bbefore\b|\bbetween every", lambda v, x: [one for item in v for one in (item, x)][:-1]),
    (r"\binsert|\bbefore\b", lambda v, x: [one for item in v for one in (x, item)]),
    (r"\bsubtract|\bdifference|\bminus", pairwise(lambda a, b: a - b)),
    (r"\badd|\bsum", pairwise(lambda a, b: a + b)),
    (r"\bmultipl|\bproduct", pairwise(lambda a, b: a * b)),
    (r"\bdivi|\bquotient", pairwise(lambda a, b: a // b)),
    (r"\bmodul|\bremainder", pairwise(lambda a, b: a % b)),
    (r"\bmax|\blarger|\bgreater", pairwise(max)),
    (r"\babsolute|\bdifference|\bguess|\boff\b", pairwise(lambda a, b: abs(a - b))),
    (r"\bdivi|\bquotient", lambda a, b: a // b),
    (r"\bdivi|\bquotient|\bratio", lambda a, b: a / b),
    (r"\bdivisible|\bmultiple|\bdivi", lambda a, b: a % b == 0),
    (r"\bequal|\bsame\b|\bidentical", lambda a, b: a == b),
    (r"\bgreater|\bmore\b|\blarger|\bexceed", lambda a, b: a > b),
    (r"\bless\b|\bsmaller|\bfewer", lambda a, b: a < b),
    (r"\banagram|\bsame (?:characters|letters|elements)|\bpermut", lambda a, b: sorted(a) == sorted(b)),
    (r"\bsame (?:characters|letters)", lambda a, b: set(a) == set(b)),
    (r"\bopposite", lambda a, b: (a < 0) != (b < 0)),
    (r"\boverlap|\bsubstring|\boccur|\btimes\b", lambda v, x: sum(v.startswith(x, at) for at in range(len(v)))),
)  # fmt: skip

PLACES: Table = (
    (r"\b(?:even|odd)\b", lambda v: v[::2]),
    (r"\b(?:even|odd)\b", lambda v: v[1::2]),
)  # fmt: skip

MAPS: Table = (
    (r"\bsquare(?!.root)", lambda v: v * v),
    (r"\bcube", lambda v: v**3),
    (r"\bfourth|\bfifth|\bpower", lambda v: v**4),
    (r"\bfifth|\bpower", lambda v: v**5),
    (r"\bfirst\b|\binitial|\bhead\b", lambda v: v[0]),
    (r"\bsecond\b", lambda v: v[1]),
    (r"\bthird\b", lambda v: v[2]),
    (r"\blast\b|\brear\b|\bfinal|\bend\b", lambda v: v[-1]),
    (r"\bsum|\btotal|\badd", sum),
    (r"\bproduct|\bmultipl", math.prod),
    (r"\bmax|\blargest|\bgreatest", max),
    (r"\bmin|\bsmallest", min),
    (r"\bdifference|\bsubtract", lambda v: abs(v[0] - v[1])),
    (r"\bsort", sorted),
    (r"\bcapital|\bcamel|\btitle", lambda v: v.capitalize()),
    (r"\bunique|\bduplicat|\bdistinct", lambda v: list(dict.fromkeys(v))),
    (r"\babsolute\b|\bmagnitude", abs),
    (r"\bceil|\bround|\bupper int", math.ceil),
    (r"\bfloor|\btruncat|\binteger part", math.floor),
    (r"\bround|\bnearest|\bclosest", round),
    (r"\bupper", lambda v: v.upper()),
    (r"\blower", lambda v: v.lower()),
    (r"\bflip|\bswap|\breverse (?:its |the )?case|\bcase", lambda v: v.swapcase()),
    (r"\brevers|\bbackwards?\b", lambda v: v[::-1]),
    (r"\blength|\blong|\bsize", len),
    (r"\bdigits?\b", lambda v: sum(digits(v))),
    (r"\bunit digits?\b|\blast digits?\b", lambda v: abs(v) % 10),
    (r"\bincrement|\bby 1\b|\bby one\b|\bplus one\b|\bnext\b|\bsuccess", lambda v: v + 1),
    (r"\bdouble|\btwice\b", lambda v: 2 * v),
    (r"\bhalf\b|\bhalve", lambda v: v / 2),
    (r"\bascii\b|\bcode\b", ord),
    (r"\bnumbers?\b|\bintegers?\b|\bvalue\b", only(str, float)),
    (r"\bsorted\b|\bsort\b|\border", lambda v: "".join(sorted(v))),
    (r"\bnumbers?\b|\bnumeral|'zero'", lambda v: NAMES.index(v.lower())),
    (r"\bname\b|\"one\"", lambda v: NAMES[v].capitalize()),
)  # fmt: skip

REDUCTIONS: Table = (
    (r"", lambda v: v),
    (r"\bsum|\btotal|\badd\b|\badd(?:s|ing|ed)\b", sum),
    (r"\bproduct|\bmultipl", math.prod),
    (r"\bmax|\blargest|\bgreatest|\bbiggest|\bhighest|\blonger\b|\blarger\b", max),
    (r"\bmin|\bsmallest|\blowest|\bleast\b|\bsmaller\b", min),
    (r"\blongest|\blonger\b", lambda v: max(v, key=len)),
    (r"\bshortest|\bshorter\b", lambda v: min(v, key=len)),
    (r"\bcount|\bnumber of|\bhow many|\blength", len),
    (r"\bsort|\bascending|\bincreasing|\border", sorted),
    (r"\bsort|\bdescending|\bdecreasing|\brevers", lambda v: sorted(v, reverse=True)),
    (r"\brevers|\bbackward", lambda v: v[::-1]),
    (r"\bunique|\bduplicat|\bdistinct|\bonce\b", lambda v: list(dict.fromkeys(v))),
    (r"\bunique|\bonce\b|\bduplicat|\bmore than once", lambda v: [one for one in v if v.count(one) == 1]),
    (r"\bunique|\bdistinct|\bcommon", lambda v: sorted(set(v))),
    (r"\bdistinct|\bdifferent|\bunique", lambda v: len(set(v))),
    (r"\bdifference|\brange\b", lambda v: max(v) - min(v)),
    (r"\bduplicat|\brepeat|\bmore than once", lambda v: len(set(v)) != len(v)),
    (r"\bdistinct|\bunique|\bdifferent", lambda v: len(set(v)) == len(v)),
    (r"\bsame\b|\bequal|\bidentical", lambda v: len(set(map(repr, v))) == 1),
    (r"\bsecond\b", lambda v: sorted(set(v))[1]),
    (r"\bsecond\b", lambda v: sorted(set(v))[-2]),
    (r"\bonce\b|\bsingle", lambda v: first([one for one in v if v.count(one) == 1])),
    (r"\bpair|\btwo\b", lambda v: math.prod(sorted(v)[-2:])),
    (r"\bswap|\bexchange|\binterchange", lambda v: [v[-1], *v[1:-1], v[0]]),
    (r"\bfirst\b", lambda v: first([one for one in v if v.count(one) > 1])),
    (r"\bfirst\b|\brepeat", lambda v: first([one for at, one in enumerate(v) if one in v[:at]])),
    (r"\bconsecutive|\bdifference", lambda v: [two - one for one, two in neighbours(v)]),
    (r"\bperimeter|\bsquare", lambda v: 4 * v),
    (r"\barea|\bsquare", lambda v: v * v),
    (r"\bvolume|\bcube", lambda v: v**3),
    (r"\barea|\brectang", math.prod),
    (r"\bperimeter|\brectang", lambda v: 2 * sum(v)),
    (r"\bcirc|\barea", lambda v: math.pi * v * v),
    (r"\bcircum|\bperimeter", lambda v: 2 * math.pi * v),
    (r"\bhypoten|\btriangle|\bdistance", lambda v: math.hypot(*v)),
    (r"\bvolume", lambda v: math.prod(v) / 2),
    (r"\bpower of (?:two|2)|\bpowers?\b", lambda v: v > 0 and v & (v - 1) == 0),
    (r"\bdecimal|\bbinary", lambda v: int(str(v), 2)),
    (r"\bbits?\b|\bset\b|\bbinary", lambda v: bin(v).count("1")),
    (r"\baverage|\bmean\b", lambda v: sum(v) / len(v)),
    (r"\bmedian|\bmiddle", lambda v: (sorted(v)[(len(v) - 1) // 2] + sorted(v)[len(v) // 2]) / 2),
    (r"\bmost (?:common|frequent|often|repet)|\bmode\b|\bfrequen", lambda v: Counter(v).most_common(1)[0][0]),
    (r"\boccur|\bfrequen|\bcount|\brepetition|\bappear", lambda v: dict(Counter(v))),
    (r"\brolling|\brunning|\bcumulative|\bso far|\bgiven moment", lambda v: running(v, max)),
    (r"\brolling|\brunning|\bcumulative", lambda v: running(v, lambda a, b: a + b)),
    (r"\bprefix", lambda v: ["".join(v[: end + 1]) for end in range(len(v))]),
    (r"\bgreatest common|\bgcd\b", lambda v: math.gcd(*v)),
    (r"\bleast common|\blcm\b", lambda v: math.lcm(*v)),
    (r"\bdifference|\bsubtract|\bminus\b|\bless\b", lambda v: v[-1] - v[0]),
    (r"\bdifference|\bsubtract|\bminus\b|\bleft\b|\bremain|\brest\b", lambda v: v[0] - sum(v[1:])),
    (r"\bremain|\bleft\b|\brest\b|\bminus\b", lambda v: v[-1] - sum(v[:-1])),
    (r"\bmodulo|\bremainder|\bmod\b", lambda v: v[0] % v[1]),
    (r"\bpower|\bexponent|\bto the\b|\^", lambda v: below(64, lambda by: v[0] ** by)(v[1])),
    (r"\bmodulo|\bmod\b", lambda v: pow(2, v[0], v[1])),
    (r"\bconcat|\bjoin|\bcombin", lambda v: v[0] + v[1]),
    (r"\bany\b|\bsome\b|\bat least one\b|\bif there\b|\bexist", any),
    (r"\ball\b|\bevery|\bonly\b|\bif\b", all),
    (r"\bnone\b|\bno \w+", lambda v: not any(v)),
    (r"\bsort|\bascending|\bmonoton|\bincreas|\bnon-decreasing", is_sorted),
    (r"\bmonoton|\bdecreas|\bdescending", lambda v: is_sorted(v) or is_sorted(v[::-1])),
    (r"\bpalindrom|\bsame (?:backwards?|forwards?)", lambda v: v == v[::-1]),
    (r"\bbracket|\bparenthes|\bbalanced|\bclosing", is_balanced),
    (r"\bsum(?:s)? to zero|\bzero\b", lambda v: zero_sum(v, 2)),
    (r"\bthree distinct|\btriples?|\bzero\b", lambda v: zero_sum(v, 3)),
    (r"\bbelow zero|\bnegative\b|\bbalance\b", lambda v: any(one < 0 for one in running(v, lambda a, b: a + b))),
    (r"\beven and odd", lambda v: [sum(one % 2 == 0 for one in v), sum(one % 2 == 1 for one in v)]),
    (r"\bodd and even", lambda v: [sum(one % 2 == 1 for one in v), sum(one % 2 == 0 for one in v)]),
    (r"\bmost\b|\bmaximum\b|\bhighest\b", _most_counted),
    (r"\btotal\b", lambda v: v[-1] - sum(v[:-1])),
    (r"\bright[- ]angled?\b|\bright triangle", lambda v: sorted(v)[0] ** 2 + sorted(v)[1] ** 2 == sorted(v)[2] ** 2),
    (r"\btriangle", lambda v: v[0] * v[1] / 2),
    (r"\btriangle", lambda v: math.sqrt(sum(v) / 2 * math.prod(sum(v) / 2 - one for one in v))),
    (r"\bxor\b", lambda v: "".join(str(int(a != b)) for a, b in zip(v[0], v[1], strict=True))),
    (r"\bfibonacci", fibonacci),
    (r"\bfactorial", below(60, math.factorial)),
    (r"\bfactorial", below(20, lambda v: math.prod(math.factorial(one) for one in range(1, v + 1)))),
    (r"\bprime", is_prime),
    (r"\bprime factors?|\bfactor", factors),
    (r"\bprimes?\b", below(400, lambda v: [one for one in range(2, v) if is_prime(one)])),
    (r"\bcubes?\b|\bcube root", lambda v: round(abs(v) ** (1 / 3)) ** 3 == abs(v)),
    (r"\bbinary", lambda v: bin(v)[2:]),
    (r"\blength", len),
    (r"\bupper", lambda v: v.upper()),
    (r"\blower", lambda v: v.lower()),
    (r"\bflip|\bswap|\bcase\b", lambda v: v.swapcase()),
    (r"\bfirst\b", lambda v: v[0]),
    (r"\blast\b|\brightmost", lambda v: v[-1]),
    (r"\binde?x|\bindic|\bposition", lambda v: v.index(max(v))),
    (r"\binde?x|\bindic|\bposition", lambda v: v.index(min(v))),
    (r"\brescale|\btransform|\bnormali[sz]", lambda v: [(one - min(v)) / (max(v) - min(v)) for one in v]),
    (r"\brange|\bfrom (?:0|zero|1|one)\b|\bup ?to\b|\binclusive", below(400, lambda v: [*range(v + 1)])),
)  # fmt: skip

LAST: Table = (
    (r"", lambda v: v),
    (r"\bjoin|\bconcat|\bstring|\bwithout\b|\bremov|\bdelet|\bvowel|\bchar", only(list, joined)),
    (r"\bwords?\b|\bspace|\bdelimit|\bnumerals?\b", only(list, lambda v: " ".join(map(str, v)))),
    (r"\bsingle|\bconvert|\bnumber|\binteger|\bform", only((list, tuple), lambda v: int(joined(v)))),
    (r"\btuple|\bset\b|\bcommon|\bshared|\bunique|\ball\b", only((list, tuple), lambda v: sorted(v, key=repr))),
    (r"\bstring|\bconvert", only(int, str)),
    (r"\bbinary", bin),
    (r"\bdecimal|\bround", lambda v: round(v, 2)),
    (r"\bround|\binteger|\bnearest|\bclosest|\bwhole", only(float, round)),
    (r"\byes\b", lambda v: "Yes" if v else "No"),
    (r"\byes\b", lambda v: "YES" if v else "NO"),
    (r"\bprime", is_prime),
    (r"\beven\b", lambda v: v % 2 == 0),
    (r"\bodd\b", lambda v: v % 2 == 1),
    (r"\bsort|\bascending|\border", only(list, sorted)),
    (r"\bsort|\bdescending|\brevers", only(list, lambda v: sorted(v, reverse=True))),
    (r"\b(?:is|are|does|do|has|have|can) ?n[o']t\b|\bneither\b|\bunless\b", only(bool, lambda v: not v)),
    (r"\bnumber of|\bcount|\bhow many", only(list, len)),
)  # fmt: skip

TABLES: Mapping[str, Sequence[tuple[str, Any]]] = {
    "sources": SOURCES, "predicates": PREDICATES, "against": AGAINST, "with": WITH, "places": PLACES, "maps": MAPS,
    "reductions": REDUCTIONS, "last": LAST,
}  # fmt: skip

NEGATED = r"\bnot\b|without|remov|delet|exclud|ignor|except|drop|other than"
DEFAULT = (
    r"\b(?:returns?|otherwise|output|be|is)\s+(?:an?\s+)?"
    r"(?:(?P<value>-?\d+\b|none\b|\[\]|''|\"\")|empty\s+(?P<empty>list|string|array))"
)
