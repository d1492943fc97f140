"""Routes: conditions, edits and actions, each with what it refers to."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from tenbin.configfile.expression import HTTP_NAMES, TCP_NAMES, Compiled, in_tcp
from tenbin.configfile.native.resolve.conditions import condition
from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.memory import counted
from tenbin.configfile.problem import Problem
from tenbin.model.expression import Concat, Const, Fetch
from tenbin.model.frontend import Mode
from tenbin.model.route import Action, Deny, HeaderEdit, HeaderVerb, Redirect, Respond, Rewrite, Route, ToBackend

if TYPE_CHECKING:
    from tenbin.configfile.native.document.route import RedirectDocument, RequestEdits, RespondDocument, RouteDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.resolve.plan import Plan
    from tenbin.configfile.native.tree import Path
    from tenbin.model.expression import Expression

_LARGEST_BODY = 1 << 20
_URL = Fetch("url")
_NEED_REQUESTS = ("prefix", "path", "host", "redirect", "respond", "request", "response", "rewrite", "strip_prefix")


class RouteResolver:
    """Resolves the routes of one frontend, which stands at `path`."""

    def __init__(self, context: Context, plan: Plan, mode: Mode) -> None:
        self._context = context
        self._plan = plan
        self._mode = mode

    def route(self, document: RouteDocument, path: Path, number: int) -> Route:
        """Resolve one route; `number` counts from 1 and names its servers if nothing else does."""
        if self._mode is Mode.TCP:
            self._check_tcp(document, path)
        if document.when is not None:
            check_names(self._context, (*path, "when"), document.when, self._mode)
        self._context.doubts((*path, "when"), document.when)
        return Route(
            when=counted(condition(document), self._mode),
            request=self._edits(document.request, (*path, "request")),
            answer=self._edits(document.response, (*path, "response")),
            rewrite=_rewrite(document),
            action=self._action(document, path, number),
            position=self._context.position(path),
        )

    def _check_tcp(self, document: RouteDocument, path: Path) -> None:
        for key in _NEED_REQUESTS:
            if getattr(document, key) is not None:
                message = f"`{key}` needs requests, and this frontend balances connections"
                self._context.error((*path, key), message, hint="`mode: http` reads requests", key=True)

    def _action(self, document: RouteDocument, path: Path, number: int) -> Action | None:
        if isinstance(document.backend, Compiled):
            check_names(self._context, (*path, "backend"), document.backend, self._mode)
            self._context.doubts((*path, "backend"), document.backend)
            return ToBackend("", counted(document.backend.expression, self._mode))
        if document.backend is not None:
            self._plan.use(document.backend, self._mode, (*path, "backend"))
            return ToBackend(document.backend)
        if document.backends is not None:
            hints = [*(document.prefix or ()), *(document.path or ()), *(document.host or ())]
            wanted = hints[0] if hints else f"route-{number}"
            name = self._plan.add(wanted, document.backends, (*path, "backends"))
            self._plan.use(name, self._mode, (*path, "backends"))
            return ToBackend(name)
        if document.redirect is not None:
            if document.redirect.headers:
                message = "`headers` belong to a redirect in `rules`"
                self._context.error((*path, "redirect", "headers"), message, hint="write it there", key=True)
            return self.redirect(document.redirect, (*path, "redirect"))
        if document.respond is not None:
            return self.respond(document.respond, (*path, "respond"))
        return Deny(given(document.deny.status)) if document.deny is not None else None

    def redirect(self, document: RedirectDocument, path: Path) -> Redirect:
        """Resolve a redirect that stands at `path`."""
        code = given(document.code)
        if document.scheme is not None:
            return Redirect(Concat((Const(f"{document.scheme}://"), Fetch("host"), _URL)), code)
        key = "prefix" if document.prefix is not None else "location"
        target = given(document.prefix or document.location)
        check_names(self._context, (*path, key), target, self._mode)
        self._context.doubts((*path, key), target)
        location = target.expression
        first = location.of[0] if isinstance(location, Concat) else location
        if key == "location" and not isinstance(first, Const):
            hint = "let the text begin with a slash or a host: https://example.org{url}"
            message = "whoever sends the request chooses where this redirect leads"
            self._context.warning((*path, key), message, hint=hint)
        if key == "prefix":
            parts = location.of if isinstance(location, Concat) else (location,)
            location = Concat((*parts, _URL))
        return Redirect(location, code)

    def respond(self, document: RespondDocument, path: Path) -> Respond:
        """Resolve an answer that stands at `path`."""
        body, guessed = content(self._context, document.body, document.file, path)
        headers = tuple((document.headers or {}).items())
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers = (("Content-Type", guessed), *headers)
        return Respond(given(document.status), headers, body)

    def _edits(self, document: RequestEdits | None, path: Path) -> tuple[HeaderEdit, ...]:
        """Removals come first and additions last, so that one route can replace and add."""
        if document is None:
            return ()
        edits = [HeaderEdit(HeaderVerb.REMOVE, name, Const("")) for name in document.remove_header or ()]
        for key, verb in (("set_header", HeaderVerb.SET), ("add_header", HeaderVerb.ADD)):
            values: dict[str, Compiled] = getattr(document, key) or {}
            for name, value in values.items():
                check_names(self._context, (*path, key, name), value, self._mode)
                self._context.doubts((*path, key, name), value)
                edits.append(HeaderEdit(verb, name, value.expression))
        return tuple(edits)


def check_names(context: Context, path: Path, compiled: Compiled, mode: Mode, *, early: bool = False) -> None:
    """Tell which facts of an expression are not known in a mode; what it asks to be remembered is noted.

    `early`: no request has been read yet, whatever the mode.
    """
    context.memory.note(path, compiled)
    for use in compiled.uses:
        message = expected = hint = ""
        if (early or mode is Mode.TCP) and use.name not in TCP_NAMES and not in_tcp(use.name):
            why = "no request has been read yet" if mode is Mode.HTTP else "in mode tcp there are connections"
            message = f"`{use.name}` needs requests, and {why}"
            expected = f"one of {', '.join(sorted(name for name in TCP_NAMES if '.' not in name))}"
        elif mode is Mode.HTTP and use.name in TCP_NAMES - HTTP_NAMES:
            message = f"`{use.name}` is told of connections whose TLS passes by, and in mode http it ends here"
            hint = f"it is `tls.{use.name}`"
        if message:
            problem = Problem(message, expected=expected, hint=hint, start=use.start, end=use.end)
            context.inside(path, problem)


def content(context: Context, text: str | None, name: str | None, path: Path) -> tuple[bytes, str]:
    """The body of an answer that stands at `path`, as text or in a file of that name, and its guessed Content-Type."""
    if name is None:
        return (text or "").encode(), "text/plain; charset=utf-8"
    path = (*path, "file")
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if guessed.startswith("text/"):
        guessed = f"{guessed}; charset=utf-8"
    try:
        with (context.directory / name).open("rb") as opened:
            body = opened.read(_LARGEST_BODY + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        hint = f"paths are relative to {context.directory}"
        context.error(path, f"the file cannot be read: {reason}", hint=hint)
        return b"", guessed
    if len(body) > _LARGEST_BODY:
        context.error(path, "the file is too large to be kept in memory", expected="at most 1m")
    return body, guessed


def catch_all(backend: str, position: str) -> Route:
    """The route that sends everything to one backend."""
    return _plain(None, ToBackend(backend), position)


def _plain(when: Expression | None, action: Action, position: str) -> Route:
    return Route(when=when, request=(), answer=(), rewrite=None, action=action, position=position)


def _rewrite(document: RouteDocument) -> Rewrite | None:
    """Both sides lose the slash at their end: the rest of the path brings its own."""
    if document.strip_prefix is not None:
        return Rewrite(document.strip_prefix.rstrip("/"), "")
    if document.rewrite is not None:
        return Rewrite(given(document.rewrite.prefix).rstrip("/"), given(document.rewrite.to).rstrip("/"))
    return None
