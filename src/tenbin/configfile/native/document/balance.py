"""How a backend chooses among its servers: a policy by its name, or as a mapping with its parameters."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, choice, made, one_of, setting
from tenbin.configfile.native.document.types import Bound, Count, Flag, Key, Limit, Small, Text, Time, words
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.model.balance import HashFunction, HashKey, HashMethod, IpHashForm, Policy
from tenbin.model.values import Duration

POLICIES = tuple(Policy)

_FOREIGN = {
    "roundrobin": "it is `round_robin`",
    "rr": "it is `round_robin`",
    "wrr": "it is `round_robin`, which knows weights",
    "weighted_round_robin": "it is `round_robin`, which knows weights",
    "static-rr": "it is `static_rr`",
    "leastconn": "it is `least_conn`",
    "least_connections": "it is `least_conn`",
    "least_request": "it is `least_conn`",
    "source": "it is `ip_hash`",
    "iphash": "it is `ip_hash`",
    "uri": "it is `{hash: path}`",
    "url_hash": "it is `{hash: url}`",
    "consistent_hash": "it is `{hash: {key: ..., method: consistent}}`",
    "maglev": "it is `{hash: {key: ..., method: maglev}}`",
    "ewma": "it is `peak_ewma`",
    "p2c": "it is `{random: {draws: 2}}`",
}

MethodName = Annotated[str | None, *words("a method of hashing", *HashMethod)]
KeyForm = Annotated[str | None, *words("a form of keys", *HashKey)]
FunctionName = Annotated[str | None, *words("a hash function", *HashFunction)]
_OF_HAPROXY = (HashMethod.HAPROXY_MAP, HashMethod.HAPROXY_TREE)
FormName = Annotated[str | None, *words("a form of ip_hash", *IpHashForm)]


class Plain(Document):
    """A policy without parameters."""

    what: ClassVar[str] = "this policy, which has no parameters,"


class RandomDocument(Document):
    """The least loaded of a few servers drawn at random."""

    what: ClassVar[str] = "`random`"

    draws: Small = setting("Servers that are drawn, of which the least loaded one gets the request.", 2)


class IpHashDocument(Document):
    """A client's address always leads to the same server."""

    what: ClassVar[str] = "`ip_hash`"

    form: FormName = setting(
        "`fnv1a` over the address as text, or `nginx`: its hash of the first three octets.", "fnv1a"
    )


class HashDocument(Document):
    """Equal keys lead to the same server."""

    what: ClassVar[str] = "`hash`"

    key: Key = setting('An expression to hash, such as `header("x-user")`, `path` or `source`.')
    method: MethodName = setting(
        "`modulo`, `consistent` (a ring; few keys move when servers change), `maglev`, or, to lead keys to the "
        "same servers as HAProxy, its `haproxy_map` and `haproxy_tree`.",
        "consistent",
    )
    form: KeyForm = setting(
        "How the bytes of the key are made with `haproxy_map` and `haproxy_tree`: `text`, or as HAProxy's `balance` "
        "does: `source`, `uri`, `parameter`, `header`, `sample`, `rdp_cookie`.",
        HashKey.TEXT.value,
    )
    name: Text = setting("Of the forms `parameter`, `header` and `rdp_cookie`: whose value it is.")
    function: FunctionName = setting(
        "What these two hash with: `sdbm`, `djb2`, `wt6`, `crc32`, `none` (a number as it is).", HashFunction.SDBM.value
    )
    avalanche: Flag = setting("The hash is mixed once more.", default=False)
    whole: Flag = setting("The form `uri` takes the query too.", default=False)
    length: Count = setting("The form `uri` takes so many characters; 0 for all.", 0)
    depth: Count = setting("The form `uri` takes so many directories; 0 for all.", 0)
    path_only: Flag = setting("The form `uri` leaves scheme and host out.", default=False)
    check_post: Count = setting("The form `parameter` looks into so many bytes of a form that is sent; 0 for none.", 0)
    domain_only: Flag = setting("The form `header` takes the domain of a host alone.", default=False)
    load_factor: Bound = setting(
        "The most that a server may have, in percent of the mean; then the next one is taken. 0 for no bound.", 0
    )

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.form in (HashKey.TEXT, HashKey.SAMPLE) and self.key is None:
            message = "nothing says what to hash"
            raise Mistake(Problem(message, expected="`key`", hint='such as key: header("x-user")'))
        if self.form != HashKey.TEXT and self.method not in _OF_HAPROXY:
            raise Mistake(Problem("`form` belongs to the methods haproxy_map and haproxy_tree", key="form"))
        return self


class EwmaDocument(Document):
    """The server that answered fastest of late, weighed with what it has to do."""

    what: ClassVar[str] = "`peak_ewma`"

    decay: Time = setting("How long a slow answer is remembered.", Duration(10_000))
    error_penalty: Limit = setting("What an error counts, as if the answer had taken so long.", Duration(1000))


def _parameters(value: object) -> object:
    return made() if value is None or value is True else value


def _hash(value: object) -> object:
    return made(key=value) if isinstance(value, str) else value


PlainPolicy = Annotated[Plain | None, BeforeValidator(_parameters)]


class BalanceDocument(Document):
    """One policy with its parameters."""

    what: ClassVar[str] = "`balance`"
    elsewhere: ClassVar[dict[str, str]] = {
        **_FOREIGN,
        "key": "it stands in `hash`",
        "policy": "the policy is the key, such as `hash: {key: path}`",
    }

    round_robin: PlainPolicy = setting("One after the other, smoothly by weight.")
    static_rr: PlainPolicy = setting("One after the other in a fixed order; weights only change with the file.")
    least_conn: PlainPolicy = setting("The one with the fewest connections and waiting requests for its weight.")
    random: Annotated[RandomDocument | None, BeforeValidator(_parameters)] = setting(
        "The least loaded of a few drawn at random."
    )
    first: PlainPolicy = setting("The first that is not full, in the order of the file.")
    ip_hash: Annotated[IpHashDocument | None, BeforeValidator(_parameters)] = setting("By the client's address.")
    hash: Annotated[HashDocument | None, BeforeValidator(_hash, json_schema_input_type=HashDocument | str)] = setting(
        "By an expression."
    )
    peak_ewma: Annotated[EwmaDocument | None, BeforeValidator(_parameters)] = setting(
        "By the time that answers took of late."
    )

    @model_validator(mode="after")
    def _one_policy(self) -> Self:
        one_of(self, POLICIES, what="`balance`", lacking="by which policy")
        return self


def _short(value: object) -> object:
    if isinstance(value, str):
        policy = choice(value, POLICIES, "a policy", _FOREIGN)
        if policy == Policy.HASH:
            raise mistake(
                "`hash` needs a key", expected="a mapping", hint='such as {hash: header("x-user")} or {hash: path}'
            )
        return made(**{policy: None})
    if not isinstance(value, Map):
        raise mistake(f"{values.describe(value)} instead of a policy", expected=f"one of {', '.join(POLICIES)}")
    return value


Balance = Annotated[
    BalanceDocument | None,
    BeforeValidator(
        _short,
        json_schema_input_type=BalanceDocument
        | Annotated[str, WithJsonSchema({"enum": [p for p in POLICIES if p != Policy.HASH]})],
    ),
]
