"""The words of `server` and `default-server` lines."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives import secure
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.directives.common import Arguments
    from tenbin.configfile.haproxy.draft import ServerDraft


def words(reading: Reading, made: ServerDraft, arguments: Arguments, *, default: bool) -> None:
    """Read all words; `default`: those of `default-server`, which cannot say everything."""
    line_word = "default-server" if default else "server"
    while arguments:
        word = arguments.text()
        if default and word in _NOT_DEFAULT:
            reading.warning(
                arguments.last, f"'{line_word}' : '{word}' option is not accepted in default-server sections."
            )
            arguments.skip(_NOT_DEFAULT[word])
        elif word in _WORDS:
            _WORDS[word](reading, made, arguments)
        elif word in secure.OF_SERVERS:
            secure.OF_SERVERS[word](reading, made.tls, arguments)
        elif word in _IGNORED:
            count, why = _IGNORED[word]
            place = arguments.last
            for _ in range(count):
                arguments.take()
            reading.ignored(place, f"`{word}`: {why}")
        elif word in _REFUSED:
            reading.refused(arguments.last, f"'{line_word}' : '{word}': {_REFUSED[word]}")
            return
        else:
            known = (*_WORDS, *secure.OF_SERVERS, *_IGNORED, *_REFUSED)
            reading.error(arguments.last, f"'{line_word}' : unknown keyword '{word}'.", did_you_mean(word, known))
            return


def _set(attribute: str, value: object) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(_reading: Reading, made: ServerDraft, _arguments: Arguments) -> None:
        setattr(made, attribute, value)

    return read


def _number(
    attribute: str, low: int = 0, high: int = (1 << 31) - 1
) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
        setattr(made, attribute, arguments.number(low, high))

    return read


def _time(
    attribute: str, unit: str = "ms", *, positive: bool = True
) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
        name = arguments.last.text
        value = arguments.milliseconds(unit)
        if positive and value <= 0:
            reading.error(arguments.last, f"invalid value {value} for argument '{name}' of server {made.name}.")
        setattr(made, attribute, value)

    return read


def _text(attribute: str) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
        setattr(made, attribute, arguments.text())

    return read


def _ssl(value: bool) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(_reading: Reading, made: ServerDraft, _arguments: Arguments) -> None:
        made.tls.on = value

    return read


def _send_proxy(version: int, *, tls: bool = False) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(_reading: Reading, made: ServerDraft, _arguments: Arguments) -> None:
        made.proxy_version, made.proxy_tls = version, tls

    return read


def _proxy_options(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    known = ("ssl", "cert-cn", "ssl-cipher", "cert-sig", "cert-key", "authority", "crc32c", "unique-id")
    for one in arguments.text().split(","):
        if one == "ssl":
            made.proxy_tls = True
        elif one not in known:
            message = f"'proxy-v2-options' : unknown option '{one}'."
            reading.error(arguments.last, message, did_you_mean(one, known))
        else:
            reading.ignored(arguments.last, f"`{one}` is not told to the server")


def _track(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.track = arguments.take()


def _sni(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.tls.sni = arguments.take()


def _no_sni(_reading: Reading, made: ServerDraft, _arguments: Arguments) -> None:
    made.tls.sni = None


def _verify_host(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.tls.name = arguments.text()


def _source(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    host, _, port = arguments.text().rpartition(":")
    made.source = host if port in ("", "0") and host else arguments.last.text
    if arguments and arguments.rest[0].text in ("usesrc", "interface"):
        word = arguments.take()
        arguments.take()
        reading.refused(
            word or arguments.last, "'source' with 'usesrc' or 'interface' needs rights that Tenbin does not take."
        )


def _alpn(_reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.check_alpn = tuple(arguments.text().split(","))


def _choice(attribute: str, *known: str) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
        name, text = arguments.last.text, arguments.text()
        if text not in known:
            message = f"'{name}' expects one of {', '.join(repr(one) for one in known)} but got '{text}'."
            reading.error(arguments.last, message, did_you_mean(text, known))
        else:
            setattr(made, attribute, text)

    return read


def _initial(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.initial_word = arguments.last
    _choice("initial", "fully-up", "up", "down", "fully-down")(reading, made, arguments)


def _first_address(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    made.first_word = arguments.last
    made.first = tuple(arguments.text().split(","))
    for one in made.first:
        if one not in _FIRST and not Address(one, 1).is_literal:
            message = f"'init-addr' : unknown init-addr method '{one}', supported methods are 'libc', 'last', 'none'."
            reading.error(arguments.last, message, did_you_mean(one, _FIRST))


def _networks(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    found = []
    for one in arguments.text().split(","):
        try:
            found.append(str(ip_network(one, strict=False)))
        except ValueError:
            reading.error(arguments.last, f"'resolve-net' invalid network '{one}'.")
    made.networks = tuple(found)


def _on_down(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    if arguments.text() != "shutdown-sessions":
        reading.error(arguments.last, f"'on-marked-down' expects 'shutdown-sessions' but got '{arguments.last.text}'")
    made.close_on_down = True


def _on_up(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
    if arguments.text() != "shutdown-backup-sessions":
        message = f"'on-marked-up' expects 'shutdown-backup-sessions' but got '{arguments.last.text}'"
        reading.error(arguments.last, message)
    made.close_on_up = True


def _protocol(attribute: str) -> Callable[[Reading, ServerDraft, Arguments], None]:
    def read(reading: Reading, made: ServerDraft, arguments: Arguments) -> None:
        text = arguments.text()
        if text == "fcgi":
            reading.refused(arguments.last, "FastCGI is not spoken.")
        elif text not in ("h1", "h2", "none"):
            message = f"'{arguments.last.text}' : unknown MUX protocol."
            reading.error(arguments.last, message, did_you_mean(text, ("h1", "h2")))
        setattr(made, attribute, text)

    return read


_WORDS: dict[str, Callable[[Reading, ServerDraft, Arguments], None]] = {
    "addr": _text("host"),
    "agent-addr": _text("agent_host"),
    "agent-check": _set("agent", value=True),
    "no-agent-check": _set("agent", value=False),
    "agent-inter": _time("agent_every"),
    "agent-port": _number("agent_port", 1, 65535),
    "agent-send": _text("agent_send"),
    "backup": _set("backup", value=True),
    "no-backup": _set("backup", value=False),
    "check": _set("check", value=True),
    "no-check": _set("check", value=False),
    "check-alpn": _alpn,
    "check-proto": _protocol("check_protocol"),
    "check-send-proxy": _set("check_proxy", value=True),
    "no-check-send-proxy": _set("check_proxy", value=False),
    "check-sni": _text("check_sni"),
    "check-ssl": _set("check_tls", value=True),
    "no-check-ssl": _set("check_tls", value=False),
    "cookie": _text("cookie"),
    "disabled": _set("disabled", value=True),
    "enabled": _set("disabled", value=False),
    "downinter": _time("down"),
    "error-limit": _number("error_limit", 1),
    "fall": _number("fall", 1),
    "fastinter": _time("fast"),
    "id": _number("number", 1),
    "init-addr": _first_address,
    "init-state": _initial,
    "inter": _time("inter"),
    "max-reuse": _number("max_reuse", -1),
    "maxconn": _number("maxconn"),
    "maxqueue": _number("maxqueue"),
    "minconn": _number("minconn"),
    "no-send-proxy": _send_proxy(0),
    "no-send-proxy-v2": _send_proxy(0),
    "no-send-proxy-v2-ssl": _send_proxy(0),
    "no-send-proxy-v2-ssl-cn": _send_proxy(0),
    "no-ssl": _ssl(value=False),
    "non-stick": _set("sticky", value=False),
    "stick": _set("sticky", value=True),
    "observe": _choice("observe", "none", "layer4", "layer7"),
    "on-error": _choice("on_error", "fastinter", "fail-check", "sudden-death", "mark-down"),
    "on-marked-down": _on_down,
    "on-marked-up": _on_up,
    "pool-max-conn": _number("idle", -1),
    "pool-purge-delay": _time("purge", positive=False),
    "port": _number("port", 1, 65535),
    "proto": _protocol("protocol"),
    "proxy-v2-options": _proxy_options,
    "redir": _text("redirect"),
    "resolve-net": _networks,
    "resolve-prefer": _choice("prefer", "ipv4", "ipv6"),
    "resolvers": _text("resolvers"),
    "rise": _number("rise", 1),
    "send-proxy": _send_proxy(1),
    "send-proxy-v2": _send_proxy(2),
    "send-proxy-v2-ssl": _send_proxy(2, tls=True),
    "send-proxy-v2-ssl-cn": _send_proxy(2, tls=True),
    "slowstart": _time("slow_start", "s", positive=False),
    "sni": _sni,
    "no-sni": _no_sni,
    "source": _source,
    "ssl": _ssl(value=True),
    "tcp-ut": _time("user_timeout", positive=False),
    "track": _track,
    "verifyhost": _verify_host,
    "weight": _number("weight", 0, 256),
}
_NOT_DEFAULT = {"id": 1}
_FIRST = ("last", "libc", "none")
_KERNEL = "the kernel's own settings hold"
_IGNORED = {
    "cc": (1, _KERNEL),
    "check-pool-conn-name": (1, "checks open connections of their own"),
    "check-reuse-pool": (0, "checks open connections of their own"),
    "no-check-reuse-pool": (0, "checks open connections of their own"),
    "guid": (1, "objects are known by their names"),
    "hash-key": (1, "the id of a server is its place on the ring"),
    "idle-ping": (1, "idle connections are not asked"),
    "log-bufsize": (1, "it is of mode log"),
    "log-proto": (1, "it is of rings"),
    "no-tfo": (0, "TCP fast open is not used"),
    "tfo": (0, "TCP fast open is not used"),
    "pool-conn-name": (1, "connections are kept by server"),
    "pool-low-conn": (1, "each thread keeps its own idle connections"),
    "resolve-opts": (1, "servers of one name may have the same address, and weights are those of the file"),
    "shard": (1, "it is of peers"),
    "strict-maxconn": (0, "the limit is always strict"),
    "tcp-md5sig": (1, _KERNEL),
    "ws": (1, "WebSocket goes over HTTP/1.1"),
    "set-proxy-v2-tlv-fmt": (1, "no such field is sent"),
}
_REFUSED = {
    "check-via-socks4": "SOCKS4 is not spoken",
    "socks4": "SOCKS4 is not spoken",
    "namespace": "network namespaces are not entered",
    "usesrc": "it needs rights that Tenbin does not take",
    "healthcheck": "sections `healthcheck` are not read yet",
}
