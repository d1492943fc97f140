"""Backends: a `backend` section, or the server side of a `listen` section."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.build import checks
from tenbin.configfile.haproxy.build.around import answers, buffered, compression, forward_rules, stats_rules
from tenbin.configfile.haproxy.build.servers import servers
from tenbin.model import (
    Backend,
    BackendLimits,
    Balance,
    CookieMode,
    Duration,
    HashFunction,
    HashKey,
    HashMethod,
    IpHashForm,
    Mode,
    OnDown,
    Policy,
    Pool,
    Protocol,
    Retry,
    Reuse,
    Rules,
    StickyCookie,
)

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.around import Around
    from tenbin.configfile.haproxy.build.lines import Lines
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.model import Check

_REUSE = {"never": Reuse.NEVER, "safe": Reuse.SAFE, "aggressive": Reuse.ALWAYS, "always": Reuse.ALWAYS}
_AFTER = {
    "conn-failure": "connect", "empty-response": "closed", "junk-response": "junk", "response-timeout": "timeout",
}  # fmt: skip
_MOST_IDLE = 1024
_TURN_AROUND = 1000
_NEED_REQUESTS = (HashKey.URI, HashKey.PARAMETER, HashKey.HEADER)
_NO_KEY = (HashKey.SOURCE, HashKey.RDP_COOKIE)


def backend(around: Around, draft: ProxyDraft, lines: Lines) -> Backend:
    """Build one."""
    mode = Mode(draft.mode)
    timeouts = draft.timeouts
    common = _common_check(around, draft)
    server_time = timeouts.get("server", 0)
    return Backend(
        name=draft.name,
        mode=mode,
        balance=_balance(around, draft, lines),
        servers=servers(around, draft, common, lines.scope),
        sticky=_cookie(around, draft),
        drain_sticky=True,
        check=common,
        connect=Duration(timeouts.get("connect", 0)),
        server=Duration(timeouts.get("tunnel", server_time) if mode is Mode.TCP else server_time),
        queue=Duration(timeouts.get("queue", timeouts.get("connect", 0))),
        tunnel=Duration(timeouts.get("tunnel", server_time)),
        max_queue=0,
        retry=_retry(draft),
        pool=_pool(draft),
        limits=BackendLimits(around.settings.buffer - around.settings.rewrite, around.settings.headers),
        eject=None,
        slow_start=Duration(0),
        on_down=OnDown.KEEP,
        protocol=_protocol(around, draft),
        rules=_rules(around, draft, lines),
        answers=answers(around, draft, own=False),
        stick=tuple(lines.stick),
        use_server=tuple(lines.use_server),
        persist=tuple(lines.persist),
        persist_down=draft.options.get("persist", False),
        all_backups=draft.options.get("allbackups", False),
        abort_on_close=draft.options.get("abortonclose", around.reading.version >= (3, 3)),
        send_name=draft.send_name,
        tarpit=timeouts.get("tarpit", 0),
        number=draft.number,
        compression=compression(draft),
        server_fin=Duration(timeouts.get("server-fin", 0)),
    )


def _rules(around: Around, draft: ProxyDraft, lines: Lines) -> Rules:
    """A `listen` section runs its rules once, on the client side; those of server bytes run here."""
    content = lines.of("answer_content")
    if draft.kind == "listen":
        return Rules(answer_content=content, answer_inspect_delay=draft.answer_inspect_delay)
    stats = stats_rules(around, draft, lines.scope)
    forwarded = forward_rules(around, draft, lines.scope) if draft.mode == "http" else ()
    waits = buffered(draft) if draft.mode == "http" else ()
    return Rules(
        content=lines.of("content"),
        request=(*waits, *lines.of("request"), *stats, *lines.redirects, *forwarded),
        answer_content=content,
        answer=lines.of("answer"),
        after=lines.of("after"),
        inspect_delay=draft.inspect_delay,
        answer_inspect_delay=draft.answer_inspect_delay,
    )


def _common_check(around: Around, draft: ProxyDraft) -> Check | None:
    """The check that most servers have."""
    if draft.check.kind == "exec" and not around.settings.programs:
        message = f"Proxy '{draft.name}': 'option external-check' unable to find required 'global.external-check'."
        around.reading.error(draft.head, message, "write `external-check` into the `global` section")
    found = [checks.check(draft, one, around.files, around.settings) for one in draft.servers if one.check]
    counted = Counter(one for one in found if one is not None)
    return counted.most_common(1)[0][0] if counted else None


def _balance(around: Around, draft: ProxyDraft, lines: Lines) -> Balance:
    said = draft.balance
    policy = said.policy or (Policy.RANDOM if around.reading.version >= (3, 3) else Policy.ROUND_ROBIN)
    key = None
    if policy is Policy.HASH:
        if draft.mode == "tcp" and said.form in _NEED_REQUESTS:
            who = f"{draft.kind} '{draft.name}'"
            message = f"Layer 7 hash not possible for {who} (needs 'mode http'). Falling back to round robin."
            around.reading.warning(draft.head, message)
            policy = Policy.ROUND_ROBIN
        elif said.key is not None:
            key = phrases.sample(around.reading, lines.scope, [said.key], "request")
    return Balance(
        policy=policy,
        draws=said.draws,
        ip_form=IpHashForm.FNV1A,
        key=key,
        method=HashMethod.HAPROXY_TREE if said.consistent else HashMethod.HAPROXY_MAP,
        load_factor=said.factor,
        decay=Duration(10_000),
        error_penalty=Duration(0),
        function=said.function or HashFunction.SDBM,
        avalanche=said.avalanche,
        form=said.form if policy is Policy.HASH else HashKey.TEXT,
        name=said.name,
        whole=said.whole,
        length=said.length,
        depth=said.depth,
        path_only=said.path_only,
        check_post=said.check_post,
        domain_only=said.domain_only,
    )


def _cookie(around: Around, draft: ProxyDraft) -> StickyCookie | None:
    said = draft.cookie
    if said is None:
        return None
    if draft.mode == "tcp":
        message = f"'cookie' statement ignored for {draft.kind} '{draft.name}' as it requires HTTP mode."
        around.reading.warning(draft.head, message)
        return None
    attributes = ["path=/", *(f"domain={one}" for one in said.domains), *said.attributes]
    return StickyCookie(
        name=said.name,
        plain=True,
        attributes=tuple(attributes),
        max_idle=Duration(said.max_idle * 1000),
        max_life=Duration(said.max_life * 1000),
        mode=CookieMode(said.mode or "read"),
        indirect=said.indirect,
        no_cache=said.no_cache,
        post_only=said.post_only,
        preserve=said.preserve,
        dynamic_key=draft.dynamic_key if said.dynamic else "",
    )


def _retry(draft: ProxyDraft) -> Retry:
    return Retry(
        attempts=draft.retries,
        statuses=tuple(int(one) for one in draft.retry_on if one.isdigit()),
        budget=100,
        redispatch=draft.redispatch,
        turn_around=min(_TURN_AROUND, draft.timeouts.get("connect", 0) or _TURN_AROUND),
        after=tuple(_AFTER[one] for one in draft.retry_on if one in _AFTER),
        unsafe_methods=True,
    )


def _pool(draft: ProxyDraft) -> Pool:
    closing = draft.options.get("http-server-close") or draft.options.get("httpclose")
    said = [one.idle for one in draft.servers if one.idle >= 0]
    reuse = Reuse.NEVER if closing or (said and max(said) == 0) else _REUSE[draft.reuse]
    purge = max((one.purge for one in draft.servers), default=5000)
    return Pool(reuse, max(said, default=_MOST_IDLE) or _MOST_IDLE, Duration(purge))


def _protocol(around: Around, draft: ProxyDraft) -> Protocol:
    """What is spoken to servers is a matter of the backend."""
    said = {_spoken(one.protocol, one.tls.alpn if one.tls.on else None) for one in draft.servers}
    if len(said) > 1:
        word = draft.servers[0].word
        if word:
            around.reading.approximated(word, "all servers of a backend are spoken to in the same way")
        return Protocol.AUTO
    return said.pop() if said else Protocol.HTTP1


def _spoken(protocol: str, alpn: tuple[str, ...] | None) -> Protocol:
    if protocol == "h2":
        return Protocol.HTTP2
    return Protocol.AUTO if alpn and "h2" in alpn else Protocol.HTTP1
