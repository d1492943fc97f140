"""Pages of the control plane as the data plane reaches them: a backend of ours for each, and who may change things.

Owns the names of their sockets within the runtime directory, and the field that tells a page that the conditions of
`stats admin` hold: it is taken off every request first, so that no client can send it. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin import model
from tenbin.model.rules import Act, Rule, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.model import Backend, Config
    from tenbin.model.expression import Expression

METRICS = "prometheus-exporter"
"""The service that gives figures to Prometheus."""
ALLOWED = "x-tenbin-page-admin"
"""The field with which the data plane tells a page that changes are allowed."""


def socket_name(place: int) -> str:
    """Return the name of a page's socket; `place` counts the services."""
    return f"page{place}.sock"


def services(config: Config) -> tuple[str, ...]:
    """Return the services that rules lead to, in order."""
    if config.compat is None:
        return ()
    pages = [page.service for page in config.compat.pages]
    used = {rule.act.name for rule in _requests(config) if rule.act.verb is Verb.SERVICE}
    return (*pages, *([METRICS] if METRICS in used else []))


def with_services(config: Config, directory: str) -> Config:
    """Return a configuration with the backends of its pages, whose sockets are in this directory."""
    names = services(config)
    if not names or not directory:
        return config
    present = {backend.name for backend in config.backends}
    added = tuple(
        _backend(name, f"{directory}/{socket_name(place)}") for place, name in enumerate(names) if name not in present
    )
    rules: dict[str, list[Expression]] = {}
    for service, when in config.compat.admin_rules if config.compat is not None else ():
        rules.setdefault(service, []).append(when)
    frontends = tuple(
        replace(one, rules=replace(one.rules, request=_told(one.rules.request, rules))) for one in config.frontends
    )
    backends = tuple(
        replace(one, rules=replace(one.rules, request=_told(one.rules.request, rules))) for one in config.backends
    )
    return replace(config, frontends=frontends, backends=(*backends, *added))


def _told(rules: tuple[Rule, ...], admin: dict[str, list[Expression]]) -> tuple[Rule, ...]:
    return tuple(made for rule in rules for made in _before(rule, admin))


def _before(rule: Rule, admin: dict[str, list[Expression]]) -> Iterator[Rule]:
    if rule.act.verb is Verb.SERVICE:
        yield Rule(rule.when, Act(Verb.DEL_HEADER, name=ALLOWED, method="str"), rule.position)
        for when in admin.get(rule.act.name, ()):
            both = when if rule.when is None else model.All((rule.when, when))
            yield Rule(both, Act(Verb.SET_HEADER, name=ALLOWED, value=model.Const("1")), rule.position)
    yield rule


def _requests(config: Config) -> Iterator[Rule]:
    for frontend in config.frontends:
        yield from frontend.rules.request
    for backend in config.backends:
        yield from backend.rules.request


def _backend(name: str, path: str) -> Backend:
    second = model.Duration(1000)
    server = model.Server(
        name="<STATS>",
        address=model.UnixAddress(path),
        weight=1,
        backup=False,
        max_connections=0,
        max_queue=0,
        passive=None,
        cookie="",
        admin=model.Admin.READY,
        unchecked=True,
    )
    return model.Backend(
        name=name,
        mode=model.Mode.HTTP,
        balance=model.Balance(
            policy=model.Policy.ROUND_ROBIN,
            draws=2,
            ip_form=model.IpHashForm.FNV1A,
            key=None,
            method=model.HashMethod.CONSISTENT,
            load_factor=0,
            decay=second,
            error_penalty=second,
        ),
        servers=(server,),
        sticky=None,
        drain_sticky=False,
        check=None,
        connect=second,
        server=model.Duration(10_000),
        queue=second,
        tunnel=second,
        max_queue=0,
        retry=model.Retry(0, (), 100),
        pool=model.Pool(model.Reuse.NEVER, 1, second),
        limits=model.BackendLimits(32_768, 100),
        eject=None,
        slow_start=model.Duration(0),
        on_down=model.OnDown.KEEP,
    )
