"""Which wrong tokens are worth a line in the journal: whoever guesses must not be able to fill it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tenbin.observe import sentences

if TYPE_CHECKING:
    from tenbin.api.pace import Rates
    from tenbin.observe.sentences import Sentence

LINES = 20
"""Lines in a window, over all sources."""


class Watch:
    """Remarks on the first wrong token of a source within the window, and on the one that shuts it out."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._said: deque[float] = deque()

    def remark(self, source: str, count: int, now: float) -> Sentence | None:
        """Return what to say about the wrong token number `count` of a source within the window."""
        while self._said and now - self._said[0] >= self._rates.window:
            self._said.popleft()
        if count not in {1, self._rates.guesses} or len(self._said) >= LINES:
            return None
        self._said.append(now)
        return sentences.wrong_token(source, count, shut_out=self._rates.window if count > 1 else 0)
