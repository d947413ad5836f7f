"""Files that root writes, in folders where others may write too (cold module).

A service's user owns /run/PROJECT and /var/log/PROJECT. Whatever it plants there, a link above all,
must not make root write, read or delete anything elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from ocf_lib.state.record import is_trusted

# Of a configuration file; real ones are below 1 MB.
LIMIT = 1 << 20
NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_WRONLY


@contextlib.contextmanager
def opened_folder(path: str) -> Iterator[int]:
    """A descriptor of the folder `path`, to be used as `dir_fd`.

    A symbolic link is followed only where nobody but root could have made it (/var/run is one).
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
    """HA_RSCTMP and our own folder in it, which only root may enter.

    Raises OSError where it cannot be made or where somebody else could write to it.
    """
    os.makedirs(os.path.dirname(folder), 0o755, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    if not is_trusted(folder):
        raise PermissionError(f"{folder} is not a folder that only its owner, root, can write to")


def keep_state(path: str, text: str) -> None:
    """What the next action may want to know, for root alone. Never raises OSError: where it cannot
    be written, it is found again, or done again."""
    with contextlib.suppress(OSError):
        make_state_folder(os.path.dirname(path))
        replace(path, text.encode("utf-8", "replace").decode(), 0o600)


def replace(path: str, text: str, mode: int) -> None:
    """The file holds all of `text` or what it held before, never half of it. `mode` is exact.

    Raises OSError, also where a device has the name: /dev/null is what some write for "no file".
    A link at `path` is replaced, not followed.
    """
    name = os.path.basename(path)
    temporary = f".{name}.{os.getpid()}"
    with opened_folder(os.path.dirname(path)) as folder:
        with contextlib.suppress(FileNotFoundError):
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
                raise OSError(f"{path} is a device")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        descriptor = os.open(temporary, NEW_FILE, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(temporary, dir_fd=folder)
            raise


def remove(path: str, only_if: str | None = None) -> None:
    """Delete the file where it is there and, with `only_if`, holds this text. Never raises OSError:
    a file that stays behind is no reason for stop to fail."""
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
    """The first MiB of a text file, "" where it cannot be read or is no plain file: opening a FIFO
    would wait for a writer."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return file.read(LIMIT)
    return ""


def open_log(path: str, owner: tuple[int, int]) -> int:
    """A descriptor that appends to the log at `path`, and can read it. Made with mode 0640 for
    `owner` (uid, gid) where it is missing.

    Raises OSError, also where the name leads to anything but a plain file with one name.
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
    # O_NONBLOCK was for a FIFO in its place; the daemon's output goes to a file, and waits for it
    os.set_blocking(descriptor, True)
    return descriptor


def open_owned(path: str, uid: int) -> int:
    """A descriptor that reads the plain file at `path`, which `uid` owns under this one name.

    Raises OSError where it is anything else.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with opened_folder(os.path.dirname(path)) as folder:
        descriptor = os.open(os.path.basename(path), flags, dir_fd=folder)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_uid != uid:
        os.close(descriptor)
        raise OSError(f"{path} is not a plain file of user {uid}")
    return descriptor
