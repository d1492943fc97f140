"""How servers are chosen: `balance`, `hash-type`, `hash-balance-factor`, and the cookie that brings clients back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import BACKEND, Arguments, Directive, one_word
from tenbin.configfile.haproxy.draft import BalanceDraft, CookieDraft
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import HashFunction, HashKey, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word


def balance(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`balance`: an algorithm, with what it hashes."""
    if len(line.words) < 2:
        # HAProxy takes the word alone for round robin.
        draft.balance.policy = Policy.ROUND_ROBIN
        return
    word = line.words[1]
    name, _, argument = word.text.partition("(")
    argument = argument.removesuffix(")")
    now = draft.balance
    fresh = BalanceDraft(consistent=now.consistent, function=now.function, avalanche=now.avalanche, factor=now.factor)
    draft.balance = fresh
    arguments = Arguments(reading, line, 2)
    if name in _PLAIN and not argument:
        fresh.policy = _PLAIN[name]
    elif name == "random":
        fresh.policy = Policy.RANDOM
        if argument:
            fresh.draws = _draws(reading, word, argument)
    elif name in _HASHED:
        fresh.policy = Policy.HASH
        _HASHED[name](reading, fresh, word, arguments)
    elif name in ("sticky", "log-hash", "log-sticky"):
        reading.refused(word, f"'balance {name}' is for logs, which Tenbin does not balance.")
    else:
        known = (*_PLAIN, *_HASHED, "random")
        reading.error(word, f"unknown balance algorithm '{word.text}'.", did_you_mean(name, known))
    if arguments and name in _PLAIN:
        # HAProxy does not look at them either.
        reading.ignored(line, "words after the algorithm mean nothing")


def hash_type(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`hash-type METHOD [FUNCTION [avalanche]]`."""
    arguments = Arguments(reading, line)
    method = arguments.take()
    if method is None:
        return
    if method.text not in ("map-based", "consistent"):
        hint = did_you_mean(method.text, ("map-based", "consistent"))
        reading.error(method, "'hash-type' only supports 'consistent' and 'map-based'.", hint)
        return
    draft.balance.consistent = method.text == "consistent"
    draft.balance.function = None
    draft.balance.avalanche = draft.balance.consistent
    if not arguments:
        return
    function = arguments.text()
    if function not in _FUNCTIONS:
        hint = did_you_mean(function, _FUNCTIONS)
        message = "'hash-type' only supports 'sdbm', 'djb2', 'crc32', 'wt6', or 'none' hash functions."
        reading.error(arguments.last, message, hint)
        return
    draft.balance.function = HashFunction(function)
    draft.balance.avalanche = False
    if arguments:
        modifier = arguments.text()
        if modifier != "avalanche":
            reading.error(arguments.last, f"'{modifier}' is not a valid hash function modifier.", "only `avalanche` is")
        draft.balance.avalanche = True


def hash_balance_factor(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`hash-balance-factor PERCENT`: 0 for none."""
    draft.balance.factor = Arguments(reading, line).number()
    if 0 < draft.balance.factor <= 100:
        reading.error(line, "'hash-balance-factor' must be 0 or greater than 100.")


def hash_preserve(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
    """`hash-preserve-affinity`."""
    word = one_word(reading, line)
    if word and word.text not in ("always", "maxconn", "maxqueue"):
        reading.error(word, f"'{word.text}' is not a valid value: always, maxconn or maxqueue.")
    elif word and word.text != "always":
        reading.approximated(line, "a full server keeps its clients, as with `always`")


def cookie(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`cookie NAME [rewrite|insert|prefix] ...`."""
    arguments = Arguments(reading, line)
    name = arguments.take()
    if name is None:
        return
    made = CookieDraft(name.text)
    modes = []
    while arguments:
        word = arguments.text()
        if word in ("rewrite", "insert", "prefix"):
            modes.append(word)
            made.mode = word
        elif word in _COOKIE_FLAGS:
            setattr(made, _COOKIE_FLAGS[word], True)
        elif word in ("httponly", "secure"):
            made.attributes.append("HttpOnly" if word == "httponly" else "Secure")
        elif word == "domain":
            made.domains.append(arguments.text())
        elif word == "attr":
            made.attributes.append(arguments.text())
        elif word in ("maxidle", "maxlife"):
            setattr(made, f"max_{word[3:]}", max(arguments.milliseconds("s") // 1000, 0))
        else:
            message = (
                "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', "
                "'maxidle', 'dynamic', 'maxlife' and 'attr' options."
            )
            reading.error(arguments.last, message, did_you_mean(word, _COOKIE_WORDS))
    if len(modes) > 1:
        reading.error(line, "cookie 'rewrite', 'insert' and 'prefix' modes are mutually exclusive.")
    if made.indirect and made.mode == "rewrite":
        reading.error(line, "cookie 'rewrite' and 'indirect' modes are incompatible.")
    if made.preserve and made.mode != "insert" and not made.indirect:
        reading.error(line, "cookie 'preserve' requires at least 'insert' or 'indirect'.")
    draft.cookie = made


def dynamic_cookie_key(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`dynamic-cookie-key KEY`."""
    draft.dynamic_key = Arguments(reading, line).text()


def _draws(reading: Reading, word: Word, text: str) -> int:
    if not text.isdigit() or int(text) <= 0:
        reading.error(word, "'random()' expects a number of draws of 1 or more.")
        return 2
    return int(text)


def _source(_reading: Reading, made: BalanceDraft, _word: Word, _arguments: Arguments) -> None:
    made.form = HashKey.SOURCE


def _uri(reading: Reading, made: BalanceDraft, _word: Word, arguments: Arguments) -> None:
    made.form = HashKey.URI
    while arguments:
        word = arguments.text()
        if word == "len":
            made.length = arguments.number()
        elif word == "depth":
            made.depth = arguments.number()
        elif word == "whole":
            made.whole = True
        elif word == "path-only":
            made.path_only = True
        else:
            message = "'balance uri' only accepts parameters 'len', 'depth', 'path-only', and 'whole'"
            reading.error(arguments.last, f"{message} (got '{word}').")


def _parameter(reading: Reading, made: BalanceDraft, word: Word, arguments: Arguments) -> None:
    made.form = HashKey.PARAMETER
    if not arguments:
        reading.error(word, "'balance url_param' requires an URL parameter name.")
        return
    made.name = arguments.text()
    if arguments:
        modifier = arguments.text()
        if modifier != "check_post":
            reading.error(arguments.last, "'balance url_param' only accepts check_post modifier.")
            return
        made.check_post = 48
        if arguments:
            made.check_post = arguments.number()


def _header(reading: Reading, made: BalanceDraft, word: Word, arguments: Arguments) -> None:
    made.form = HashKey.HEADER
    name = word.text.partition("(")[2]
    if not name.endswith(")") or name == ")":
        reading.error(word, "'balance hdr(name)' requires an http header field name.")
        return
    made.name = name[:-1].lower()
    if arguments:
        if arguments.text() != "use_domain_only":
            message = f"'balance hdr(name)' only accepts 'use_domain_only' modifier (got '{arguments.last.text}')."
            reading.error(arguments.last, message)
        made.domain_only = True


def _rdp(_reading: Reading, made: BalanceDraft, word: Word, _arguments: Arguments) -> None:
    made.form = HashKey.RDP_COOKIE
    made.name = word.text.partition("(")[2].removesuffix(")") or "msts"


def _sample(reading: Reading, made: BalanceDraft, word: Word, arguments: Arguments) -> None:
    made.form = HashKey.SAMPLE
    if not arguments:
        reading.error(word, "'balance hash' requires a sample expression.")
        return
    made.key = arguments.take()


_PLAIN = {
    "roundrobin": Policy.ROUND_ROBIN,
    "static-rr": Policy.STATIC_RR,
    "leastconn": Policy.LEAST_CONN,
    "first": Policy.FIRST,
}
_HASHED: dict[str, Callable[[Reading, BalanceDraft, Word, Arguments], None]] = {
    "source": _source,
    "uri": _uri,
    "url_param": _parameter,
    "hdr": _header,
    "rdp-cookie": _rdp,
    "hash": _sample,
}
_FUNCTIONS = ("sdbm", "djb2", "wt6", "crc32", "none")
_COOKIE_FLAGS = {
    "indirect": "indirect",
    "nocache": "no_cache",
    "postonly": "post_only",
    "preserve": "preserve",
    "dynamic": "dynamic",
}
_COOKIE_WORDS = (
    *_COOKIE_FLAGS, "rewrite", "insert", "prefix", "httponly", "secure", "domain", "attr", "maxidle", "maxlife",
)  # fmt: skip

DIRECTIVES = {
    "balance": Directive(balance, BACKEND),
    "hash-type": Directive(hash_type, BACKEND, 1),
    "hash-balance-factor": Directive(hash_balance_factor, BACKEND, 1),
    "hash-preserve-affinity": Directive(hash_preserve, BACKEND, 1),
    "cookie": Directive(cookie, BACKEND, 1),
    "dynamic-cookie-key": Directive(dynamic_cookie_key, BACKEND, 1),
}
