"""What the operator wrote, resolved: frozen value types without behaviour of their own.

Owns the vocabulary that every other layer speaks. Does not know files, processes, sockets or time. After
resolution `None` never means "default": every default has been filled in by the reader.
"""

from tenbin.model.backend import (
    Backend,
    BackendLimits,
    CookieMode,
    OnDown,
    PersistRule,
    Pool,
    Retry,
    Reuse,
    Sticky,
    StickyCookie,
    StickyKey,
    StickySource,
    UseServer,
)
from tenbin.model.balance import Balance, HashFunction, HashKey, HashMethod, IpHashForm, Policy
from tenbin.model.check import (
    CHECK_CONVERTERS,
    CHECK_SOURCES,
    AgentCheck,
    AsServer,
    Check,
    ExecCheck,
    GrpcCheck,
    HttpCheck,
    Observe,
    OnErrors,
    Probe,
    ProtocolCheck,
    PythonCheck,
    ScriptCheck,
    Step,
    StepKind,
    TcpCheck,
)
from tenbin.model.compat import Compat, Level, Proxy, RuntimeSocket, StatsPage, UserList
from tenbin.model.compression import Coding, Compression
from tenbin.model.config import AccessLog, AdminEndpoint, Config, GlobalLimits, Identity, LogFormat, Rates
from tenbin.model.expression import All, Any, Compare, Concat, Const, Convert, Expression, Fetch, Match, Not
from tenbin.model.frontend import (
    AmbiguousPaths,
    Frontend,
    FrontendLimits,
    HttpRules,
    Listener,
    Mode,
    PerSource,
    SocketOptions,
    Underscores,
)
from tenbin.model.logs import Capture, Envelope, LogPart, LogTarget, ProxyLog
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
from tenbin.model.rules import Act, Answer, Bandwidth, Rule, Rules, Verb
from tenbin.model.server import Admin, Eject, Health, Initial, Lookup, Passive, Server, ServerId
from tenbin.model.table import KeyType, LiveList, StickRule, Stored, Table
from tenbin.model.tls import (
    Certificate,
    CertificateOptions,
    ClientCertificates,
    ListenerTls,
    Protocol,
    ProxyIn,
    SendProxy,
    ServerTls,
    TlsSuite,
)
from tenbin.model.values import Address, Duration, Inherited, MemoryLimit, Rate, UnixAddress

__all__ = [
    "CHECK_CONVERTERS", "CHECK_SOURCES", "AccessLog", "Act", "Action", "Address", "Admin", "AdminEndpoint",
    "AgentCheck", "All", "AmbiguousPaths", "Answer", "Any", "AsServer", "Backend", "BackendLimits", "Balance",
    "Bandwidth", "Capture", "Certificate", "CertificateOptions", "Check", "ClientCertificates", "Coding", "Compare",
    "Compat", "Compression", "Concat", "Config", "Const", "Convert", "CookieMode", "Deny", "Duration", "Eject",
    "Envelope", "ExecCheck", "Expression", "Fetch", "Frontend", "FrontendLimits", "GlobalLimits", "GrpcCheck",
    "HashFunction", "HashKey", "HashMethod", "HeaderEdit", "HeaderVerb", "Health", "HttpCheck", "HttpRules", "Identity",
    "Inherited", "Initial", "IpHashForm", "KeyType", "Level", "Listener", "ListenerTls", "LiveList", "LogFormat",
    "LogPart", "LogTarget", "Lookup", "Match", "MemoryLimit", "Mode", "Not", "Observe", "OnDown", "OnErrors", "Passive",
    "PerSource", "PersistRule", "Policy", "Pool", "Probe", "Protocol", "ProtocolCheck", "Proxy", "ProxyIn", "ProxyLog",
    "PythonCheck", "Rate", "Rates", "Redirect", "Respond", "Retry", "Reuse", "Rewrite", "Route", "Rule", "Rules",
    "RuntimeSocket", "ScriptCheck", "SendProxy", "Server", "ServerId", "ServerTls", "SocketOptions", "StatsPage",
    "Step", "StepKind", "StickRule", "Sticky", "StickyCookie", "StickyKey", "StickySource", "Stored", "Table",
    "TcpCheck", "TlsSuite", "ToBackend", "Underscores", "UnixAddress", "UseServer", "UserList", "Verb",
]  # fmt: skip
