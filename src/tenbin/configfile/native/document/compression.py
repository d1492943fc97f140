"""Compression: which answers are made smaller on their way, and how."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from tenbin.configfile.native.document.base import Document, as_list, setting, switch
from tenbin.configfile.native.document.types import BodySize, Flag, Text, words

TYPES = (
    "text/",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/xml",
    "application/xhtml+xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/wasm",
    "image/svg+xml",
)
"""What shrinks, and is not compressed already."""

ALGORITHM = words(
    "an algorithm",
    "gzip",
    "deflate",
    "raw-deflate",
    foreign={"br": "Brotli is not among them", "zstd": "Zstandard is not among them", "zlib": "it is `deflate`"},
)
Algorithms = Annotated[list[Annotated[str, *ALGORITHM]] | None, BeforeValidator(as_list)]
Types = Annotated[list[Text] | None, BeforeValidator(as_list)]


class CompressionDocument(Document):
    """Compresses answers for clients that ask for it by Accept-Encoding."""

    what: ClassVar[str] = "`compression`"
    elsewhere: ClassVar[dict[str, str]] = {
        "algo": "they are `algorithms`",
        "algorithm": "they are `algorithms`",
        "type": "they are `types`",
        "min_length": "it is `min_size`",
        "minsize": "it is `min_size`",
        "level": "the fastest one is always used",
    }

    algorithms: Algorithms = setting(
        "The preferred one first: `gzip`, `deflate`, and `raw-deflate`, which old browsers take for it.", shown="gzip"
    )
    types: Types = setting(
        "What Content-Type begins with; `[]` for any. Text, scripts, JSON, XML, SVG and the like unless given."
    )
    min_size: BodySize = setting(
        "Shorter answers stay as they are, where their length is known before.", 1024, shown="1k"
    )
    offload: Flag = setting("Hides Accept-Encoding from servers, so that none of them compresses.", default=False)


Compression = Annotated[
    CompressionDocument | None,
    BeforeValidator(switch, json_schema_input_type=CompressionDocument | bool),
]
