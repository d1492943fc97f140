"""The native language's document: what a file may hold, as pydantic models that also publish its JSON Schema."""

from tenbin.configfile.native.document.root import RootDocument

__all__ = ["RootDocument"]
