"""TLS on both sides: certificates of listeners, verification of servers, versions and cipher suites."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import expression, tokens
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, as_list, made, not_empty, required, setting, switch, whole
from tenbin.configfile.native.document.types import DURATION_SCHEMA, Flag, Text, words
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.tls import TlsSuite

VERSIONS = ("1.2", "1.3")

SUITES = {
    "TLS_AES_256_GCM_SHA384": "1.3",
    "TLS_AES_128_GCM_SHA256": "1.3",
    "TLS_CHACHA20_POLY1305_SHA256": "1.3",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "1.2",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "1.2",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "1.2",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "1.2",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "1.2",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "1.2",
}
"""The cipher suites that are spoken, by their names in the IANA registry, and the version of TLS of each."""

_OPENSSL = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}
GROUPS = ("x25519", "secp256r1", "secp384r1")
"""The groups for the exchange of keys that are spoken, by their names in the IANA registry."""

_OTHER_GROUPS = {"p-256": "secp256r1", "prime256v1": "secp256r1", "p-384": "secp384r1", "curve25519": "x25519"}
ANY_NAME = "any"
"""What `verify_name` says where it does not matter."""

_OLD_VERSIONS = ("1.0", "1.1", "1", "tlsv1", "tlsv1.0", "tlsv1.1", "sslv2", "sslv3", "ssl3")

# Versions, suites, headers ---------------------------------------------------------------------------------------


def _version(value: object) -> str:
    word = str(value).lower()
    if isinstance(value, str) and value in VERSIONS:
        return value
    if word in _OLD_VERSIONS:
        hint = "RFC 8996 forbids it; every client since 2013 speaks TLS 1.2"
        raise mistake("this version of TLS is broken, and is not spoken", expected='"1.2" or "1.3"', hint=hint)
    meant = next((version for version in VERSIONS if word.endswith(version)), "")
    raise mistake("not a version of TLS", expected='"1.2" or "1.3"', hint=f'write "{meant}"' if meant else "")


def _suite(value: object) -> str:
    if isinstance(value, str) and value in SUITES:
        return value
    word = str(value)
    hint = f"its name is {_OPENSSL[word]}" if word in _OPENSSL else did_you_mean(word, SUITES)
    if ":" in word:
        hint = f"a list: [{', '.join(_OPENSSL.get(one, one) for one in word.split(':')[:2])}, ...]"
    elif "CBC" in word or "WITH" in word:
        hint = hint or "suites without forward secrecy and authenticated encryption are not spoken"
    expected = "a name such as TLS_AES_128_GCM_SHA256" if hint else f"one of {', '.join(SUITES)}"
    raise mistake("not a cipher suite that is spoken", expected=expected, hint=hint)


def _group(value: object) -> str:
    if isinstance(value, str) and value in GROUPS:
        return value
    hint = _OTHER_GROUPS.get(str(value).lower(), "")
    hint = f"its name is {hint}" if hint else did_you_mean(str(value), GROUPS)
    raise mistake("not a group that is spoken", expected=f"one of {', '.join(GROUPS)}", hint=hint)


def _name(value: object) -> str:
    """A host that gets a certificate, or with `!` none that does."""
    without = isinstance(value, str) and value.startswith("!")
    found = values.host_pattern(value.removeprefix("!") if isinstance(value, str) else value)
    return f"!{found}" if without else found


def _hsts(value: object) -> str:
    """A duration, or the header's value as it is."""
    if isinstance(value, str) and "max-age" in value.lower():
        if not tokens.is_field_value(value):
            raise mistake("a header holds no line ends or control characters", expected="one line of text")
        return value.strip(" \t")
    try:
        return f"max-age={values.duration(value).ms // 1000}"
    except Mistake as error:
        (problem,) = error.problems
        expected = "a duration such as 365d, or a value such as max-age=63072000; includeSubDomains"
        raise mistake("not a value of Strict-Transport-Security", expected=expected, hint=problem.hint) from None


def _chosen(value: object) -> str | Compiled:
    if isinstance(value, str) and "{" in value:
        return expression.text(value)
    return _sni(value) if value != "" else ""


def _any_or_name(value: object) -> str:
    return value if value == ANY_NAME else _sni(value)


def _sni(value: object) -> str:
    name = values.host(value)
    if values.is_literal(name):
        hint = "leave it out: the address of a server must then be in its certificate"
        raise mistake("SNI holds a name, not an address", expected="a name such as app.example.org", hint=hint)
    return name.rstrip(".")


Version = Annotated[str, PlainValidator(_version), WithJsonSchema({"enum": list(VERSIONS)})]
Suite = Annotated[str, PlainValidator(_suite), WithJsonSchema({"enum": list(SUITES)})]
Versions = Annotated[
    list[Version] | None,
    BeforeValidator(as_list, json_schema_input_type=Version | list[Version]),
    BeforeValidator(not_empty("versions")),
]
Suites = Annotated[
    list[Suite] | None,
    BeforeValidator(as_list, json_schema_input_type=Suite | list[Suite]),
    BeforeValidator(not_empty("cipher suites")),
]
Group = Annotated[str, PlainValidator(_group), WithJsonSchema({"enum": list(GROUPS)})]
Groups = Annotated[
    list[Group] | None,
    BeforeValidator(as_list, json_schema_input_type=Group | list[Group]),
    BeforeValidator(not_empty("groups")),
]
CertificateName = Annotated[
    str,
    PlainValidator(_name),
    WithJsonSchema({"type": "string", "examples": ["a.example", "*.example", "!b.example"]}),
]
Hsts = Annotated[
    str | None,
    PlainValidator(_hsts),
    WithJsonSchema({"anyOf": [DURATION_SCHEMA, {"type": "string", "pattern": "[Mm][Aa][Xx]-[Aa][Gg][Ee]"}]}),
]
ServerName = Annotated[str | Compiled | None, PlainValidator(_chosen), WithJsonSchema({"type": "string"})]
VerifiedName = Annotated[str | None, PlainValidator(_any_or_name), WithJsonSchema({"type": "string"})]

_VERSIONS = "Versions of TLS that are spoken: `1.2`, `1.3`."
_CIPHERS = "Cipher suites by their IANA names, the preferred first."
_GROUPS = "Groups for the exchange of keys by their IANA names, the preferred first."
_NAMES = {
    "ssl_certificate": "it is `certificate`",
    "cert": "it is `certificate`",
    "crt": "it is `certificate`",
    "ca_file": "it is `ca`",
    "ca_certificates": "it is `ca`",
    "alpn": "HTTP/2 is `http2` of the address, or `protocol` of a backend",
    "min_version": 'it is versions: ["1.2", "1.3"]',
    "protocols": "it is `versions`",
    "cipher_suites": "it is `ciphers`",
    "cipher_list": "it is `ciphers`",
    "curves": "it is `groups`",
}


class _SuiteDocument(Document):
    versions: Versions = setting(_VERSIONS, shown="`1.2` and `1.3`")
    ciphers: Suites = setting(_CIPHERS, shown="all nine")
    groups: Groups = setting(_GROUPS, shown="all three")

    @model_validator(mode="after")
    def _some_suite(self) -> Self:
        left = {SUITES[suite] for suite in self.ciphers or ()}
        if self.ciphers and self.versions and left.isdisjoint(self.versions):
            message = f"none of these suites is for TLS {' or '.join(self.versions)}"
            raise Mistake(Problem(message, key="ciphers", hint=_for(self.versions[0])))
        return self

    def suite(self) -> TlsSuite:
        """Versions, suites and groups as the model has them."""
        return TlsSuite(tuple(self.versions or ()), tuple(self.ciphers or ()), tuple(self.groups or ()))

    def unspoken(self) -> str:
        """A version that may be spoken, and none of the suites is for; "" for none."""
        spoken = {SUITES[suite] for suite in self.ciphers or SUITES}
        return next((version for version in self.versions or VERSIONS if version not in spoken), "")


def _for(version: str) -> str:
    return f"such as {next(name for name, spoken in SUITES.items() if spoken == version)}"


# Listeners -------------------------------------------------------------------------------------------------------


class ClientCertificatesDocument(Document):
    """Certificates that clients show."""

    what: ClassVar[str] = "`client_certificates`"
    elsewhere: ClassVar[dict[str, str]] = {
        **_NAMES,
        "verify": "it is `mode`",
        "required": "it is mode: required",
        "optional": "it is mode: optional",
    }

    mode: Annotated[
        str | None,
        *words(
            "a mode", "required", "optional", foreign={"require": "it is `required`", "request": "it is `optional`"}
        ),
    ] = setting(
        "`required`: a client without a certificate is refused. `optional`: it is served, and conditions can tell.",
        "required",
    )
    ca: Text = required("The PEM file with the authorities that sign for clients.")
    crl: Text = setting("The PEM file with the lists of what they revoked.")
    name_authorities: Flag = setting("Clients are told who these authorities are.", default=True)


def _clients(value: object) -> object:
    if value in ("required", "optional"):
        hint = f"write {{mode: {value}, ca: clients.pem}}"
        raise mistake("nothing says which authorities sign for clients", expected="a mapping with `ca`", hint=hint)
    return made(ca=value) if isinstance(value, str) else None if value is False else value


class CertificateDocument(_SuiteDocument):
    """A certificate whose files stand in different places, or that has hosts and settings of its own."""

    what: ClassVar[str] = "a certificate"
    elsewhere: ClassVar[dict[str, str]] = {
        **_NAMES,
        "chain": "the chain follows the certificate in one file",
        "fullchain": "it is `certificate`",
        "privkey": "it is `key`",
        "private_key": "it is `key`",
        "path": "a path alone needs no mapping",
        "hosts": "it is `names`",
        "sni": "it is `names`",
        "verify": "it is `client_certificates`",
    }

    certificate: Text = required("The PEM file with the certificate and its chain.")
    key: Text = setting("The PEM file with the private key; found beside the certificate unless given.")
    ocsp: Text = setting("The file with an OCSP answer (DER) to staple; found beside the certificate unless given.")
    names: Annotated[
        list[CertificateName] | None,
        BeforeValidator(as_list, json_schema_input_type=CertificateName | list[CertificateName]),
        BeforeValidator(not_empty("names")),
    ] = setting(
        "Hosts that get it: `a.example`, `*.example` for all below one, `!b.example` for none.",
        shown="those that it is for",
    )
    client_certificates: Annotated[
        ClientCertificatesDocument | None,
        BeforeValidator(_clients, json_schema_input_type=ClientCertificatesDocument | str | bool),
    ] = setting("Certificates that its clients show; `false` for none.", shown="those of `tls`")
    http2: Flag = setting("Its clients are offered HTTP/2.", shown="that of the address")

    @property
    def asks_clients(self) -> bool:
        """Whether it says anything of clients' certificates, be it that there are none."""
        return "client_certificates" in self.model_fields_set

    @property
    def is_special(self) -> bool:
        """Whether anything but files and names is said."""
        return self.asks_clients or any(
            one is not None for one in (self.versions, self.ciphers, self.groups, self.http2)
        )


def _certificate(value: object) -> object:
    return made(certificate=value) if isinstance(value, str) else value


def _default(value: object) -> str | int:
    return whole(value, 1, 2**31 - 1) if isinstance(value, int) and not isinstance(value, bool) else values.text(value)


Certificate = Annotated[
    CertificateDocument, BeforeValidator(_certificate, json_schema_input_type=str | CertificateDocument)
]
"""A certificate's path, or the paths of its parts."""


class ListenTlsDocument(_SuiteDocument):
    """TLS on an address."""

    what: ClassVar[str] = "`tls`"
    elsewhere: ClassVar[dict[str, str]] = {
        **_NAMES,
        "certificate": "it is `certificates`",
        "cert": "it is `certificates`",
        "key": "it is found beside its certificate, or written {certificate: ..., key: ...}",
        "ca": "authorities of clients stand in `client_certificates`",
        "client_ca": "it is client_certificates: {ca: ...}",
        "verify": "it is `client_certificates`",
        "sni": "certificates are chosen by the names that are in them",
        "session_tickets": "it is `tickets`",
        "default_certificate": "it is `default`",
    }

    certificates: Annotated[
        list[Certificate],
        BeforeValidator(as_list, json_schema_input_type=Certificate | list[Certificate]),
        BeforeValidator(not_empty("certificates")),
    ] = required("Files, directories, certbot's `live/`, or mappings; one or a list. See [certificates](tls.md).")
    default: Annotated[
        str | int | None,
        PlainValidator(_default),
        WithJsonSchema({"type": ["string", "integer"]}),
    ] = setting(
        "The certificate for clients that ask for no name or for another one: its name or its place, from 1.",
        shown="the first",
    )
    strict_sni: Flag = setting("Such clients are refused instead.", default=False)
    client_certificates: Annotated[
        ClientCertificatesDocument | None,
        BeforeValidator(_clients, json_schema_input_type=ClientCertificatesDocument | str | bool),
    ] = setting("Certificates that clients show; none unless given. A text is the file of `ca`.")
    resumption: Flag = setting("Clients that come back need no full handshake.", default=True)
    tickets: Flag = setting(
        "They are known by tickets that they keep; `false`: by what is kept here, until the next change of TLS.",
        default=True,
    )
    hsts: Hsts = setting(
        "Sends Strict-Transport-Security: for how long, such as `365d`, or the header's value; none unless given."
    )


def _listen_tls(value: object) -> object:
    if value is True:
        raise mistake("there are no certificates", expected="a path such as certs/, a list of them, or a mapping")
    if value is False:
        return None
    return made(certificates=value) if isinstance(value, str | list) else value


ListenTls = Annotated[
    ListenTlsDocument | None,
    BeforeValidator(
        _listen_tls, json_schema_input_type=ListenTlsDocument | str | list[str | CertificateDocument] | bool
    ),
]

# Servers ---------------------------------------------------------------------------------------------------------


class ServerTlsDocument(_SuiteDocument):
    """TLS towards a server."""

    what: ClassVar[str] = "`tls`"
    elsewhere: ClassVar[dict[str, str]] = {
        **_NAMES,
        "certificates": "the one that is shown to servers is `certificate`",
        "insecure": "it is verify: false",
        "insecure_skip_verify": "it is verify: false",
        "server_name": "it is `sni`",
        "host": "it is `sni`",
        "verify_host": "the name that is asked for is verified; where none is, `verify_name` is",
    }

    verify: Flag = setting("The server's certificate must be good, and hold its name or address.", default=True)
    ca: Text = setting("The PEM file with the authorities that sign for servers.", shown="those of the system")
    crl: Text = setting("The PEM file with the lists of what they revoked.")
    sni: ServerName = setting(
        "The name that is asked for, and that the certificate must hold; a text with `{expression}` yields it anew for "
        'each request, and "" stands for none.',
        shown="the host of the server's `address`",
    )
    verify_name: VerifiedName = setting(
        "What the certificate must hold where no name is asked for; `any`: whatever name.", shown="the `address`"
    )
    certificate: Text = setting("The PEM file that is shown to servers that ask for a certificate.")
    key: Text = setting("Its private key; found beside it unless given.")

    @model_validator(mode="after")
    def _key_of_something(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise Mistake(Problem("`key` goes with `certificate`", hint="name the certificate, too", key="key"))
        return self


def _server_tls(value: object) -> object:
    if isinstance(value, str):
        hint = "write true" if value.lower() in {"yes", "on"} else ""
        expected = "true, false, or a mapping such as {ca: authorities.pem}"
        raise mistake("a text instead of a mapping", expected=expected, hint=hint)
    return switch(value)


ServerTls = Annotated[
    ServerTlsDocument | None, BeforeValidator(_server_tls, json_schema_input_type=ServerTlsDocument | bool)
]
