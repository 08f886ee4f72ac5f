"""The words of a ClickHouse statement, so that no change of it guesses in its text; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<text>'(?:[^'\\]|\\.|'')*')
    |(?P<name>`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>\d+(?:\.\d*)?)
    |(?P<sign>->|[<>!=]=|.)""",
    re.VERBOSE | re.DOTALL,
)


_HEAD: Final = ("CREATE", "ALTER", "DROP", "TABLE", "MATERIALIZED", "VIEW", "IF", "NOT", "EXISTS")


class Token(NamedTuple):
    """One word, sign, literal or stretch of white space, as written."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """A name without its quotes; anything else as written."""
        return self.text.strip('`"') if self.kind == "name" else self.text

    def says(self, *keywords: str) -> bool:
        """Whether it is one of these keywords, unquoted."""
        return self.kind == "name" and self.text.upper() in keywords


class StatementError(ValueError):
    """A statement is not of a form that can be rewritten; the message holds its begin."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as tokens; texts between them are kept, so that joining gives it back.

    Attributes:
        tokens: All of them, white space and comments too.
    """

    tokens: tuple[Token, ...]

    @classmethod
    def parse(cls, text: str) -> "Statement":
        """Tokens of a statement.

        Raises:
            StatementError: A quote is not closed.
        """
        found = tuple(Token(str(match.lastgroup), match[0]) for match in _TOKEN.finditer(text))
        if any(token.kind == "sign" and token.text in "'`\"" for token in found):
            raise StatementError(f"{text[:80]!r}: a quote is not closed")
        return cls(found)

    def __str__(self) -> str:
        return "".join(token.text for token in self.tokens)

    def places(self) -> list[int]:
        """Indices of the tokens that are not white space."""
        return [place for place, token in enumerate(self.tokens) if token.kind != "space"]

    def starts(self, words: str) -> bool:
        """Whether it begins with these keywords."""
        places = self.places()
        return next(self._behind(words, places[: len(words.split()) + 1]), None) is not None

    def after(self, words: str) -> int:
        """Index of the token behind these keywords, where they first stand outside brackets.

        Raises:
            StatementError: They do not stand there.
        """
        for place in self._behind(words, list(self.outer())):
            return place
        raise StatementError(f"{str(self)[:80]!r}: {words} is not in it")

    def names_behind(self, words: str) -> set[str]:
        """The names behind these keywords, wherever they stand."""
        return {self.tokens[place].word for place in self._behind(words, self.places())}

    def _behind(self, words: str, places: Sequence[int]) -> Iterator[int]:
        wanted = words.split()
        for at in range(len(places) - len(wanted)):
            here = [self.tokens[place] for place in places[at : at + len(wanted)]]
            if all(token.says(word) for token, word in zip(here, wanted, strict=True)):
                yield places[at + len(wanted)]

    def outer(self) -> Iterator[int]:
        """Indices of the tokens outside all brackets; the brackets themselves belong to them."""
        depth = 0
        for place in self.places():
            text = self.tokens[place].text
            depth -= text == ")"
            if depth == 0:
                yield place
            depth += text == "("

    def inside(self, bracket: int) -> list[int]:
        """Indices of the tokens between an opening bracket and the one that closes it.

        Raises:
            StatementError: There is no bracket at that index.
        """
        if self.tokens[bracket].text != "(":
            raise StatementError(f"{str(self)[:80]!r}: a bracket should stand at {bracket}")
        found, depth = [], 0
        for place in (each for each in self.places() if each >= bracket):
            depth += {"(": 1, ")": -1}.get(self.tokens[place].text, 0)
            if depth == 0:
                break
            found.append(place)
        return found[1:]

    def name(self) -> tuple[int, str]:
        """Index and name of what is made, changed or dropped.

        Raises:
            StatementError: It names nothing, or names it with its database.
        """
        places = iter(self.places())
        for place in places:
            token = self.tokens[place]
            if not token.says(*_HEAD):
                if token.kind != "name" or self.tokens[next(places, place)].text == ".":
                    break
                return place, token.word
        raise StatementError(f"{str(self)[:80]!r}: it does not name one thing of its own database")

    def columns(self) -> set[str]:
        """Names of the columns in its first brackets; the parts of their tuples are none."""
        names, depth, begins = set(), 0, True
        bracket = next(place for place in self.outer() if self.tokens[place].text == "(")
        for place in self.inside(bracket):
            token = self.tokens[place]
            if begins:
                names.add(token.word)
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            begins = depth == 0 and token.text == ","
        return names

    def replaced(self, changes: dict[int, str]) -> "Statement":
        """The same with other texts at some indices; what they hold is parsed."""
        return Statement.parse(
            "".join(changes.get(place, token.text) for place, token in enumerate(self.tokens))
        )
