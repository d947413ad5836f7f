"""The record of a start, and the kept token: formats, and trust in their folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocf_lib.declare.service import Ending, Reloading
from ocf_lib.instance import Instance
from ocf_lib.keystone import token
from ocf_lib.keystone.token import MARGIN, Token
from ocf_lib.net.endpoint import Endpoint
from ocf_lib.processes.process import UNKNOWN, Process
from ocf_lib.state.record import Record
from ocf_lib.state.statefile import SIZE_LIMIT, is_trusted, read
from tests.unit.conftest import account_of, demo

Make = Callable[..., Instance]
ACCOUNT = {
    "os_auth_url": "http://192.0.2.1:5000/v3",
    "os_username": "admin",
    "os_password": "sesame",
    "os_tenant_name": "admin",
}
GOOD = """pid=4711
start=123456
uid=116
exe=/usr/bin/python3.11
signal=15
patience=5
api=http://[::1]:5000
url=
"""


def facts(record: Record) -> list[object]:
    leader, ending = record.leader, record.ending
    return [
        *(leader.pid, leader.start, leader.uid, leader.exe, ending.signal, ending.patience),
        *(record.endpoint, record.url),
    ]


@given(
    pid=st.integers(2, 2**22),
    start=st.integers(0, 2**60),
    uid=st.integers(UNKNOWN, 2**32 - 1),
    exe=st.sampled_from(["", "/usr/bin/python3.11", "/opt/a=b c/d"]),
    signal=st.integers(1, 31),
    patience=st.integers(0, 600),
    endpoint=st.sampled_from([None, Endpoint("http", "::1", 5000), Endpoint("https", "a", 1)]),
    url=st.sampled_from(["", "http://a:5000/v3"]),
)
def test_a_record_comes_back_as_it_was(
    pid: int, start: int, uid: int, exe: str, signal: int, patience: int, endpoint, url: str
) -> None:
    url = url if endpoint is not None else ""
    record = Record(Process(pid, start, uid, exe), Ending(signal, patience), endpoint, url)
    again = Record.parse(str(record))
    assert again is not None
    assert facts(again) == facts(record)


@pytest.mark.parametrize("signal", [0, 1, 10])
@pytest.mark.parametrize("renews", [False, True])
def test_how_it_re_reads_its_configuration_comes_back(signal: int, renews: bool) -> None:
    record = Record(
        Process(4711, 1, 0, ""), Ending(15, 0), reloading=Reloading(signal, replaces_workers=renews)
    )
    again = Record.parse(str(record))
    assert again is not None
    assert again.reloading is not None
    assert (again.reloading.signal, again.reloading.replaces_workers) == (signal, renews)


def test_an_older_version_s_does_not_tell_how_to_reload() -> None:
    record = Record.parse(GOOD)
    assert record is not None
    assert record.reloading is None


def test_lines_that_a_newer_version_wrote_are_skipped() -> None:
    record = Record.parse("colour=blue\n" + GOOD + "and a line without a sign\n")
    assert record is not None
    assert record.leader.pid == 4711
    assert record.endpoint == Endpoint("http", "::1", 5000)


@pytest.mark.parametrize(
    "old, new",
    [
        ("pid=4711", "pid=1"),
        ("pid=4711", "pid=0"),
        ("pid=4711", "pid=-4711"),
        ("pid=4711", "pid="),
        ("pid=4711\n", ""),
        ("start=123456", "start=-1"),
        ("start=123456\n", ""),
        ("uid=116", "uid=-2"),
        ("uid=116\n", ""),
        ("signal=15", "signal=0"),
        ("signal=15", "signal=32"),
        ("signal=15", "signal=-9"),
        ("signal=15\n", ""),
        ("patience=5", "patience=-1"),
        ("patience=5", "patience=5\nreload=-1"),
        ("patience=5", "patience=5\nreload=32"),
        ("patience=5", "patience=5\nreload=HUP"),
        ("api=http://[::1]:5000", "api=http://::1"),
        ("api=http://[::1]:5000", "api=http://[::1]:70000"),
        ("api=http://[::1]:5000", "api=http://[::1]:0"),
        ("api=http://[::1]:5000", "api=ftp://[::1]:5000"),
        ("api=http://[::1]:5000", "api=http://[\ufffd]:5000"),
        ("api=http://[::1]:5000", "api=http://[\0]:5000"),
    ],
)
def test_a_damaged_record_is_none(old: str, new: str) -> None:
    assert old in GOOD
    assert Record.parse(GOOD) is not None
    assert Record.parse(GOOD.replace(old, new)) is None


LINES = st.lists(
    st.builds(
        "{}={}".format,
        st.sampled_from(
            ["pid", "start", "uid", "exe", "signal", "patience", "reload", "api", "url", ""]
        ),
        st.one_of(
            st.integers(-5, 2**40).map(str),
            st.builds(
                "{} {} {}".format,
                st.sampled_from(["http", "x"]),
                st.text(max_size=5),
                st.integers(),
            ),
            st.text(max_size=20),
        ),
    ),
    max_size=12,
)


@given(lines=LINES, whole=st.booleans())
@example(["pid=2"], True)
def test_whatever_text_comes_in_a_record_is_usable_or_none(lines: list[str], whole: bool) -> None:
    record = Record.parse((GOOD if whole else "") + "\n".join(lines))
    if record is None:
        return
    assert record.leader.pid > 1
    assert 0 < record.ending.signal < 32
    assert record.reloading is None or 0 <= record.reloading.signal < 32
    if record.endpoint is not None:
        assert record.endpoint.scheme in ("http", "https")
        assert 0 < record.endpoint.port < 65536
        assert record.endpoint.address.isascii()
        assert record.endpoint.address.isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_make_no_traceback(made_once: Path, content: bytes) -> None:
    made_once.write_bytes(content)
    text = read(str(made_once))
    assert text is not None
    Record.parse(text)


@pytest.fixture
def made_once(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    return folder / "file"


def test_a_file_larger_than_any_of_ours_is_none(made_once: Path) -> None:
    made_once.write_text("x" * (SIZE_LIMIT - 1))
    assert read(str(made_once)) == "x" * (SIZE_LIMIT - 1)
    for size in (SIZE_LIMIT, 100_000):
        made_once.write_text("x" * size)
        assert read(str(made_once)) is None


def test_nothing_to_read(made_once: Path) -> None:
    assert read(str(made_once)) is None
    made_once.mkdir()
    assert read(str(made_once)) is None
    assert read("/nonexistent/folder/file") is None


@pytest.mark.parametrize(
    "mode, trusted", [(0o700, True), (0o755, True), (0o770, False), (0o707, False), (0o777, False)]
)
def test_a_folder_is_trusted_where_only_its_owner_writes(
    tmp_path: Path, mode: int, trusted: bool
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "file").write_text("x")
    folder.chmod(mode)
    assert is_trusted(str(folder)) is trusted
    assert (read(str(folder / "file")) == "x") is trusted


@pytest.mark.root
def test_another_users_folder_or_a_link_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(0o700)
    (tmp_path / "link").symlink_to(folder)
    assert not is_trusted(str(tmp_path / "link"))
    os.chown(folder, 65534, 65534)
    assert not is_trusted(str(folder))


def keep(instance: Instance, text: str, account: str = "me") -> None:
    path = Path(token.file_of(instance.folder, account, "token"))
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def in_an_hour() -> int:
    return int(time.time()) + 3600


def test_a_token_comes_back_as_it_was(instance_of: Make) -> None:
    instance = instance_of(**ACCOUNT)
    account = account_of(instance)
    assert account is not None
    assert "sesame" not in account
    assert token.kept(instance.folder, account) is None
    written = Token("gAAAAA-_=x", "3", in_an_hour(), account)
    keep(instance, str(written), account)
    found = token.kept(instance.folder, account)
    assert found is not None
    assert found.__dict__ == written.__dict__


@pytest.mark.parametrize("missing", ["os_auth_url", "os_username", "os_password"])
def test_no_account_without_full_credentials(instance_of: Make, missing: str) -> None:
    given = {name: value for name, value in ACCOUNT.items() if name != missing}
    assert account_of(instance_of(**given)) is None
    assert account_of(instance_of(**given, **{missing: ""})) is None


@pytest.mark.parametrize("name", ["os_auth_url", "os_username", "os_tenant_name"])
def test_the_token_of_another_account_is_not_used(instance_of: Make, name: str) -> None:
    first, second = instance_of(**ACCOUNT), instance_of(**{**ACCOUNT, name: "http://192.0.2.2"})
    account, other = account_of(first), account_of(second)
    assert account is not None
    assert other is not None
    keep(first, str(Token("gAAAAA", "3", in_an_hour(), account)), account)
    assert token.kept(first.folder, account) is not None
    assert token.kept(first.folder, other) is None


def test_a_token_near_its_end_is_not_used(instance_of: Make) -> None:
    instance = instance_of(**ACCOUNT)
    for left, usable in ((MARGIN + 30, True), (MARGIN - 5, False), (-5, False)):
        keep(instance, str(Token("gAAAAA", "3", int(time.time()) + left, "me")))
        assert (token.kept(instance.folder, "me") is not None) is usable


@pytest.mark.parametrize(
    "text",
    [
        "",
        "me\n",
        "me\n3\n{end}\n",
        "me\n3\n{end}\n\n",
        "me\n3\n{end}\ngAAAA\n",
        "me\n3\n{end}\ngAAAA\n\n",
        "me\n3\nlater\ngAAAA\n\n3600\n",
        "me\n3\n-5\ngAAAA\n\n3600\n",
        "me\n4\n{end}\ngAAAA\n\n3600\n",
        "me\n3\n{end}\ng AAAA\n\n3600\n",
        "me\n3\n{end}\ngA\rX-Header: 1\n\n3600\n",
        "me\n3\n{end}\ng\u20acAAA\n\n3600\n",
        "me\n3\n{end}\ng\udcffAAA\n\n3600\n",
        "you\n3\n{end}\ngAAAA\n\n3600\n",
        "\0" * 500,
    ],
)
def test_a_damaged_token_is_none(instance_of: Make, text: str) -> None:
    instance = instance_of(**ACCOUNT)
    keep(instance, text.replace("{end}", str(in_an_hour())))
    assert token.kept(instance.folder, "me") is None


@given(middle=st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_whatever_text_comes_in_a_token_fits_a_header_or_is_none(
    instance_of: Make, middle: str
) -> None:
    instance = instance_of(**ACCOUNT)
    for text in (
        middle,
        f"me\n3\n{in_an_hour()}\n{middle}\n\n3600\n",
        f"me\n3\n{in_an_hour()}\nx\n{middle}\n3600\n",
        f"me\n{middle}\n{in_an_hour()}\nx\n\n3600\n",
        f"me\n3\n{in_an_hour()}\nx\n\n{middle}\n",
    ):
        keep(instance, text)
        found = token.kept(instance.folder, "me")
        if found is not None:
            found.value.encode("ascii")
            assert found.value.isprintable()
            assert found.version in ("3", "2.0")


@given(
    one=st.tuples(st.sampled_from(["nova", "nova-compute"]), st.text(min_size=1, max_size=8)),
    two=st.tuples(st.sampled_from(["nova", "nova-compute"]), st.text(min_size=1, max_size=8)),
)
@example(("nova", "compute-x"), ("nova-compute", "x"))
@example(("nova", "\u1000"), ("nova", "\u01000"))
@example(("nova", "%41"), ("nova", "A"))
def test_two_instances_never_share_a_file(one: tuple[str, str], two: tuple[str, str]) -> None:
    from ocf_lib.environment import Environment

    def path(agent: str, name: str) -> str:
        environment = Environment(["stop"], {"OCF_RESOURCE_INSTANCE": name, "HA_RSCTMP": "/x"})
        return Instance(demo(name=agent), environment).file("record")

    assert (path(*one) == path(*two)) == (one == two)
    for found in (path(*one), path(*two)):
        assert os.path.dirname(os.path.normpath(found)) == "/x/openstack"
