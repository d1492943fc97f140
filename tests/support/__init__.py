"""What Tenbin's own tests share beyond `tenbin.testing`."""

from __future__ import annotations

from collections.abc import Callable

from tenbin.testing import Tenbin

StartTenbin = Callable[[str], Tenbin]
"""The fixture `start_tenbin`: start a Tenbin on a configuration text."""
