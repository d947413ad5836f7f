"""Files in which an operator keeps secrets: who besides root can read or change them?"""

from __future__ import annotations

import os
import pwd
import stat

from ocf_lib.outcomes import InvalidHere
from ocf_lib.state import files


def opened(path: str, source: str) -> tuple[int, str]:
    """A descriptor that reads the plain file at `path`, and its exposure: who besides root can read
    or change the file, and the remedy; "" for nobody.

    source: what names the file, such as "parameter openrc". Raises InvalidHere if it is missing, is
    no plain file or is larger than 1 MiB.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        with files.opened_folder(os.path.dirname(path)) as folder:
            facts = os.fstat(folder)
            # a link that somebody else could have made may lead anywhere
            if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & 0o022:
                flags |= os.O_NOFOLLOW
            descriptor = os.open(os.path.basename(path), flags, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidHere(f"{path} is not on this host: {source} names a file that is") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is no path"
        raise InvalidHere(f"{path} cannot be read ({why}): check {source}") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > files.LIMIT:
        os.close(descriptor)
        raise InvalidHere(f"{path} is no plain file of up to 1 MiB: check {source}")
    return descriptor, _exposure(path, source, facts)


def read(path: str, source: str) -> tuple[str, str]:
    """The file's text and its exposure. Raises InvalidHere as `opened` does, and if it is no
    text."""
    descriptor, exposure = opened(path, source)
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(files.LIMIT).decode("utf-8-sig"), exposure
        except (OSError, UnicodeDecodeError):
            raise InvalidHere(f"{path} is no text in UTF-8: check {source}") from None


def _exposure(path: str, source: str, facts: os.stat_result) -> str:
    remedies, others = [], ""
    if facts.st_mode & 0o022:
        others = "be changed by others"
    elif facts.st_mode & 0o004:
        others = "be read by everybody"
    elif facts.st_mode & 0o040 and facts.st_gid != 0:
        others = "be read by a group"
    if others:
        remedies.append(f"chmod 600 {path}")
    if facts.st_uid not in (0, os.geteuid()):
        others = others or f"be read by user {_name(facts.st_uid)}"
        remedies.append(f"chown root {path}")
    if not others:
        return ""
    return f"{path} ({source}) can {others}: {'; '.join(remedies)}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
