"""What building proxies needs to know of everything else, and rules that stand for options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.build.answers import DEFAULTS
from tenbin.configfile.haproxy.lexer import split
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Act, All, Compression, Expression, Rule, StatsPage, UserList, Verb

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.lines import Lines
    from tenbin.configfile.haproxy.build.tls import Files
    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.draft import ForwardDraft, ForwardedDraft, ProxyDraft, StatsDraft
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.configfile.haproxy.settings import Global
    from tenbin.model import Answer

MINUTE = 60_000
"""How long a body is waited for where nothing is said."""


@dataclass(slots=True)
class Around:
    """The reading, the global settings, and what proxies add to the configuration beside themselves."""

    reading: Reading
    settings: Global
    files: Files
    has_nameless: bool = False
    """Clients may come without an address, over a unix socket."""
    pages: list[StatsPage] = field(default_factory=list)
    userlists: list[UserList] = field(default_factory=list)
    admin_rules: list[tuple[str, Expression]] = field(default_factory=list)

    def words(self, line: Line, text: str) -> tuple[Word, ...]:
        """Words that stand for a line of the file: problems with them are told there."""
        return split(text, line.file, line.number, {}).words


def buffered(draft: ProxyDraft) -> tuple[Rule, ...]:
    """`option http-buffer-request`: the body is there before a rule looks at it, or its time has passed."""
    if not draft.options.get("http-buffer-request", False):
        return ()
    patience = draft.timeouts.get("http-request", draft.timeouts.get("client", 0))
    return (Rule(None, Act(Verb.WAIT_BODY, number=patience or MINUTE), draft.head.position),)


def compression(draft: ProxyDraft) -> Compression | None:
    """How answers of a proxy are compressed. Of algorithms that fit as well, the last one is preferred."""
    said = draft.compression
    if not said.is_wanted:
        return None
    return Compression(tuple(reversed(said.algorithms)), tuple(said.types), said.min_size, said.offload)


def answers(around: Around, draft: ProxyDraft, *, own: bool = True) -> tuple[tuple[int, Answer], ...]:
    """The answers of a proxy by status: HAProxy's own, then those of `errorfiles`, then those of its lines.

    Without `own`, as in backends, HAProxy's are left out: those of the frontend are taken then.
    """
    found = dict(DEFAULTS) if own else {}
    words = [word for word in draft.answers_of if not word.text.isdigit()]
    for word in words:
        section = around.reading.http_errors.get(word.text)
        if section is None:
            hint = did_you_mean(word.text, around.reading.http_errors)
            message = f"proxy '{draft.name}': unable to find the http-errors section '{word.text}'."
            around.reading.error(word, message, hint)
            continue
        chosen = {int(code.text) for code in draft.answers_of if code.text.isdigit() and code.line == word.line}
        found.update({code: one for code, one in section.items() if not chosen or code in chosen})
    found.update(draft.answers)
    return tuple(sorted(found.items()))


def monitor(around: Around, draft: ProxyDraft, lines: Lines) -> tuple[Rule, ...]:
    """The answers to a monitor, before all other rules."""
    word = draft.monitor_uri
    if word is None:
        return ()
    of_monitor = condition(around, lines.scope, draft.head, f"if {{ url -m str -- {quoted(word.text)} }}")
    if of_monitor is None:
        return ()
    own = dict(answers(around, draft))
    failing = [Rule(All((of_monitor, one)), Act(Verb.RETURN, answer=own[503]), word.position) for one in lines.monitor]
    silent = Rule(of_monitor, Act(Verb.SET_LOG_LEVEL, name="silent"), word.position)
    return (silent, *failing, Rule(of_monitor, Act(Verb.RETURN, answer=own[200]), word.position))


def stats_rules(around: Around, draft: ProxyDraft, scope: Scope) -> tuple[Rule, ...]:
    """The rules that lead to a page of statistics, and who may see it; the page is noted."""
    page = draft.stats
    if page is None or not scope.reads_requests:
        return ()
    service = f".stats-{draft.name}"
    here = f"{{ path_beg -- {quoted(page.uri.partition('?')[0])} }}"
    if "?" in page.uri:
        here = f"{{ pathq -m beg -- {quoted(page.uri)} }}"
    of_page = condition(around, scope, page.line, f"if {here}")
    if of_page is None:
        return ()
    rules = [_guarded(around, scope, of_page, line) for line in page.rules]
    rules.append(_login(around, scope, page, service, here))
    rules.append(Rule(of_page, Act(Verb.SERVICE, name=service), page.line.position))
    for line in page.admin:
        allowed = phrases.condition(around.reading, scope, line.words[2:], "request")
        if allowed is not None:
            around.admin_rules.append((service, allowed))
    around.pages.append(_page(draft.name, service, page))
    return tuple(rule for rule in rules if rule is not None)


def forward_rules(around: Around, draft: ProxyDraft, scope: Scope) -> tuple[Rule, ...]:
    """`option forwardfor`, `option originalto` and `option forwarded` as rules, behind all others."""
    made = []
    own = (("src", draft.forward, draft.forward_of), ("dst", draft.original, draft.original_of))
    for sample, option, of_frontends in own:
        known = [f"{{ {sample} -m found }}"] if around.has_nameless else []
        texts = [
            _forward(one, sample, [f"{{ fe_name -m str {quoted(name)} }}", *known])
            for name, one in of_frontends.items()
        ]
        for text in [_forward(option, sample, known)] if option is not None else texts:
            rule = phrases.rule(around.reading, scope, "request", around.words(draft.head, text))
            made += [rule] if rule is not None else []
    if draft.forwarded is not None:
        words = around.words(draft.forwarded.line, f"add-header forwarded {quoted(_forwarded(draft.forwarded))}")
        rule = phrases.rule(around.reading, scope, "request", words)
        made += [rule] if rule is not None else []
    return tuple(made)


def condition(around: Around, scope: Scope, line: Line, text: str) -> Expression | None:
    """A condition of our own, in HAProxy's words."""
    return phrases.condition(around.reading, scope, around.words(line, text), "request")


def quoted(text: str) -> str:
    """A word so that it is split as one."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _forward(option: ForwardDraft, sample: str, conditions: list[str]) -> str:
    text = f"add-header {quoted(option.header)} %[{sample}]"
    conditions = conditions.copy()
    if option.except_for:
        conditions.append(f"!{{ {sample} {quoted(option.except_for)} }}")
    if option.if_none:
        conditions.append(f"!{{ req.hdr({option.header}) -m found }}")
    return f"{text} if {' '.join(conditions)}" if conditions else text


def _forwarded(option: ForwardedDraft) -> str:
    """An element of RFC 7239 as a log format."""
    parts = ["proto=%[ssl_fc,iif(https,http)]"] if option.proto else []
    if option.host:
        parts.append(f'host="%[{option.host},forwarded_host]"')
    for name, node, port in (("by", option.by, option.by_port), ("for", option.of, option.of_port)):
        if node and port:
            parts.append(f'{name}="%[{node},forwarded_node(bare)]%[{port},forwarded_port]"')
        elif node:
            parts.append(f"{name}=%[{node},forwarded_node]")
    return ";".join(parts)


def _guarded(around: Around, scope: Scope, of_page: Expression, line: Line) -> Rule | None:
    """A `stats http-request` rule holds for the page only."""
    rule = phrases.rule(around.reading, scope, "request", line.words[2:])
    if rule is None:
        return None
    return Rule(of_page if rule.when is None else All((of_page, rule.when)), rule.act, rule.position)


def _login(around: Around, scope: Scope, page: StatsDraft, service: str, here: str) -> Rule | None:
    if not page.users:
        return None
    around.userlists.append(UserList(service, tuple((user, password, True, ()) for user, password in page.users)))
    around.reading.userlists.add(service)
    text = f"auth realm {quoted(page.realm)} if {here} !{{ http_auth({service}) }}"
    return phrases.rule(around.reading, scope, "request", around.words(page.line, text))


def _page(proxy: str, service: str, page: StatsDraft) -> StatsPage:
    return StatsPage(
        proxy=proxy,
        service=service,
        uri=page.uri,
        realm=page.realm,
        users=tuple(page.users),
        refresh=page.refresh,
        hide_version=page.hide_version,
        legends=page.legends,
        modules=page.modules,
        node=page.node,
        description=page.description,
        scope=tuple(page.scope),
        admin=bool(page.admin),
    )
