"""Lists of users as the data plane looks them up: names to passwords and groups.

Owns the form, which `http_auth` reads. A change of the file is told by a digest, since the data plane keeps entries
whose stamp is the same. Pure.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from tenbin.plan import wire

if TYPE_CHECKING:
    from tenbin.model import Config, UserList


def user_lists(config: Config) -> tuple[wire.LiveList, ...]:
    """Return the lists of users of a configuration in HAProxy's language."""
    return tuple(_list(one) for one in config.compat.userlists) if config.compat is not None else ()


def _list(users: UserList) -> wire.LiveList:
    entries = tuple(
        (name, f"{'plain' if plain else 'crypt'}:{password}" + (f"\n{','.join(groups)}" if groups else ""))
        for name, password, plain, groups in users.users
    )
    stamp = sha256(repr(entries).encode()).hexdigest()[:16]
    return wire.LiveList(name=users.name, entries=entries, is_map=True, stamp=stamp)
