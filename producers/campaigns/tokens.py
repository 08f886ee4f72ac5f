"""Words of the predicate language, each with where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_CHARACTERS: Final = 1_024


class PredicateError(ValueError):
    """A predicate that is not one; the message shows where and what is wanted there."""

    def __init__(self, text: str, at: int, wanted: str) -> None:
        super().__init__(f"predicate, character {at + 1}: {wanted}; found {_shown(text, at)}")


@dataclass(frozen=True, slots=True)
class Token:
    """One word. `kind` is NAME, NUMBER, TEXT, SIGN or END; `at` counts characters from 0."""

    kind: str
    text: str
    at: int


_WORDS: Final = re.compile(
    r"""(?P<SPACE>\s+)
    |(?P<NUMBER>-?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][+-]?\d{1,2})?)
    |(?P<NAME>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<TEXT>"[^"\\\x00-\x1f]*")
    |(?P<SIGN><=|>=|==|!=|<|>|\(|\)|\[|\]|,)""",
    re.VERBOSE | re.ASCII,
)


def tokens(text: str) -> Iterator[Token]:
    """Words in order, an END behind the last.

    Raises:
        PredicateError: The text is too long, or a character begins no word.
    """
    if len(text) > MAX_CHARACTERS:
        raise PredicateError(text, MAX_CHARACTERS, f"at most {MAX_CHARACTERS} characters")
    at = 0
    while at < len(text):
        found = _WORDS.match(text, at)
        if found is None:
            raise PredicateError(text, at, 'a signal, a number, a "text" or a sign')
        if found.lastgroup != "SPACE":
            yield Token(str(found.lastgroup), found.group(), at)
        at = found.end()
    yield Token("END", "", len(text))


def _shown(text: str, at: int) -> str:
    return repr(text[at : at + 20]) if at < len(text) else "its end"
