"""The native language: YAML, in a short form of a few lines and a full form that names things.

Text → tree with places (`loader`) → documents, each checked on its own (`document`, `validate`) → the model, with names
looked up and defaults filled in (`resolve`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tenbin.configfile.source import Source
    from tenbin.errors import Diagnostic
    from tenbin.model import Config


def read(source: Source, *, environment: Mapping[str, str], directory: Path) -> tuple[Config | None, list[Diagnostic]]:
    """Return the configuration, or None when there are errors, and every problem that was found.

    What is wrong in itself is taken out and the rest read on, so that one mistake does not hide another.
    """
    # Whoever needs only a part of this package does not wait for the documents.
    from tenbin.configfile.native.loader import parse
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.resolve.root import resolve
    from tenbin.configfile.native.validate import validate

    tree, problems = parse(source, environment)
    if tree is None:
        return None, problems
    context = Context(tree, directory)
    document, found = validate(tree)
    problems.extend(found)
    if document is None:
        return None, problems
    config = resolve(document, context)
    problems.extend(context.diagnostics)
    if any(problem.severity is Severity.ERROR for problem in problems):
        # What was taken out makes other things look doubtful that are not.
        return None, [problem for problem in problems if problem.severity is Severity.ERROR]
    return config, problems
