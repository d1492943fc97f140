"""What is spoken to servers, by requests and by checks."""

from typing import Annotated

from tenbin.configfile.native.document.types import words
from tenbin.model.tls import Protocol

_PROTOCOLS = {
    "h2": "it is `http2`",
    "h2c": "it is `http2`, without `tls`",
    "h1": "it is `http1`",
    "grpc": "gRPC goes over HTTP/2: it is `http2`",
    "http": "it is `http1`",
    "https": "it is `http1` with `tls: true`",
    "HTTP/2": "it is `http2`",
    "HTTP/1.1": "it is `http1`",
}
ProtocolName = Annotated[str | None, *words("a protocol", *Protocol, foreign=_PROTOCOLS)]
