"""From the document to the model: names are looked up, defaults filled in, and what contradicts itself is told."""

from tenbin.configfile.native.resolve.root import resolve

__all__ = ["resolve"]
