"""Files that root writes, in folders in which others may write too.

A service's user owns /run/PROJECT and /var/log/PROJECT. Nothing that it plants there, such as a
link, may make root write, read or delete anything elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from ocf_lib.state import statefile

# Bytes of a configuration file that are read; real files are below 1 MB.
LIMIT = 1 << 20


@contextlib.contextmanager
def opened_folder(path: str) -> Iterator[int]:
    """A descriptor of the folder `path`, for use as `dir_fd`.

    A symbolic link is followed only if nobody but root could have made it (/var/run is one).
    Raises OSError: ELOOP or ENOTDIR for a link that somebody else could have made.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    current = os.open("/", flags)
    try:
        for name in path.split("/"):
            if name in ("", "."):
                continue
            facts = os.fstat(current)
            ours = facts.st_uid in (0, os.geteuid()) and not facts.st_mode & 0o022
            inner = os.open(name, flags if ours else flags | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = inner
        yield current
    finally:
        os.close(current)


def make_state_folder(folder: str) -> None:
    """Make HA_RSCTMP and our own folder in it, which only root may enter.

    Raises OSError if it cannot be made or if somebody else could write to it.
    """
    os.makedirs(os.path.dirname(folder), 0o755, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if not statefile.is_trusted(folder):
        raise PermissionError(f"{folder} is not a folder that only its owner, root, can write to")


def keep_state(path: str, text: str) -> None:
    """Write a file for the next action, which only root can read. Never raises OSError: what
    cannot be written is found again, or done again."""
    with contextlib.suppress(OSError):
        make_state_folder(os.path.dirname(path))
        replace(path, text.encode("utf-8", "replace").decode(), 0o600)


def replace(path: str, text: str, mode: int) -> None:
    """Replace the file at once: it holds all of `text` or what it held before, never half of it.
    `mode` is exact. A link at `path` is replaced, not followed.

    Raises OSError, also if `path` is a device: some operators set /dev/null for "no file".
    """
    name = os.path.basename(path)
    with opened_folder(os.path.dirname(path)) as folder:
        with contextlib.suppress(FileNotFoundError):
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
                raise OSError(f"{path} is a device")
        statefile.replace(folder, name, text.encode("utf-8", "surrogateescape"), mode)


def remove(path: str, only_if: str | None = None) -> None:
    """Delete the file if it is there and, with `only_if`, holds this text. Never raises OSError: a
    file that stays behind is no reason for stop to fail."""
    with contextlib.suppress(OSError), opened_folder(os.path.dirname(path)) as folder:
        name = os.path.basename(path)
        if only_if is not None:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return
                if file.read(64).strip() != only_if.encode():
                    return
        os.unlink(name, dir_fd=folder)


def read_text(path: str) -> str:
    """The first MiB of a text file, "" if it cannot be read or is no plain file. Opening a FIFO
    does not wait for a writer."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return file.read(LIMIT)
    return ""


def open_log(path: str, owner: tuple[int, int]) -> int:
    """A descriptor that appends to the log at `path`, and can read it. A missing log is made with
    mode 0640 for `owner` (uid, gid).

    Raises OSError, also if the name leads to anything but a plain file with one name.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    name = os.path.basename(path)
    with opened_folder(os.path.dirname(path)) as folder:
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=folder)
            if os.geteuid() == 0:
                os.fchown(descriptor, *owner)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file")
    # O_NONBLOCK was for a FIFO in its place; the daemon's own writes may wait for the file
    os.set_blocking(descriptor, True)
    return descriptor


def open_owned(path: str, uid: int) -> int:
    """A descriptor that reads the plain file at `path`, which `uid` owns under this one name.

    Raises OSError if it is anything else.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with opened_folder(os.path.dirname(path)) as folder:
        descriptor = os.open(os.path.basename(path), flags, dir_fd=folder)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_uid != uid:
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file of user {uid}")
    return descriptor
