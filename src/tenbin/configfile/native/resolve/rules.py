"""Rules of frontends and backends, each document as one or more rules of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.memory import counted
from tenbin.configfile.native.resolve.plan import Plan
from tenbin.configfile.native.resolve.routes import RouteResolver, check_names
from tenbin.model.expression import Const, Expression
from tenbin.model.frontend import Mode
from tenbin.model.rules import Act, Answer, Rule, Rules, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from tenbin.configfile.expression import Compiled
    from tenbin.configfile.native.document.rules import AnswerRule, BackendRules, ConnectionRule, RequestRule
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

    AnyRule: TypeAlias = ConnectionRule | RequestRule | AnswerRule

_PLAIN = {"allow": Verb.ALLOW, "reject": Verb.REJECT, "silent_drop": Verb.SILENT_DROP}
_TARGETS = {"set_path": Verb.SET_PATH, "set_query": Verb.SET_QUERY, "set_method": Verb.SET_METHOD}
_HEADERS = {"set_header": Verb.SET_HEADER, "add_header": Verb.ADD_HEADER}
_EARLY = ("connection", "session", "content")
_PHASES = ("connection", "session", "content", "request", "answer", "after", "answer_content")


class RulesResolver:
    """Resolves the rules of one frontend or backend."""

    def __init__(self, context: Context, mode: Mode) -> None:
        self._context = context
        self._mode = mode
        # Rules name no backends.
        self._routes = RouteResolver(context, Plan(context, {}), mode)
        self._slot = 0
        self._early = False

    def rules(self, document: BackendRules | None, path: Path) -> Rules:
        """Resolve all rule sets, which stand at `path`."""
        if document is None:
            return Rules()
        sets = {phase: self._set(getattr(document, phase, None) or (), (*path, phase)) for phase in _PHASES}
        if self._mode is Mode.TCP:
            for phase in ("request", "answer", "after"):
                if sets[phase]:
                    message = f"`{phase}` needs requests, and here are connections"
                    self._context.error((*path, phase), message, hint="`mode: http` reads requests", key=True)
        delay = document.inspect_delay
        return Rules(
            connection=sets["connection"],
            session=sets["session"],
            content=sets["content"],
            request=sets["request"],
            answer=sets["answer"],
            after=sets["after"],
            answer_content=sets["answer_content"],
            inspect_delay=delay.ms if delay else 0,
            answer_inspect_delay=document.answer_inspect_delay.ms if document.answer_inspect_delay else 0,
        )

    def _set(self, documents: Sequence[AnyRule], path: Path) -> tuple[Rule, ...]:
        found: list[Rule] = []
        self._early = path[-1] in _EARLY
        for index, document in enumerate(documents):
            place = (*path, index)
            when = self._expression(document.when, (*place, "when")) if document.when is not None else None
            when = None if when == Const(value=True) else when
            position = self._context.position(place)
            found.extend(Rule(when, act, position) for act in self._acts(document, place))
        return tuple(found)

    def _acts(self, document: AnyRule, path: Path) -> Iterator[Act]:
        name = next((key for key in type(document).model_fields if key != "when" and getattr(document, key)), "")
        if not name:
            # What it should have done was wrong, and has been told.
            return
        value = getattr(document, name)
        place = (*path, name)
        match name:
            case "allow" | "reject" | "silent_drop":
                yield Act(_PLAIN[name])
            case "deny" | "tarpit":
                yield Act(Verb(name), answer=Answer(given(value.status)))
            case "respond":
                yield Act(Verb.RETURN, answer=self._answer(value, place))
            case "redirect":
                redirect = self._routes.redirect(value, place)
                yield Act(Verb.REDIRECT, value=counted(redirect.location, self._mode), number=redirect.code)
            case "remove_header":
                yield from (Act(Verb.DEL_HEADER, name=header, method="str") for header in value)
            case "track":
                yield self._track(value, place)
            case _:
                yield from self._values(name, value, place)

    def _values(self, name: str, value: object, path: Path) -> Iterator[Act]:
        """Acts whose words are texts and expressions."""
        match name, value:
            case ("set_header" | "add_header", dict()):
                for header, text in value.items():
                    yield Act(_HEADERS[name], name=header, value=self._expression(text, (*path, header)))
            case ("replace_header", dict()):
                for header, one in value.items():
                    text = self._expression(one.by, (*path, header, "by"))
                    yield Act(Verb.REPLACE_HEADER, name=header, pattern=one.pattern, template=text)
            case ("set_variable", dict()):
                for variable, one in value.items():
                    yield Act(Verb.SET_VAR, name=variable, value=self._expression(one, (*path, variable)))
            case "replace_path", one:
                text = self._expression(one.by, (*path, "by"))  # type: ignore[attr-defined]
                yield Act(Verb.REPLACE_PATH, pattern=one.pattern, template=text)  # type: ignore[attr-defined]
            case "set_map", one:
                yield self._set_map(one, path)
            case "set_status", int():
                yield Act(Verb.SET_STATUS, number=value)
            case "log_level", str():
                yield Act(Verb.SET_LOG_LEVEL, name=value)
            case "pause", time:
                yield Act(Verb.PAUSE, value=Const(time.ms))  # type: ignore[attr-defined]
            case _:
                text = self._expression(value, path)  # type: ignore[arg-type]
                yield Act(_TARGETS[name], value=text)

    def _set_map(self, document: object, path: Path) -> Act:
        name = given(document.map)  # type: ignore[attr-defined]
        error = self._context.memory.list_of(name)
        if error:
            self._context.error((*path, "map"), f"the file cannot be read: {error}")
        key = self._expression(document.key, (*path, "key"))  # type: ignore[attr-defined]
        to = self._expression(document.value, (*path, "value"))  # type: ignore[attr-defined]
        return Act(Verb.SET_MAP, name=name, value=key, to=to)

    def _track(self, document: object, path: Path) -> Act:
        name = self._context.memory.table(document.table, path)  # type: ignore[attr-defined]
        slot: int | None = document.slot  # type: ignore[attr-defined]
        if slot is None:
            slot, self._slot = self._slot, self._slot + 1
        key = self._expression(document.key, (*path, "key"))  # type: ignore[attr-defined]
        return Act(Verb.TRACK, name=name, value=key, number=slot)

    def _answer(self, document: object, path: Path) -> Answer:
        one = self._routes.respond(document, path)  # type: ignore[arg-type]
        return Answer(one.status, headers=tuple((name, Const(text)) for name, text in one.headers), body=one.body)

    def _expression(self, compiled: Compiled, path: Path) -> Expression:
        check_names(self._context, path, compiled, self._mode, early=self._early)
        self._context.doubts(path, compiled)
        return counted(compiled.expression, self._mode)
