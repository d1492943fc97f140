"""Rules of frontends and backends, each document as one or more rules of the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.native.document.rules import BESIDE, CONDITIONS, AnswerRedirectDocument, StatusDocument
from tenbin.configfile.native.resolve import acts
from tenbin.configfile.native.resolve.answers import answer
from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.memory import counted
from tenbin.configfile.native.resolve.plan import Plan
from tenbin.configfile.native.resolve.routes import RouteResolver, check_names
from tenbin.model.expression import Const, Expression
from tenbin.model.frontend import Mode
from tenbin.model.rules import Act, Answer, Rule, Rules, Verb
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from tenbin.configfile.expression import Compiled
    from tenbin.configfile.native.document.route import RedirectDocument
    from tenbin.configfile.native.document.rules import AnswerRule, BackendRules, ConnectionRule, RequestRule
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

    AnyRule: TypeAlias = ConnectionRule | RequestRule | AnswerRule

_PLAIN = {"allow": Verb.ALLOW, "reject": Verb.REJECT, "silent_drop": Verb.SILENT_DROP, "close": Verb.CLOSE}
_REPLACED = {"replace_header": Verb.REPLACE_HEADER, "replace_value": Verb.REPLACE_VALUE}
_EARLY = ("connection", "session")
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
        name = next((key for key in type(document).model_fields if key not in BESIDE and getattr(document, key)), "")
        if not name:
            # What it should have done was wrong, and has been told.
            return
        value = getattr(document, name)
        place = (*path, name)
        match name:
            case "set_variable" | "set_variable_text":
                only = ",".join(CONDITIONS[one] for one in document.only_if or ())
                yield from (replace(act, method=only) for act in self._values(name, value, place))
            case "allow" | "reject" | "silent_drop" | "close":
                yield Act(_PLAIN[name])
            case "deny" | "tarpit":
                yield Act(Verb(name), answer=answer(self._context, value, 403, place))
            case "respond":
                yield Act(Verb.RETURN, answer=answer(self._context, value, 200, place))
            case "redirect":
                yield self._redirect(value, place)
            case "remove_header":
                yield from (Act(Verb.DEL_HEADER, name=header, method="str") for header in value)
            case "track":
                yield self._track(value, place)
            case _:
                yield from self._values(name, value, place)

    def _redirect(self, document: RedirectDocument | AnswerRedirectDocument, path: Path) -> Act:
        if isinstance(document, AnswerRedirectDocument):
            location = self._expression(given(document.location), (*path, "location"))
        else:
            location = counted(self._routes.redirect(document, path).location, self._mode)
        return Act(Verb.REDIRECT, value=location, number=given(document.code), answer=self._beside(document, path))

    def _beside(self, document: RedirectDocument | AnswerRedirectDocument, path: Path) -> Answer | None:
        """The headers of a redirect."""
        if not document.headers:
            return None
        place = (*path, "headers")
        said = ((name, self._expression(text, (*place, name))) for name, text in document.headers.items())
        return Answer(given(document.code), headers=tuple(said))

    def _values(self, name: str, value: object, path: Path) -> Iterator[Act]:
        """Acts whose words are texts and expressions."""
        if name in acts.NAMED:
            for key, one in value.items():  # type: ignore[attr-defined]
                yield Act(acts.NAMED[name], name=key, value=self._expression(one, (*path, key)))
        elif name in acts.VALUES:
            yield Act(acts.VALUES[name], value=self._expression(value, path))  # type: ignore[arg-type]
        elif name in acts.PATTERNS:
            yield self._replaced(Act(acts.PATTERNS[name]), value, path)
        elif name in _REPLACED:
            for key, one in value.items():  # type: ignore[attr-defined]
                yield self._replaced(Act(_REPLACED[name], name=key), one, (*path, key))
        else:
            yield from self._plain(name, value, path)

    def _plain(self, name: str, value: object, path: Path) -> Iterator[Act]:
        match name, value:
            case "set_map", one:
                yield self._set_map(one, path)
            case "set_status", StatusDocument(status=status, reason=reason):
                yield Act(Verb.SET_STATUS, number=given(status), name=reason or "")
            case "log_level", str():
                yield Act(Verb.SET_LOG_LEVEL, name=value)
            case "pause", Duration():
                yield Act(Verb.PAUSE, value=Const(value.ms))
            case _:
                yield from acts.others(name, value, path, self._expression, self._context.memory)

    def _replaced(self, act: Act, document: object, path: Path) -> Act:
        text = self._expression(document.by, (*path, "by"))  # type: ignore[attr-defined]
        return replace(act, pattern=document.pattern, template=text)  # type: ignore[attr-defined]

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

    def _expression(self, compiled: Compiled, path: Path) -> Expression:
        check_names(self._context, path, compiled, self._mode, early=self._early)
        self._context.doubts(path, compiled)
        return counted(compiled.expression, self._mode)
