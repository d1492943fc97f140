"""HAProxy's language: the text of its files to `tenbin.model.Config`, with a report of what becomes of each directive.

Owns the language; HAProxy's own command line and runtime API are elsewhere. `phrases` owns the expressions in it.
"""

from tenbin.configfile.haproxy.context import NEWEST, Entry, Problem, Standing
from tenbin.configfile.haproxy.messages import render, report
from tenbin.configfile.haproxy.predicates import About, ConditionError, holds
from tenbin.configfile.haproxy.preprocess import Text, files
from tenbin.configfile.haproxy.reading import Read, read, version_of

__all__ = [
    "NEWEST", "About", "ConditionError", "Entry", "Problem", "Read", "Standing", "Text", "files", "holds", "read",
    "render", "report", "version_of",
]  # fmt: skip
