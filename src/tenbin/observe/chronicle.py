"""Tells the logs of a configuration in HAProxy's language what HAProxy tells them about servers.

Owns which proxy's `log` targets an event belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.observe.haproxy import told
from tenbin.observe.syslog import Posts, wrapped

if TYPE_CHECKING:
    from tenbin.clock import Clock
    from tenbin.model import Config, Proxy
    from tenbin.observe.haproxy import Told
    from tenbin.observe.sentences import Sentence


class Chronicle:
    """Writes to whatever targets the configuration in force has; silent for other languages."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._posts = Posts()
        self._proxies: dict[str, Proxy] = {}

    def follow(self, config: Config) -> None:
        """Tell these targets from now on."""
        proxies = config.compat.proxies if config.compat is not None else ()
        self._proxies = {proxy.name: proxy for proxy in proxies if proxy.logs}

    def tell(self, sentence: Sentence) -> None:
        """Write one event where it belongs, if HAProxy has words for it."""
        if not self._proxies:
            return
        for one in told(sentence.event, dict(sentence.fields)):
            proxy = self._proxies.get(one.backend)
            if proxy is not None:
                self._write(one, proxy)

    def close(self) -> None:
        """Write no more."""
        self._posts.close()

    def _write(self, one: Told, proxy: Proxy) -> None:
        at = self._clock.wall()
        for target in proxy.logs:
            line = wrapped(target, one.severity, one.line, tag=proxy.log_tag, host=proxy.log_host, at=at)
            if line:
                self._posts.send(target.address, line)
