"""Conditions and interpolated texts: Python expressions over the request, parsed, type-checked and compiled.

Owns the language and its errors. Nothing is ever evaluated here: the result is a `tenbin.model` expression tree, which
only the data plane runs. Offsets in problems count characters of the text that was handed in.
"""

from tenbin.configfile.expression.compiler import condition, key
from tenbin.configfile.expression.facts import in_tcp
from tenbin.configfile.expression.interpolation import text
from tenbin.configfile.expression.typed import Compiled, Rate, Use
from tenbin.configfile.expression.vocabulary import HTTP_NAMES, TCP_NAMES

__all__ = ["HTTP_NAMES", "TCP_NAMES", "Compiled", "Rate", "Use", "condition", "in_tcp", "key", "text"]
