"""Asks a running instance over its admin socket.

Owns finding the instance, the HTTP request, and turning refusals into errors for a person.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, TypeAlias

from tenbin.errors import NotRunningError, TenbinError
from tenbin.supervisor.runtime import RuntimeDirectory, choose

if TYPE_CHECKING:
    from pathlib import Path

Json: TypeAlias = "dict[str, object]"

_PATIENCE = 60.0


class Running:
    """The instance in a runtime directory."""

    def __init__(self, named: Path | None) -> None:
        self.directory: RuntimeDirectory = choose(named, os.environ)

    def get(self, path: str) -> bytes:
        """Return what it says at `path`; raises `NotRunningError` or `TenbinError`."""
        return self._ask("GET", path, None)

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask it to do something and return its answer; raises `NotRunningError` or `TenbinError`."""
        answer = json.loads(self._ask(method, path, body))
        return answer if isinstance(answer, dict) else {}

    def not_running(self) -> NotRunningError:
        """Return the error that says that nobody answers here."""
        return NotRunningError(
            f"no Tenbin runs in {self.directory.path}",
            hint="start one with `tenbin run FILE`, or name its directory with --runtime-dir",
        )

    def _ask(self, method: str, path: str, body: Json | None) -> bytes:
        connection = _UnixConnection(str(self.directory.admin_socket))
        headers = {"content-type": "application/json", "accept": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError:
            raise TenbinError(f"the Tenbin in {self.directory.path} does not answer within {_PATIENCE:g} s") from None
        except (ConnectionRefusedError, FileNotFoundError):
            raise self._absent() from None
        except PermissionError:
            raise TenbinError(f"{self.directory.admin_socket} belongs to another user") from None
        except (OSError, http.client.HTTPException) as error:
            raise TenbinError(f"the Tenbin in {self.directory.path} ended while it was asked: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise _refusal(answer.status, content)
        return content

    def _absent(self) -> TenbinError:
        owner = self.directory.owner()
        if owner is None:
            return self.not_running()
        return TenbinError(
            f"the Tenbin in {self.directory.path} (process {owner}) has no admin API yet", hint="try again in a moment"
        )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(self._path)


def _refusal(status: int, content: bytes) -> TenbinError:
    try:
        answer = json.loads(content)
        problems = str(answer.get("problems") or "")
        return TenbinError(problems or str(answer["error"]), hint="" if problems else str(answer.get("hint", "")))
    except (ValueError, KeyError, AttributeError):
        return TenbinError(f"it answers with status {status}: {content[:200].decode('utf-8', 'replace')}")
