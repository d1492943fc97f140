"""Where servers come from and where names lead: name resolution and the protocol of server sources."""

from tenbin.discovery.resolver import Resolver
from tenbin.discovery.source import Source

__all__ = ["Resolver", "Source"]
