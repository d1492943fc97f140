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


class IpHashForm(StrEnum):
    """FNV-1a over the textual address, or nginx's ip_hash (first three octets of IPv4)."""

    FNV1A = "fnv1a"
    NGINX = "nginx"


@dataclass(frozen=True, slots=True)
class Balance:
    """A policy with all its parameters; those of other policies hold their defaults and are ignored.

    `draws`: servers that `random` draws (1 or more). `key`: what `hash` hashes, None for other policies.
    `load_factor`: bounded load in percent of the mean (100 or more), 0 for unbounded.
    """

    policy: Policy
    draws: int
    ip_form: IpHashForm
    key: Expression | None
    method: HashMethod
    load_factor: int
    decay: Duration
    error_penalty: Duration
