"""The data plane as the control plane sees it: the port, the process behind it, an imitation, and the sockets."""

from tenbin.dataplane.port import Dataplane, Launcher

__all__ = ["Dataplane", "Launcher"]
