"""Files that root writes where others may plant links: no other file is touched."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from ocf_lib.state import files

NOBODY = 65534
ME = (os.getuid(), os.getgid())


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder that another user can write to, such as a service's own."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    else:
        folder.chmod(0o777)
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file that must not change."""
    folder = tmp_path / "precious"
    folder.mkdir()
    path = folder / "shadow"
    path.write_text("root:x")
    path.chmod(0o600)
    return path


def assert_untouched(path: Path) -> None:
    assert path.read_text() == "root:x"
    facts = path.stat()
    assert (facts.st_uid, stat.S_IMODE(facts.st_mode)) == (os.getuid(), 0o600)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- folders -----------------------------------------------------------------------------------


def test_a_link_that_root_made_is_followed(tmp_path: Path) -> None:
    """/var/run is such a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    files.replace(str(tmp_path / "link" / "file"), "x", 0o644)
    assert (tmp_path / "real" / "file").read_text() == "x"


def test_a_link_in_their_folder_is_not_followed(theirs: Path, precious: Path) -> None:
    (theirs / "link").symlink_to(precious.parent)
    path = str(theirs / "link" / "shadow")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        files.replace(path, "x", 0o644)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        files.open_log(path, ME)
    files.remove(path)
    assert_untouched(precious)


def test_dots_do_not_lead_out(theirs: Path, precious: Path) -> None:
    (theirs / "link").symlink_to(precious.parent)
    with pytest.raises(OSError):
        files.replace(str(theirs / "link" / ".." / "precious" / "shadow"), "x", 0o644)
    assert_untouched(precious)


def test_a_missing_folder_and_a_file_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.replace(str(tmp_path / "no" / "file"), "x", 0o644)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.replace(str(tmp_path / "file" / "file"), "x", 0o644)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        files.replace(str(tmp_path / "file"), "x", 0o600)
        files.remove(str(tmp_path / "file"), only_if="y")
        with pytest.raises(OSError):
            files.replace(str(tmp_path / "no" / "file"), "x", 0o600)
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(OSError):
            files.open_log(str(tmp_path / "folder"), ME)
        os.close(files.open_log(str(tmp_path / "log"), ME))
    assert len(os.listdir("/proc/self/fd")) == before


# -- the state folder --------------------------------------------------------------------------


def test_the_state_folder_is_root_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "rsctmp" / "openstack"
    files.make_state_folder(str(folder))
    assert mode_of(folder) == 0o700
    assert mode_of(folder.parent) == 0o755
    files.make_state_folder(str(folder))


def test_a_state_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "rsctmp" / "openstack"
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    with pytest.raises(PermissionError, match="root"):
        files.make_state_folder(str(folder))


def test_a_link_as_state_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "openstack").symlink_to("elsewhere")
    with pytest.raises(PermissionError):
        files.make_state_folder(str(tmp_path / "openstack"))


@pytest.mark.root
def test_another_user_s_state_folder_is_refused(theirs: Path) -> None:
    with pytest.raises(PermissionError):
        files.make_state_folder(str(theirs))


# -- replace -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_is_exact_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        files.replace(str(tmp_path / "file"), "text", mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").read_text() == "text"
    assert mode_of(tmp_path / "file") == mode


def test_a_link_is_replaced_not_followed(theirs: Path, precious: Path) -> None:
    (theirs / "file").symlink_to(precious)
    files.replace(str(theirs / "file"), "new", 0o644)
    assert_untouched(precious)
    assert not (theirs / "file").is_symlink()
    assert (theirs / "file").read_text() == "new"


def test_a_hard_link_is_replaced_not_written_through(theirs: Path, precious: Path) -> None:
    os.link(precious, theirs / "file")
    files.replace(str(theirs / "file"), "new", 0o644)
    assert_untouched(precious)


def test_a_fifo_is_replaced_without_waiting(theirs: Path) -> None:
    os.mkfifo(theirs / "file")
    files.replace(str(theirs / "file"), "new", 0o644)
    assert (theirs / "file").read_text() == "new"


def test_links_under_the_temporary_s_name_do_no_harm(theirs: Path, precious: Path) -> None:
    (theirs / f".file.{os.getpid()}").symlink_to(precious)
    files.replace(str(theirs / "file"), "new", 0o644)
    assert_untouched(precious)
    assert os.listdir(theirs) == ["file"]


def test_a_folder_in_its_place_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        files.replace(str(tmp_path / "file"), "new", 0o644)
    assert os.listdir(tmp_path) == ["file"]


def test_a_reader_sees_all_of_it_or_what_was_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = ("a" * 4000, "b" * 3000)
    files.replace(str(path), texts[0], 0o600)
    done = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(200):
        files.replace(str(path), texts[turn % 2], 0o600)
    done.set()
    reader.join()
    assert seen <= set(texts)


@pytest.mark.root
def test_a_full_disk_leaves_what_was_before(tmp_path: Path) -> None:
    """In a mount namespace, with a file system of one page as the folder."""
    (tmp_path / "small").mkdir()
    code = f"""
import sys; sys.path.insert(0, {str(Path(files.__file__).parent.parent)!r})
from ocf_lib.state import files
path = {str(tmp_path / "small" / "file")!r}
files.replace(path, "before", 0o600)
try:
    files.replace(path, "x" * 100000, 0o600)
except OSError as error:
    import os
    print(error.errno, open(path).read(), os.listdir(os.path.dirname(path)))
"""
    mount = f"mount -t tmpfs -o size=16k none {tmp_path}/small"
    done = subprocess.run(
        [*_unshare(), "sh", "-c", f'{mount} && exec /usr/bin/python3 -c "$0"', code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "28 before ['file']\n"


def _unshare() -> tuple[str, ...]:
    from tests.contract.node import unshare

    return unshare()


# -- remove ------------------------------------------------------------------------------------


def test_remove_takes_the_link_and_not_what_it_names(theirs: Path, precious: Path) -> None:
    (theirs / "file").symlink_to(precious)
    files.remove(str(theirs / "file"))
    assert_untouched(precious)
    assert os.listdir(theirs) == []


@pytest.mark.parametrize(
    "text, gone", [("42", True), ("42\n", True), ("421", False), ("4", False), ("", False)]
)
def test_remove_only_where_it_holds_what_we_wrote(tmp_path: Path, text: str, gone: bool) -> None:
    (tmp_path / "pid").write_text(text)
    files.remove(str(tmp_path / "pid"), only_if="42")
    assert (not (tmp_path / "pid").exists()) is gone


def test_remove_never_raises(tmp_path: Path, theirs: Path, precious: Path) -> None:
    files.remove(str(tmp_path / "missing"))
    files.remove(str(tmp_path / "no" / "folder"))
    files.remove(str(tmp_path))
    files.remove("/proc/self/stat")
    os.mkfifo(theirs / "fifo")
    files.remove(str(theirs / "fifo"), only_if="42")
    (theirs / "link").symlink_to(precious)
    files.remove(str(theirs / "link"), only_if="root:x")
    assert_untouched(precious)
    files.remove("relative")
    files.remove("")


# -- logs --------------------------------------------------------------------------------------


def test_a_new_log_is_its_owner_s_and_not_the_world_s(tmp_path: Path) -> None:
    owner = (NOBODY, NOBODY) if os.geteuid() == 0 else ME
    descriptor = files.open_log(str(tmp_path / "log"), owner)
    facts = os.fstat(descriptor)
    assert (facts.st_uid, facts.st_gid) == owner
    assert stat.S_IMODE(facts.st_mode) == 0o640
    os.close(descriptor)


def test_an_old_log_is_appended_to_and_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    path.chmod(0o600)
    descriptor = files.open_log(str(path), (NOBODY, NOBODY))
    os.write(descriptor, b"after\n")
    assert os.pread(descriptor, 100, 0) == b"before\nafter\n"
    assert os.get_blocking(descriptor)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert (path.stat().st_uid, mode_of(path)) == (os.getuid(), 0o600)


def test_a_log_is_neither_a_link_nor_a_second_name(theirs: Path, precious: Path) -> None:
    (theirs / "link").symlink_to(precious)
    os.link(precious, theirs / "hard")
    os.mkfifo(theirs / "fifo")
    (theirs / "folder").mkdir()
    for name in os.listdir(theirs):
        with pytest.raises(OSError):
            os.close(files.open_log(str(theirs / name), (NOBODY, NOBODY)))
    assert_untouched(precious)


def test_a_device_is_no_log() -> None:
    with pytest.raises(OSError):
        os.close(files.open_log("/dev/null", ME))


@pytest.mark.root
def test_a_device_is_neither_replaced_nor_removed(tmp_path: Path) -> None:
    """Some operators write pid=/dev/null to say "no PID file"."""
    device = tmp_path / "null"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    with pytest.raises(OSError, match="device"):
        files.replace(str(device), "4711\n", 0o644)
    files.remove(str(device), only_if="")
    assert device.is_char_device()
    assert os.listdir(tmp_path) == ["null"]
