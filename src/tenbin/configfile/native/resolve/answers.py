"""Answers of Tenbin's own, by status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.routes import check_names, content
from tenbin.model.expression import Const
from tenbin.model.frontend import Mode
from tenbin.model.rules import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.configfile.native.document.answers import AnswerDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

Answers = tuple[tuple[int, Answer], ...]


def answers(context: Context, documents: Mapping[str, AnswerDocument] | None, mode: Mode, path: Path) -> Answers:
    """Resolve what stands at `path`."""
    if documents is None:
        return ()
    if mode is Mode.TCP:
        message = "`answers` are for requests, and in mode tcp there are connections"
        context.error(path, message, hint="remove it", key=True)
    found = {int(status): answer(context, one, int(status), (*path, status)) for status, one in documents.items()}
    return tuple(sorted(found.items(), key=lambda one: one[0]))


def joined(own: Answers, shared: Answers) -> Answers:
    """What stands closer by goes before what stands at the top, status by status."""
    return tuple(sorted({**dict(shared), **dict(own)}.items(), key=lambda one: one[0]))


def answer(context: Context, document: AnswerDocument, status: int, place: Path) -> Answer:
    """Resolve an answer at `place`, whose status is another one only if it says so."""
    headers = []
    for name, compiled in (document.headers or {}).items():
        check_names(context, (*place, "headers", name), compiled, Mode.HTTP)
        headers.append((name, compiled.expression))
    text = document.text
    if text is not None:
        check_names(context, (*place, "text"), text, Mode.HTTP)
    body, guessed = content(context, document.body, document.file, place)
    if (body or text is not None) and not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("Content-Type", Const(guessed)))
    said = tuple((name, value) for name, value in headers if value != Const("") or name.lower() != "content-type")
    status = document.status or status
    return Answer(status, document.reason or "", said, body, text.expression if text is not None else None)
