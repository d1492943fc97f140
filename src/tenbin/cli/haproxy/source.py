"""The files of `-f` as a source of configurations."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.cli.haproxy.version import number
from tenbin.configfile import Outcome, haproxy
from tenbin.configfile import diagnostics as shown
from tenbin.configfile.source import Source as Text
from tenbin.errors import ConfigError, Severity
from tenbin.model import MemoryLimit
from tenbin.supervisor.source import usable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tenbin.cli.haproxy.arguments import Arguments
    from tenbin.model import Config, RuntimeSocket
    from tenbin.supervisor.source import Loaded


class UnusableError(ConfigError):
    """What is wrong, in HAProxy's shape; `fatal`: in the text of a file, rather than that there is none."""

    def __init__(self, rendered: str, *, fatal: bool = True) -> None:
        super().__init__(rendered.rstrip("\n"))
        self.rendered = rendered
        self.fatal = fatal


class Files:
    """Reads them anew each time; `warnings` are those of the last time, in HAProxy's shape."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._directory = Path.cwd()
        self.warnings = ""

    def load(self) -> Loaded:
        """Read the files; raises `UnusableError`."""
        texts = [self._text(path) for path in haproxy.files(self._existing())]
        self._tell_environment(texts)
        found = haproxy.read(
            texts, environment=os.environ, directory=self._directory, version=haproxy.version_of(os.environ)
        )
        rendered = haproxy.render(found.problems, os.getpid())
        if found.config is None:
            names = " ".join(text.name for text in texts)
            raise UnusableError(f"{rendered}{_alert(f'config : Error(s) found in configuration file : {names}')}")
        self.warnings = rendered
        config = self._limited(found.config)
        problems = shown.in_order(problem.diagnostic for problem in found.problems)
        try:
            return usable(Outcome(config, problems, Text(texts[0].name, texts[0].text), found.report))
        except ConfigError as error:
            lines = "".join(
                _alert(f"config : parsing [{one.file}:{one.line}] : {one.message}")
                for one in error.diagnostics
                if one.severity is Severity.ERROR
            )
            raise UnusableError(lines or _alert(error.message)) from error

    def masters(self) -> tuple[RuntimeSocket, ...]:
        """Return where the master CLI is to be; raises `UnusableError`. `-S` has the words of `stats socket`."""
        told = [one.replace(",", " ") for one in self._arguments.sockets]
        if not told:
            return ()
        lines = "".join(f"    stats socket {one}{'' if ' level ' in one else ' level admin'}\n" for one in told)
        text = haproxy.Text("-S", f"global\n{lines}")
        found = haproxy.read([text], environment=os.environ, directory=self._directory)
        if found.config is None or found.config.compat is None:
            raise UnusableError(haproxy.render(found.problems, os.getpid()), fatal=False)
        return found.config.compat.sockets

    def renew(self, loaded: Loaded) -> Loaded:
        """Certificates are read anew with everything else, on reload."""
        return loaded

    async def changes(self) -> AsyncIterator[None]:
        """Never: HAProxy reads its files when it is told to."""
        for _ in ():
            yield None

    def _limited(self, config: Config) -> Config:
        """Put `-n`, `-m` and `-N` in: the first two before what the file says, the last where it says nothing."""
        given = self._arguments
        limits, compat = config.limits, config.compat
        if given.maxconn > 0:
            limits = replace(limits, connections=given.maxconn)
            compat = replace(compat, maxconn=given.maxconn) if compat else None
        if given.memory > 0:
            limits = replace(limits, memory=MemoryLimit(given.memory << 20, 0))
        frontends = config.frontends
        if given.proxy_maxconn > 0:
            frontends = tuple(
                one
                if one.limits.connections
                else replace(one, limits=replace(one.limits, connections=given.proxy_maxconn))
                for one in frontends
            )
        return replace(config, limits=limits, compat=compat, frontends=frontends)

    def _tell_environment(self, texts: Sequence[haproxy.Text]) -> None:
        """Set what configurations, and the programs that are started for them, find in their environment."""
        os.environ["HAPROXY_STARTUP_VERSION"] = number()
        os.environ["HAPROXY_LOCALPEER"] = self._arguments.peer or os.uname().nodename
        os.environ["HAPROXY_CFGFILES"] = ";".join(text.name for text in texts)
        os.environ["HAPROXY_BRANCH"] = ".".join(number().split(".")[:2])
        if self._arguments.master:
            os.environ["HAPROXY_MWORKER"] = "1"

    def _existing(self) -> list[Path]:
        for path in self._arguments.files:
            if not path.exists():
                raise UnusableError(
                    _alert(f"config : Cannot open configuration file/directory {path} : No such file or directory"),
                    fatal=False,
                )
        return list(self._arguments.files)

    def _text(self, path: Path) -> haproxy.Text:
        try:
            return haproxy.Text(str(path), path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UnusableError(
                _alert(f"config : Could not open configuration file {path} : {error.strerror}")
            ) from error
        except UnicodeDecodeError as error:
            raise UnusableError(_alert(f"config : {path} is not UTF-8: byte {error.start}")) from error


def _alert(text: str) -> str:
    return f"[ALERT]    ({os.getpid()}) : {text}\n"
