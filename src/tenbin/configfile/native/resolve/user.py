"""Whom the data plane runs as: names become numbers here, and what that user may not do is told with its place.

Owns the look into the system's lists of users and groups. Whether this process may become somebody else is known
only when it runs (`tenbin.supervisor.source`): a file is checked by other people than root, too.
"""

from __future__ import annotations

import grp
import os
import pwd
from typing import TYPE_CHECKING

from tenbin.configfile.suggest import did_you_mean
from tenbin.model.config import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.configfile.native.document.root import RootDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path as Place

_READ, _WRITE, _SEARCH = 4, 2, 1


def resolve_user(document: RootDocument, context: Context) -> Identity | None:
    """Return the identity that `user` and `group` name; what does not exist is noted in the context."""
    if document.user is None:
        if document.group is not None:
            context.error(("group",), "`group` goes with `user`", hint="name the user, too", key=True)
        return None
    name = document.user
    account, known = _user(name), True
    gid = account.pw_gid if account else None
    if account is None and not name.isdigit():
        _unknown(context, "user", name, [one.pw_name for one in pwd.getpwall()])
        known = False
    if document.group is not None:
        gid = _group(document.group)
        if gid is None:
            _unknown(context, "group", document.group, [one.gr_name for one in grp.getgrall()])
            known = False
    elif known and gid is None:
        message = f"the user {name} is in no list of this machine, so its group is not known"
        context.error(("user",), message, hint="name its group with `group`")
    if not known or gid is None:
        return None
    uid = account.pw_uid if account else int(name)
    groups = tuple(sorted(set(os.getgrouplist(account.pw_name, gid)))) if account else (gid,)
    return Identity(name, uid, gid, groups, context.position(("user",)))


def number(context: Context, kind: str, name: str | None, path: Place) -> int:
    """The number of a user or group by its name, at `path`; -1 for none."""
    if name is None:
        return -1
    account = _user(name) if kind == "user" else None
    found = account.pw_uid if account else _group(name) if kind == "group" else None
    if found is not None or name.isdigit():
        return int(name) if found is None else found
    context.error(path, f"there is no {kind} {name} on this machine", key=True)
    return -1


def may_write(user: Identity, path: Path) -> bool:
    """Whether this user may open a file for writing, or make it; by the modes alone, as lists of access are rare."""
    if user.uid == 0:
        return True
    try:
        if not all(_allowed(user, parent, _SEARCH) for parent in path.parents):
            return False
        if path.exists():
            return _allowed(user, path, _WRITE)
        return _allowed(user, path.parent, _WRITE)
    except OSError:
        # What cannot be seen from here is told by the data plane when it opens the file.
        return True


def may_read(user: Identity, path: Path) -> bool:
    """Whether this user may open a file for reading, and whatever links lead to it."""
    if user.uid == 0:
        return True
    try:
        real = path.resolve()
        searched = all(_allowed(user, parent, _SEARCH) for parent in {*path.parents, *real.parents})
        return searched and _allowed(user, real, _READ)
    except OSError:
        return True


def _unknown(context: Context, kind: str, name: str, names: list[str]) -> None:
    hint = did_you_mean(name, names) or "a number is taken as it is"
    context.error((kind,), f"there is no {kind} {name} on this machine", hint=hint)


def _allowed(user: Identity, path: Path, wanted: int) -> bool:
    found = path.stat()
    if found.st_uid == user.uid:
        return bool(found.st_mode >> 6 & wanted)
    if found.st_gid == user.gid or found.st_gid in user.groups:
        return bool(found.st_mode >> 3 & wanted)
    return bool(found.st_mode & wanted)


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return None


def _group(name: str) -> int | None:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        return None
