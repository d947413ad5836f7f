"""Small files in our state folder, which root alone can enter: checked when read, written whole.

Everything here is for the frequent monitor: `posix` costs nothing to import, `os` 1 ms.
"""

from __future__ import annotations

import posix

# No file of ours is larger; a token of 2013 (PKI) is 3 to 8 KB.
SIZE_LIMIT = 16384
NEW_FILE = posix.O_CREAT | posix.O_EXCL | posix.O_WRONLY | posix.O_NOFOLLOW | posix.O_CLOEXEC
FOLDER = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC


def is_trusted(folder: str) -> bool:
    """Nobody but us can have put files into this folder (agents run as root)."""
    try:
        facts = posix.lstat(folder)
    except OSError:
        return False
    return facts.st_uid == posix.geteuid() and facts.st_mode & 0o170022 == 0o040000


def read(path: str) -> str | None:
    """The text of a small file in our state folder; None if there is none that can be trusted."""
    if not is_trusted(path.rpartition("/")[0]):
        return None
    try:
        # without O_NONBLOCK a FIFO, if somebody made one, would wait for a writer
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
        try:
            text = posix.read(descriptor, SIZE_LIMIT)
        finally:
            posix.close(descriptor)
    except OSError:
        return None
    # a larger one was not made by us
    return text.decode("utf-8", "replace") if len(text) < SIZE_LIMIT else None


def write(path: str, text: str) -> None:
    """Replace the file at `path`, in a folder that is trusted. Raises OSError."""
    folder, _, name = path.rpartition("/")
    descriptor = posix.open(folder, FOLDER)
    try:
        replace(descriptor, name, text.encode("utf-8", "replace"), 0o600)
    finally:
        posix.close(descriptor)


def replace(folder: int, name: str, data: bytes, mode: int) -> None:
    """Replace the file at once: it holds all of `data` or what it held before, never half of it.

    folder: a descriptor of its folder. mode: exact, whatever the umask. A link of this name is
    replaced, not followed. Raises OSError.
    """
    temporary = f".{name}.{posix.getpid()}"
    try:  # noqa: SIM105 - contextlib costs 3 ms
        # a file that a killed process with our PID left
        posix.unlink(temporary, dir_fd=folder)
    except FileNotFoundError:
        pass
    descriptor = posix.open(temporary, NEW_FILE, 0o600, dir_fd=folder)
    try:
        try:
            posix.fchmod(descriptor, mode)
            while data:
                data = data[posix.write(descriptor, data) :]
        finally:
            posix.close(descriptor)
        posix.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        # a full disk takes a part of it, or nothing
        posix.unlink(temporary, dir_fd=folder)
        raise
