"""The PROXY protocol: whose connections begin with it, and which servers are told of the client by it."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, not_empty, required, setting
from tenbin.configfile.native.document.types import Flag, Networks, words
from tenbin.configfile.problem import Mistake, Problem, mistake

VERSIONS = ("v1", "v2")
_EXPECTED = "true or {from: ...}"
_FOREIGN = {"1": "it is `v1`", "2": "it is `v2`"}


class ProxyProtocolDocument(Document):
    """Whose connections begin with the PROXY protocol."""

    what: ClassVar[str] = "`proxy_protocol`"
    elsewhere: ClassVar[dict[str, str]] = {
        "networks": "it is `from`",
        "trusted": "it is `from`",
        "trusted_proxies": "it is `from`",
        "version": "both versions are understood",
    }

    from_: Annotated[Networks, BeforeValidator(not_empty("networks"))] = required(
        "Networks whose connections begin with it; those of all others do not.", key="from"
    )


def _proxy_protocol(value: object) -> object:
    """`true` is a mapping without networks, which a file cannot write."""
    if value is True:
        return ProxyProtocolDocument.model_construct(from_=None)
    if isinstance(value, str) and value in VERSIONS:
        raise mistake("both versions are understood, and none is named", expected=_EXPECTED, hint="write true")
    if isinstance(value, str | list):
        hint = f"write {{from: {value}}}" if isinstance(value, str) else "write {from: [...]}"
        raise mistake(f"{values.describe(value)} instead of a mapping", expected=_EXPECTED, hint=hint)
    return None if value is False else value


ProxyProtocol = Annotated[
    ProxyProtocolDocument | None, BeforeValidator(_proxy_protocol, json_schema_input_type=ProxyProtocolDocument | bool)
]

VersionName = Annotated[str | None, *words("a version of the PROXY protocol", *VERSIONS, foreign=_FOREIGN)]


class SendProxyDocument(Document):
    """The PROXY protocol towards a server."""

    what: ClassVar[str] = "`send_proxy`"
    instead: ClassVar[str] = "a version of the PROXY protocol"

    version: VersionName = required("`v1`, a line of text, or `v2`.")
    tls: Flag = setting("Also tells of the client's TLS and certificate; only `v2`.", default=False)

    @model_validator(mode="after")
    def _version_that_tells(self) -> Self:
        if self.tls and self.version == "v1":
            raise Mistake(Problem("`v1` cannot tell of TLS", key="tls", hint="write version: v2"))
        return self


def _send_proxy(value: object) -> object:
    if value is True:
        raise mistake("nothing says which version", expected="v1 or v2", hint="v2, unless the server knows only v1")
    if isinstance(value, int) and value is not False:
        value = str(value)
    return None if value is False else made(version=value) if isinstance(value, str) else value


SendProxy = Annotated[
    SendProxyDocument | None,
    BeforeValidator(_send_proxy, json_schema_input_type=SendProxyDocument | VersionName | bool),
]
