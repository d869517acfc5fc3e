"""What a text can name to be looked at, and which of it is kept; by the words that name it."""

import math
import re

from optafly_cli.refine.examples.values import (
    Table,
    adjacent,
    below,
    chosen,
    digits,
    divisors,
    factors,
    flat,
    is_prime,
    is_sorted,
    only,
    remainder,
    runs,
    slices,
    upto,
    whole,
    words,
)

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
    (r"\bpairs?\b|\btwo\b", lambda v: chosen(v, 2)),
    (r"\btriples?\b|\bthree\b", lambda v: chosen(v, 3)),
    (r"\bsub-?(?:lists?|arrays?|strings?|sequences?)\b|\bcontiguous|\bconsecutive", slices),
    (r"\bcolumns?\b|\btranspose", lambda v: [list(one) for one in zip(*v, strict=True)]),
    (r"\bneighbou?r|\badjacent|\bconsecutive|\bpair-?wise|\bprevious\b|\bpreced|\bnext\b", adjacent),
    (r"\bconsecutive|\bruns?\b|\bgroups?\b|\bstreak|\bin a row\b", runs),
    (r"\bitems?\b|\bentries\b|\bdictionar", lambda v: [list(one) for one in v.items()]),
    (r"\bbinary\b|\bbits?\b", lambda v: list(bin(v)[2:])),
    (r"\blines?\b", lambda v: v.splitlines()),
)  # fmt: skip

# What is kept: the values that pass, or those at some places
PREDICATES: Table = (
    (r"\beven\b", lambda v: remainder(v, 2) == 0),
    (r"\bodd\b", lambda v: remainder(v, 2) == 1),
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
    (r"\bzero", lambda v: v == 0),
    (r"\btrue\b", lambda v: v is True),
    (r"\bspaces?\b|\bblank|\bwhitespace", lambda v: v.isspace()),
    (r"\bpunctuation|\bspecial", lambda v: not v.isalnum() and not v.isspace()),
    (r"\bfloat|\bdecimal|\breal\b", lambda v: isinstance(v, float)),
    (r"\bdistinct|\bunique|\bdifferent|\brepeat", lambda v: len(set(v)) == len(v)),
    (r"\bsort|\bascending|\bincreas|\border", only((list, tuple), is_sorted)),
    (r"\bless\b|\bsmaller|\bdecreas|\bdrop", only(list, lambda v: v[0] > v[1])),
    (r"\bgreater|\blarger|\bmore\b|\bincreas", only(list, lambda v: v[0] < v[1])),
    (r"\bequal|\bsame\b|\bidentical", only(list, lambda v: len(set(v)) == 1)),
    (r"\bsum(?:s)? to zero|\badds? up to zero", lambda v: sum(v) == 0),
)  # fmt: skip

PLACES: Table = (
    (r"\b(?:even|odd)\b", lambda v: v[::2]),
    (r"\b(?:even|odd)\b", lambda v: v[1::2]),
)  # fmt: skip
