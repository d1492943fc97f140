"""The native language's document: what a file may hold, as pydantic models that also publish its JSON Schema."""
