"""What the operator wrote, resolved: frozen value types without behaviour of their own.

Owns the vocabulary that every other layer speaks. Does not know files, processes, sockets or time. After
resolution `None` never means "default": every default has been filled in by the reader.
"""

from tenbin.model.backend import (
    Backend,
    BackendLimits,
    OnDown,
    Pool,
    Retry,
    Reuse,
    Sticky,
    StickyCookie,
    StickyKey,
    StickySource,
)
from tenbin.model.balance import Balance, HashMethod, IpHashForm, Policy
from tenbin.model.check import AsServer, Check, ExecCheck, GrpcCheck, HttpCheck, Probe, PythonCheck, TcpCheck
from tenbin.model.config import AccessLog, AdminEndpoint, Config, GlobalLimits, Identity, LogFormat
from tenbin.model.expression import All, Any, Compare, Concat, Const, Convert, Expression, Fetch, Match, Not
from tenbin.model.frontend import (
    AmbiguousPaths,
    Frontend,
    FrontendLimits,
    HttpRules,
    Listener,
    Mode,
    PerSource,
    Underscores,
)
from tenbin.model.route import (
    Action,
    Deny,
    HeaderEdit,
    HeaderVerb,
    Redirect,
    Respond,
    Rewrite,
    Route,
    ToBackend,
)
from tenbin.model.server import Admin, Eject, Health, Passive, Server, ServerId
from tenbin.model.tls import (
    Certificate,
    ClientCertificates,
    ListenerTls,
    Protocol,
    ProxyIn,
    SendProxy,
    ServerTls,
    TlsSuite,
)
from tenbin.model.values import Address, Duration, MemoryLimit, Rate

__all__ = [
    "AccessLog", "Action", "Address", "Admin", "AdminEndpoint", "All", "AmbiguousPaths", "Any", "AsServer", "Backend",
    "BackendLimits", "Balance", "Certificate", "Check", "ClientCertificates", "Compare", "Concat", "Config", "Const",
    "Convert", "Deny", "Duration", "Eject", "ExecCheck", "Expression", "Fetch", "Frontend", "FrontendLimits",
    "GlobalLimits", "GrpcCheck", "HashMethod", "HeaderEdit", "HeaderVerb", "Health", "HttpCheck", "HttpRules",
    "Identity", "IpHashForm", "Listener", "ListenerTls", "LogFormat", "Match", "MemoryLimit", "Mode", "Not", "OnDown",
    "Passive", "PerSource", "Policy", "Pool", "Probe", "Protocol", "ProxyIn", "PythonCheck", "Rate", "Redirect",
    "Respond", "Retry", "Reuse", "Rewrite", "Route", "SendProxy", "Server", "ServerId", "ServerTls", "Sticky",
    "StickyCookie", "StickyKey", "StickySource", "TcpCheck", "TlsSuite", "ToBackend", "Underscores",
]  # fmt: skip
