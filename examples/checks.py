# ruff: noqa: INP001 - a file of an operator, not of a package
"""A check in Python: a server passes when it answers and says that it is ready."""

import asyncio

from tenbin.health import CheckedServer, Result


async def check(server: CheckedServer) -> Result:
    """Ask for /health by hand; whatever is raised, or takes too long, is a failure too."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(b"GET /health HTTP/1.0\r\nHost: app.internal\r\n\r\n")
        answer = await reader.read(4096)
    finally:
        writer.close()
    status = answer.split(b"\r\n", 1)[0].decode("ascii", "replace")
    return Result.passed(status) if b" 200 " in answer[:16] else Result.failed(status)
