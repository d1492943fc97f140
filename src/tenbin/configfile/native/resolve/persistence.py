"""Which server a client gets before one is chosen: tables that remember it, rules that name it or free it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.memory import counted
from tenbin.configfile.native.resolve.routes import check_names
from tenbin.model.backend import PersistRule, UseServer
from tenbin.model.expression import Const
from tenbin.model.table import StickRule

if TYPE_CHECKING:
    from tenbin.configfile.expression import Compiled
    from tenbin.configfile.native.document.backend import BackendDocument
    from tenbin.configfile.native.document.persistence import StickDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.expression import Expression
    from tenbin.model.frontend import Mode


class Persistence:
    """Resolves the rules of one backend, which stands at `path`."""

    def __init__(self, context: Context, mode: Mode, path: Path) -> None:
        self._context = context
        self._mode = mode
        self._path = path

    def stick(self, document: BackendDocument) -> tuple[StickRule, ...]:
        """Resolve `stick`."""
        return tuple(self._stick(one, (*self._path, "stick", index)) for index, one in enumerate(document.stick or ()))

    def use_server(self, document: BackendDocument) -> tuple[UseServer, ...]:
        """Resolve `use_server`."""
        made = []
        for index, one in enumerate(document.use_server or ()):
            place = (*self._path, "use_server", index)
            server = self._expression(given(one.server), (*place, "server"))
            made.append(UseServer(server, self._when(one.when, place), self._context.position(place)))
        return tuple(made)

    def persist(self, document: BackendDocument) -> tuple[PersistRule, ...]:
        """Resolve `persist`."""
        return tuple(
            PersistRule(given(one.force), self._when(one.when, (*self._path, "persist", index)))
            for index, one in enumerate(document.persist or ())
        )

    def _stick(self, document: StickDocument, path: Path) -> StickRule:
        answer = document.answer_key is not None
        name = self._context.memory.table(document.table, (*path, "table") if document.table else path)
        key = self._expression(given(document.answer_key or document.key), (*path, "answer_key" if answer else "key"))
        match = not answer and document.match is not False
        return StickRule(
            match=match,
            store=given(document.store),
            answer=answer,
            key=key,
            table=name,
            when=self._when(document.when, path),
            position=self._context.position(path),
        )

    def _when(self, compiled: Compiled | None, path: Path) -> Expression | None:
        when = self._expression(compiled, (*path, "when")) if compiled is not None else None
        return None if when == Const(value=True) else when

    def _expression(self, compiled: Compiled, path: Path) -> Expression:
        check_names(self._context, path, compiled, self._mode)
        self._context.doubts(path, compiled)
        return counted(compiled.expression, self._mode)
