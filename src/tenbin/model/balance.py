"""How a backend chooses among its servers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression
    from tenbin.model.values import Duration


class Policy(StrEnum):
    """The balancing policies by the names that a configuration uses."""

    ROUND_ROBIN = "round_robin"
    STATIC_RR = "static_rr"
    LEAST_CONN = "least_conn"
    RANDOM = "random"
    FIRST = "first"
    IP_HASH = "ip_hash"
    HASH = "hash"
    PEAK_EWMA = "peak_ewma"


class HashMethod(StrEnum):
    """How a hash key maps to a server."""

    MODULO = "modulo"
    CONSISTENT = "consistent"
    MAGLEV = "maglev"
    HAPROXY_MAP = "haproxy_map"
    HAPROXY_TREE = "haproxy_tree"


class HashFunction(StrEnum):
    """What HAProxy's two methods hash keys with; NONE takes a number or an address as it is."""

    SDBM = "sdbm"
    DJB2 = "djb2"
    WT6 = "wt6"
    CRC32 = "crc32"
    NONE = "none"


class HashKey(StrEnum):
    """How the bytes of the key are made before they are hashed, as HAProxy's `balance` forms do it."""

    TEXT = "text"
    SOURCE = "source"
    URI = "uri"
    PARAMETER = "parameter"
    HEADER = "header"
    SAMPLE = "sample"
    RDP_COOKIE = "rdp_cookie"


class IpHashForm(StrEnum):
    """FNV-1a over the textual address, or nginx's ip_hash (first three octets of IPv4)."""

    FNV1A = "fnv1a"
    NGINX = "nginx"


@dataclass(frozen=True, slots=True)
class Balance:
    """A policy with all its parameters; those of other policies hold their defaults and are ignored.

    `draws`: servers that `random` draws (1 or more). `key`: what `hash` hashes, None for other policies.
    `load_factor`: bounded load in percent of the mean (100 or more), 0 for unbounded.

    The rest is for the two methods of HAProxy: `form` says how the key's bytes are made (`whole`, `length`, `depth`,
    `path_only` of URI; `name` of HEADER, PARAMETER and RDP_COOKIE; `check_post` bytes of a form; `domain_only` of a
    host), `key` is used by SAMPLE. Without a key: round robin.
    """

    policy: Policy
    draws: int
    ip_form: IpHashForm
    key: Expression | None
    method: HashMethod
    load_factor: int
    decay: Duration
    error_penalty: Duration
    function: HashFunction = HashFunction.SDBM
    avalanche: bool = False
    form: HashKey = HashKey.TEXT
    name: str = ""
    whole: bool = False
    length: int = 0
    depth: int = 0
    path_only: bool = False
    check_post: int = 0
    domain_only: bool = False
