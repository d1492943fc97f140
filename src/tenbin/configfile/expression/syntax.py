"""From the text of an expression to Python's syntax tree, with errors that a person can act on.

Python's own parser says "invalid syntax" for what comes from other languages; those slips are recognised here.
"""

from __future__ import annotations

import ast
import re
import warnings

from tenbin.configfile.problem import Mistake, Problem

_LONGEST = 8192

_TOKEN = re.compile(
    r"""(?P<string>[rRbBuUfF]{0,2}(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
      | (?P<open>["'])
      | (?P<good>==|!=|<=|>=|:=)
      | (?P<bad>&&|\|\||=~|!~|===|=|!|\$\w*|\#)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)

_FOREIGN = {
    "&&": ("`&&` is not an operator here", "Python writes `and`"),
    "||": ("`||` is not an operator here", "Python writes `or`"),
    "=~": ("`=~` is not an operator here", 'a regular expression is `matches(path, "...")`'),
    "!~": ("`!~` is not an operator here", 'a regular expression is `not matches(path, "...")`'),
    "=": ("`=` does not compare", "Python compares with `==`"),
    "!": ("`!` is not an operator here", "Python writes `not`"),
    "#": ("a comment cannot stand in an expression", "put it on a line of its own, before the key"),
}


class Parsed:
    """A syntax tree and where its nodes stand in the text that was handed in."""

    def __init__(self, body: ast.expr, code: str, indent: int) -> None:
        self.body = body
        self._code = code
        self._indent = indent

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First and last offset of a node, in characters."""
        start = getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", None) or len(self._code)
        return self._chars(start) + self._indent, self._chars(end) + self._indent

    def text(self, node: ast.AST) -> str:
        """A node as it was written."""
        start, end = self.span(node)
        return self._code[start - self._indent : end - self._indent]

    def _chars(self, column: int) -> int:
        if self._code.isascii():
            return column
        return len(self._code.encode()[:column].decode(errors="replace"))


def parse(text: str) -> Parsed:
    """Return the syntax tree of one expression, which may run over several lines.

    Raises `Mistake` with one problem when it is none.
    """
    if len(text) > _LONGEST:
        raise Mistake(Problem(f"an expression of {len(text)} characters", expected=f"at most {_LONGEST}"))
    # One character for one: offsets into the code are offsets into the text.
    code = re.sub(r"[\r\n\t\f\v]", " ", text)
    indent = len(code) - len(code.lstrip(" "))
    code = code.strip(" ")
    if not code:
        raise Mistake(Problem("an empty expression", expected='a condition such as path.startswith("/api/")'))
    comment = _slip(code, only="#")
    if comment:
        raise _moved(comment, indent)
    try:
        with warnings.catch_warnings():
            # A regular expression such as "\d" warns about its escape; it means what it seems to.
            warnings.simplefilter("ignore")
            tree = ast.parse(code, mode="eval")
    except SyntaxError as error:
        raise _moved(_slip(code) or _python(error, code), indent) from None
    except (RecursionError, MemoryError):
        raise Mistake(Problem("the expression is nested too deeply")) from None
    except ValueError:
        raise Mistake(Problem("the expression holds a character that it cannot hold")) from None
    return Parsed(tree.body, code, indent)


def _slip(code: str, only: str = "") -> Problem | None:
    """The first thing in the code that another language would allow."""
    for match in _TOKEN.finditer(code):
        word = match.group()
        if match.lastgroup == "open" and not only:
            message = "a text is not closed"
            return Problem(message, expected=f"another {word}", start=match.start(), end=len(code))
        if match.lastgroup != "bad" or (only and word != only):
            continue
        if word.startswith("$"):
            message, hint = f"`{word}` is not a name here", f"without the dollar sign: `{word[1:]}`"
        else:
            message, hint = _FOREIGN.get(word, _FOREIGN["="])
        return Problem(message, hint=hint, start=match.start(), end=match.end())
    return None


def _python(error: SyntaxError, code: str) -> Problem:
    message = (error.msg or "invalid syntax").partition(". Perhaps")[0].partition(". Maybe")[0]
    if "too many nested" in message:
        return Problem("the expression is nested too deeply")
    start = max((error.offset or 1) - 1, 0)
    end = (error.end_offset or 0) - 1
    if start >= len(code) or error.lineno != 1 or not error.offset:
        last = code.rsplit(maxsplit=1)[-1]
        return Problem(
            f"the expression stops after `{last}`",
            expected="the rest of it",
            start=len(code) - len(last),
            end=len(code),
        )
    end = end if start < end <= len(code) else min(start + 1, len(code))
    if message == "invalid syntax":
        message = f"`{code[start:end]}` cannot stand here"
    else:
        message = f"not an expression: {message}"
    hint = 'a condition is a Python expression, such as path.startswith("/api/") and method == "GET"'
    return Problem(message, hint=hint, start=start, end=end)


def _moved(problem: Problem, by: int) -> Mistake:
    if not problem.end:
        return Mistake(problem)
    return Mistake(
        Problem(
            problem.message,
            expected=problem.expected,
            hint=problem.hint,
            start=problem.start + by,
            end=problem.end + by,
        )
    )
