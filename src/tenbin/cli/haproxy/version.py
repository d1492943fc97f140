"""What `-v`, `-vv` and wrong words print: HAProxy's shape, Tenbin's facts."""

from __future__ import annotations

import os
import platform

from tenbin import __version__
from tenbin.configfile.haproxy.predicates import FEATURES, OPENSSL
from tenbin.configfile.haproxy.reading import version_of

_SERVICES = ("prometheus-exporter",)

_OPTIONS = """\
        -v displays version ; -vv shows known build options.
        -d enters debug mode ; -db only disables background mode.
        -dW makes warnings errors ; other -d options are taken and change nothing.
        -V enters verbose mode (disables quiet mode)
        -D goes daemon ; -C changes to <dir> before loading files.
        -W master-worker mode.
        -Ws master-worker mode with systemd notify support.
        -q quiet mode : don't display messages
        -c check mode : only check config files and exit
        -cc check condition : evaluate a condition and exit
        -n sets the maximum total # of connections
        -m and -N are taken and change nothing
        -L set local peer name (default to hostname)
        -p writes pids of all children to this file
        -S <bind>[,<options>...] new master CLI
        -sf/-st [pid ]* finishes/terminates old pids.
        -x <unix_socket> get listening sockets from a unix socket
"""


def number() -> str:
    """The version of HAProxy whose behaviour this is, with Tenbin's own behind it."""
    major, minor = version_of(os.environ)
    return f"{major}.{minor}.0-tenbin{__version__}"


def banner() -> str:
    """What `-v` prints."""
    uname = platform.uname()
    return (
        f"HAProxy version {number()} - Tenbin {__version__}, which reads HAProxy's configurations\n"
        f"Running on: {uname.system} {uname.release} {uname.version} {uname.machine}\n"
    )


def details() -> str:
    """What `-vv` prints; only what is there is claimed."""
    features = " ".join(f"+{name}" for name in sorted(FEATURES))
    return (
        f"{banner()}"
        "Build options :\n"
        "  TARGET  = linux-glibc\n\n"
        f"Feature list : {features}\n\n"
        "Default settings :\n"
        "  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n\n"
        "Built with multi-threading support (MAX_THREADS=64, default=1 for each core).\n"
        f"TLS by rustls, which can what OpenSSL {OPENSSL} is asked for : TLSv1.2 TLSv1.3\n"
        'Compression algorithms supported : identity("identity"), deflate("deflate"), gzip("gzip")\n\n'
        "Available polling systems :\n"
        "      epoll : pref=300,  test result OK\n"
        "Total: 1 (1 usable), will use epoll.\n\n"
        "Available multiplexer protocols :\n"
        "(protocols marked as <default> cannot be specified using 'proto' keyword)\n"
        "         h2 : mode=HTTP  side=FE|BE  mux=H2    flags=HTX|HOL_RISK|NO_UPG\n"
        "  <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n"
        "         h1 : mode=HTTP  side=FE|BE  mux=H1    flags=HTX|NO_UPG\n"
        "  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n\n"
        f"Available services : {' '.join(_SERVICES)}\n"
        "Available filters :\n"
        "\t[COMP] compression\n"
    )


def usage() -> str:
    """What words that make no sense are answered with."""
    program = "tenbin haproxy"
    return (
        f"{banner()}"
        f"Usage : {program} [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]\n"
        "        [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]\n"
        f"{_OPTIONS}"
    )
