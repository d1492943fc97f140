"""Answers of one's own in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import UnsayableError, template
from tenbin.model.expression import Const

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Answer, Expression


def answers(found: Sequence[tuple[int, Answer]], position: str, notes: Notes) -> Yaml:
    """Write answers by status; what cannot be said is noted."""
    written: Yaml = {}
    for pair in found:
        status, one = pair
        try:
            written[str(status)] = _answer(status, one)
        except UnsayableError as error:
            notes.add(position, f"not said here: the answer {status}: {error}", pair)
    return written


def headers(found: Iterable[tuple[str, Expression]], *, typed: bool, answer: bool = False) -> Yaml:
    """Write headers; `typed`: there is a body, of which the native reader guesses the type unless it is told."""
    written: Yaml = {}
    for name, text in found:
        if name in written:
            raise UnsayableError("a header that is there twice")
        written[name] = template(text, answer=answer)
    names = {name.lower() for name in written}
    return {"Content-Type": "", **written} if typed and "content-type" not in names else written


def body(found: Answer) -> str:
    """The body as text, where it is the same for all."""
    try:
        return str(found.text.value) if isinstance(found.text, Const) else found.body.decode()
    except UnicodeDecodeError:
        raise UnsayableError("a body that is no text") from None


def _answer(status: int, found: Answer) -> Yaml:
    has_text = found.text is not None and not isinstance(found.text, Const)
    text = "" if has_text else body(found)
    written: Yaml = {} if found.status == status else {"status": found.status}
    if found.reason:
        written["reason"] = found.reason
    if said := headers(found.headers, typed=bool(text or has_text)):
        written["headers"] = said
    if has_text and found.text is not None:
        return {**written, "text": template(found.text)}
    return {**written, "body": text} if text else written
