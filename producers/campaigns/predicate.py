"""The predicate language: comparisons of signals with constants, joined by and, or, not.

    or_     = and_ { "or" and_ }
    and_    = not_ { "and" not_ }
    not_    = "not" not_ | "(" or_ ")" | compare
    compare = signal ("<" | "<=" | ">" | ">=" | "==" | "!=") constant
            | signal "in" "[" constant { "," constant } "]"

No names but signals, no arithmetic, no calls: a predicate costs what its comparisons cost, and
their number is bounded. It is parsed once and compiled to closures.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from producers.campaigns.signals import KINDS, Signals
from producers.campaigns.tokens import PredicateError, Token, tokens

Test = Callable[[Signals], bool]
Constant = float | str

MAX_COMPARISONS: Final = 64
MAX_DEPTH: Final = 16
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUAL: Final = {"==": operator.eq, "!=": operator.ne}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A parsed predicate.

    Attributes:
        text: As it was written.
        holds: Whether it is true of signals. A comparison with a signal that is not known is
            false, of whichever sign; `not` turns that to true.
    """

    text: str
    holds: Test


def parse(text: str) -> Predicate:
    """Parse and compile.

    Raises:
        PredicateError: It is no predicate; the message says where, and what is wanted there.
    """
    parser = _Parser(text, tokens(text))
    test = parser.either(0)
    parser.end()
    return Predicate(text, test)


class _Parser:
    """Recursive descent over the words; the depth is bounded, so recursion is."""

    def __init__(self, text: str, words: Iterator[Token]) -> None:
        self._text, self._words = text, words
        self._next = next(words)
        self._comparisons = 0

    def either(self, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise self._wanted(f"at most {MAX_DEPTH} levels of parentheses and not")
        tests = [self._both(depth)]
        while self._takes("NAME", "or"):
            tests.append(self._both(depth))
        return _any(tests)

    def end(self) -> None:
        if self._next.kind != "END":
            raise self._wanted("'and', 'or' or the end")

    def _both(self, depth: int) -> Test:
        tests = [self._negated(depth)]
        while self._takes("NAME", "and"):
            tests.append(self._negated(depth))
        return _all(tests)

    def _negated(self, depth: int) -> Test:
        if self._takes("NAME", "not"):
            if depth >= MAX_DEPTH:
                raise self._wanted(f"at most {MAX_DEPTH} levels of parentheses and not")
            return _not(self._negated(depth + 1))
        if self._takes("SIGN", "("):
            test = self.either(depth + 1)
            self._must("SIGN", ")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise self._wanted(f"at most {MAX_COMPARISONS} comparisons")
        name = self._next.text
        if self._next.kind != "NAME" or name not in KINDS:
            raise self._wanted(f"a signal ({', '.join(KINDS)})")
        self._step()
        if self._takes("NAME", "in"):
            return _one_of(name, self._constants(name))
        sign = self._next.text
        if sign not in _ORDER and sign not in _EQUAL:
            raise self._wanted("<, <=, >, >=, ==, != or in")
        if sign in _ORDER and KINDS[name] is str:
            raise self._wanted(f"==, != or in, since {name} is a text")
        self._step()
        return _compared(name, _ORDER.get(sign) or _EQUAL[sign], self._constant(name))

    def _constants(self, name: str) -> frozenset[Constant]:
        self._must("SIGN", "[")
        found = {self._constant(name)}
        while self._takes("SIGN", ","):
            found.add(self._constant(name))
        self._must("SIGN", "]")
        return frozenset(found)

    def _constant(self, name: str) -> Constant:
        token = self._next
        if KINDS[name] is str:
            if token.kind != "TEXT":
                raise self._wanted(f"a text in double quotes, since {name} is a text")
            self._step()
            return token.text[1:-1]
        if token.kind != "NUMBER" or not isfinite(float(token.text)):
            raise self._wanted(f"a number, since {name} is one")
        self._step()
        return float(token.text)

    def _takes(self, kind: str, text: str) -> bool:
        if (self._next.kind, self._next.text) != (kind, text):
            return False
        self._step()
        return True

    def _must(self, kind: str, text: str) -> None:
        if not self._takes(kind, text):
            raise self._wanted(repr(text))

    def _step(self) -> None:
        self._next = next(self._words)

    def _wanted(self, wanted: str) -> PredicateError:
        return PredicateError(self._text, self._next.at, f"wanted {wanted}")


def _compared(name: str, holds: Callable[[Any, Any], bool], constant: Constant) -> Test:
    signal = operator.attrgetter(name)

    def test(signals: Signals) -> bool:
        value = signal(signals)
        return value is not None and holds(value, constant)

    return test


def _one_of(name: str, constants: frozenset[Constant]) -> Test:
    signal = operator.attrgetter(name)
    return lambda signals: signal(signals) in constants


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(signals: Signals) -> bool:
        for one in tests:  # noqa: SIM110 - all() over a generator costs twice as much
            if not one(signals):
                return False
        return True

    return test


def _any(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def test(signals: Signals) -> bool:
        for one in tests:  # noqa: SIM110 - as above
            if one(signals):
                return True
        return False

    return test


def _not(inner: Test) -> Test:
    return lambda signals: not inner(signals)
