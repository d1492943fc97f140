"""From what an operator wrote to `tenbin.model.Config`, with every problem and its place in the file.

Owns the configuration languages: finding out which one a file is in, reading it, and telling what is wrong with it.
Does not know what becomes of a configuration; nothing here opens a socket or resolves a name.
"""

from tenbin.configfile.diagnostics import render
from tenbin.configfile.reader import Outcome, examine, load, read
from tenbin.configfile.starter import from_proxy, template
from tenbin.errors import Diagnostic, Severity

__all__ = [
    "Diagnostic",
    "Outcome",
    "Severity",
    "examine",
    "from_proxy",
    "json_schema",
    "load",
    "read",
    "render",
    "template",
]


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of the native language, for editors."""
    from tenbin.configfile.native.schema import json_schema as build

    return build()
