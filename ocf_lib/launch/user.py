"""The accounts of this host that a daemon runs as. Source: passwd(5)."""

from __future__ import annotations

import contextlib
import pwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def account_of(name: str) -> pwd.struct_passwd | None:
    """The account with this name or number, None if this host has none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    with contextlib.suppress(KeyError, ValueError):
        return pwd.getpwuid(int(name))
    return None


def uids_of(names: Iterable[str]) -> list[int]:
    """The uids of these users. Users that this host lacks are left out."""
    found = []
    for name in names:
        with contextlib.suppress(KeyError):
            found.append(pwd.getpwnam(name).pw_uid)
    return found
