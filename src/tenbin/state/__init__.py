"""What changes at run time, apart from what the operator wrote: the overlay, its one writer, its file."""

from tenbin.state.overlay import Overlay, ServerOverlay
from tenbin.state.store import ConflictError, State, Store

__all__ = ["ConflictError", "Overlay", "ServerOverlay", "State", "Store"]
