"""How answers are compressed on their way to clients."""

from dataclasses import dataclass
from enum import StrEnum


class Coding(StrEnum):
    """A form that an answer's body may take; `deflate` has the wrapper of zlib, `raw-deflate` has not."""

    IDENTITY = "identity"
    GZIP = "gzip"
    DEFLATE = "deflate"
    RAW_DEFLATE = "raw-deflate"


@dataclass(frozen=True, slots=True)
class Compression:
    """What is compressed, and how; what a backend leaves empty is its frontend's.

    `algorithms`: the preferred one first; `types`: what Content-Type begins with (none: any answer); `min_size`:
    shorter bodies stay as they are where their length is known; `offload`: servers are not told what clients take.
    """

    algorithms: tuple[Coding, ...]
    types: tuple[str, ...] = ()
    min_size: int = 0
    offload: bool = False
