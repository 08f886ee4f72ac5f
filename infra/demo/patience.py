"""How long the story waits: as long as something moves, and no longer."""

from collections.abc import Hashable
from typing import Final

STILL_S: Final = 120.0
"""Three times what the longest step takes without a word, the training, on a slow machine."""


class StoryError(TimeoutError):
    """The story did not come to its end; the message says what it waited for and saw last."""


class Patience:
    """Ends a wait by what was seen to move, so that a slow machine gets the time it needs.

    Times are time.monotonic(), seconds.

    Args:
        began: When the story did.
        limit_s: It ends after so long, whatever moves.
        still_s: It ends when nothing has moved for so long.
    """

    def __init__(self, began: float, limit_s: float, still_s: float = STILL_S) -> None:
        self._began, self._limit_s, self._still_s = began, limit_s, still_s
        self._moved = began
        self._stage: Hashable = None
        self._last = "nothing"

    def told(self, line: str) -> None:
        """The last sentence of the story, for whoever asks where it stopped."""
        self._last = line

    def check(self, now: float, stage: Hashable, waits_for: str) -> None:
        """Go on waiting; `stage` differs whenever something has moved.

        Raises:
            StoryError: Nothing moved for too long, or the time of the whole story is over.
        """
        if stage != self._stage:
            self._stage, self._moved = stage, now
        still_s, in_all_s = now - self._moved, now - self._began
        seen = f"it waits for {waits_for}; the last it told was: {self._last}"
        if in_all_s > self._limit_s:
            raise StoryError(
                f"the story is not over after {in_all_s:.0f} s: {seen}; "
                "give it more time with --limit-s"
            )
        if still_s > self._still_s:
            raise StoryError(
                f"the story has stood still for {still_s:.0f} s: {seen}; "
                "the logs of the workers say why"
            )
