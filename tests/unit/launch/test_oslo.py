"""A service's configuration, read here and by oslo.config itself: both find the same values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocf_lib.launch import oslo
from ocf_lib.launch.oslo import Options
from ocf_lib.state.files import LIMIT

cfg: Any = pytest.importorskip("oslo_config.cfg")

PROJECT, PROGRAM = "demo-of-ocf-lib", "demo-daemon"
GROUP = "oslo_messaging_rabbit"
SOUGHT = [("DEFAULT", "transport_url"), (GROUP, "transport_url"), (GROUP, "rabbit_hosts")]
Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files below one folder. Both readers take its etc for /etc."""
    etc = tmp_path / "etc"
    monkeypatch.setattr(oslo, "ETC", str(etc))
    places = [str(etc / PROJECT), str(etc)]
    monkeypatch.setattr(cfg, "_get_config_dirs", lambda project=None: places)

    def put(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return tmp_path

    return put


def theirs(words: list[str]) -> dict[tuple[str, str], str] | None:
    """What the daemon reads; None if it would not start."""
    conf = cfg.ConfigOpts()
    for section, name in SOUGHT:
        group = None if section == "DEFAULT" else section
        conf.register_opt(cfg.StrOpt(name), group=group)
    try:
        conf(args=words, project=PROJECT, prog=PROGRAM, default_config_files=[])
    except cfg.Error:
        return None
    values = {(s, n): conf[n] if s == "DEFAULT" else conf[s][n] for s, n in SOUGHT}
    # if a URL spans several lines, its line breaks are removed later
    return {option: (value or "").replace("\n", "") for option, value in values.items()}


def ours(words: list[str]) -> dict[tuple[str, str], str]:
    found = Options([f"/usr/bin/{PROGRAM}", *words], PROJECT)
    return {(section, name): found.get(section, name) for section, name in SOUGHT}


def both(words: list[str]) -> dict[tuple[str, str], str]:
    """The values; both readers must agree."""
    assert theirs(words) is not None
    assert ours(words) == theirs(words)
    return ours(words)


# -- any text ----------------------------------------------------------------------------------

BLANKS = st.sampled_from(["", "", " ", "\t", "  "])
SECTIONS = st.sampled_from(
    ["DEFAULT", "DEFAULT", "default", GROUP, GROUP.upper(), " DEFAULT ", "a]b", "database"]
)
# "$" refers to other options, which our reader does not resolve
TEXT = st.text(
    st.one_of(
        st.sampled_from("abc=:[]#;\"' \t\\/@,\x0b\x0c\x1c\x85\u2028"),
        st.characters(blacklist_characters="$\n\r\0", blacklist_categories=["Cs"]),
    ),
    max_size=8,
)
LINES = st.one_of(
    st.builds("[{}]{}".format, SECTIONS, BLANKS),
    st.builds(
        "{}{}{}{}{}{}".format,
        st.sampled_from(
            ["transport_url", "transport_url", "rabbit_hosts", "other", "Transport_Url"]
        ),
        BLANKS,
        st.sampled_from("=:"),
        BLANKS,
        st.one_of(TEXT, TEXT.map('"{}"'.format), TEXT.map("'{}'".format)),
        BLANKS,
    ),
    st.builds("{}{}".format, st.sampled_from([" ", "\t"]), TEXT),
    st.builds("{}{}".format, st.sampled_from("#;"), TEXT),
    BLANKS,
)
FILES = st.builds(
    lambda lines, end: end.join(["[DEFAULT]", *lines]),
    st.lists(LINES, max_size=12),
    st.sampled_from(["\n", "\n", "\r\n"]),
)


@settings(max_examples=250)
@given(text=FILES)
@example('[DEFAULT]\ntransport_url = rabbit://\n\tu:p@h\n  :1/\n\ntransport_url = "a\n b"')
@example("[DEFAULT]\ntransport_url = a\x0c\n # = b\ntransport_url: 'it''s'")
@example("[DEFAULT]\n[ DEFAULT ]\ntransport_url = x")
@example("[DEFAULT]\ntransport_url = '")
def test_any_file_is_read_as_oslo_config_reads_it(write: Write, text: str) -> None:
    folder = write({"some.conf": text})
    words = [f"--config-file={folder}/some.conf"]
    expected = theirs(words)
    found = ours(words)
    if expected is not None:
        assert found == expected


FLAWED = st.sampled_from(["[", "[]", "[a", "=x", ": x", "word", " going = on", "", "# x"])


@settings(max_examples=400)
@given(lines=st.lists(st.one_of(LINES, FLAWED), max_size=6), has_section=st.booleans())
@example(["a = b", "", " c"], True)
@example(["# a", " b"], True)
@example(["a = b"], False)
def test_a_flaw_is_what_oslo_config_refuses(
    write: Write, lines: list[str], has_section: bool
) -> None:
    folder = write({"some.conf": "\n".join([*(["[DEFAULT]"] if has_section else []), *lines])})
    path = f"{folder}/some.conf"
    try:
        cfg.ConfigParser(path, {}).parse()
        is_refused = False
    except cfg.iniparser.ParseError:
        is_refused = True
    flaw = Options(["/usr/bin/x", f"--config-file={path}"]).flaw
    assert bool(flaw) == is_refused
    assert not flaw or re.fullmatch(rf"line [1-7] of {path}", flaw)


def test_the_first_flaw_of_all_files_is_told(write: Write) -> None:
    folder = write({"a.conf": "[x]\na = b\n", "b.conf": "[x]\na\n", "c.conf": "a = b\n"})
    words = [f"--config-file={folder}/{name}.conf" for name in "abc"]
    assert Options(["/usr/bin/x", *words]).flaw == f"line 2 of {folder}/b.conf"
    assert Options(["/usr/bin/x", words[0]]).flaw == ""


def test_what_it_reads_is_not_all_broken() -> None:
    """A daemon starts with a good part of the random texts above."""
    seen = []

    @settings(max_examples=100)
    @given(text=FILES)
    def look(text: str) -> None:
        parser = cfg.ConfigParser("name", {})
        try:
            cfg.iniparser.BaseParser.parse(parser, text.split("\n"))
        except cfg.iniparser.ParseError:
            return
        seen.append(parser.sections.get("DEFAULT", {}).get("transport_url"))

    look()
    assert len(seen) > 30
    assert sum(map(bool, seen)) > 10


# -- which files, and which of them takes precedence ---------------------------------------------


def says(value: str, section: str = "DEFAULT") -> str:
    return f"[{section}]\ntransport_url = {value}\n"


NAMES = ["one.conf", "two.conf", "d/b.conf", "d/a.conf", "d/c.txt", "d/.hidden.conf", "e/z.conf"]
ARGUMENTS = st.lists(
    st.sampled_from(
        [
            *(["--config-file={}/one.conf"], ["--config-file", "{}/two.conf"], ["--debug"]),
            *(["--config-dir={}/d"], ["--config-dir", "{}/e"], ["--config-dir={}/empty"]),
        ]
    ),
    max_size=5,
).map(lambda lists: [word for words in lists for word in words])


@given(arguments=ARGUMENTS, silent=st.sets(st.sampled_from(NAMES)))
def test_later_files_win_and_folders_are_sorted(
    write: Write, arguments: list[str], silent: set[str]
) -> None:
    files = {name: "[DEFAULT]\n" if name in silent else says(name) for name in NAMES}
    usual = {f"etc/{PROJECT}/{PROJECT}.conf.d/u.conf": says("usual")}
    folder = write({**files, **usual, "empty/x": ""})
    words = [word.format(folder) for word in arguments if word != "--debug"]
    expected = theirs(words)
    assert expected is not None
    assert ours([*words, "--debug"]) == expected


@pytest.mark.parametrize(
    "files, value",
    [
        ({f"{PROJECT}/{PROJECT}.conf.d/a.conf": "project's"}, "project's"),
        ({f"{PROJECT}/{PROGRAM}.conf.d/a.conf": "program's"}, "program's"),
        ({f"{PROJECT}.conf.d/a.conf": "elsewhere"}, "elsewhere"),
        (
            {f"{PROJECT}/{PROJECT}.conf.d/a.conf": "first", f"{PROJECT}.conf.d/a.conf": "second"},
            "first",
        ),
        (
            {
                f"{PROJECT}/{PROJECT}.conf.d/a.conf": "project's",
                f"{PROJECT}/{PROGRAM}.conf.d/a.conf": "program's",
            },
            "program's",
        ),
        (
            {f"{PROJECT}/{PROJECT}.conf.d/{n}.conf": n for n in ("b", "c", "a")},
            "c",
        ),
    ],
)
def test_folders_that_nobody_names(write: Write, files: dict[str, str], value: str) -> None:
    folder = write({f"etc/{name}": says(text) for name, text in files.items()})
    write({"some.conf": says("other", GROUP), "own.conf": says("own")})
    named = f"--config-file={folder}/some.conf"
    assert both([named])["DEFAULT", "transport_url"] == value
    assert both([f"--config-file={folder}/own.conf"])["DEFAULT", "transport_url"] == "own"
    write({"empty/x": ""})
    assert both([named, f"--config-dir={folder}/empty"])["DEFAULT", "transport_url"] == ""
    assert both([named, "--config-dir", f"{folder}/empty"])["DEFAULT", "transport_url"] == ""


def test_without_a_project_no_folder_is_looked_for(write: Write) -> None:
    write({f"etc/{PROJECT}/{PROGRAM}.conf.d/a.conf": says("x")})
    assert Options([f"/usr/bin/{PROGRAM}"], PROJECT).get("DEFAULT", "transport_url") == "x"
    assert Options([f"/usr/bin/{PROGRAM}.py"], PROJECT).get("DEFAULT", "transport_url") == "x"
    assert Options([f"/usr/bin/{PROGRAM}"]).get("DEFAULT", "transport_url") == ""
    assert Options([]).get("DEFAULT", "transport_url") == ""


def test_a_path_with_blanks_is_one_path(write: Write) -> None:
    folder = write({"a b/some file.conf": says("x"), "a b/[d]/a.conf": says("y", GROUP)})
    config, folders = f"{folder}/a b/some file.conf", f"{folder}/a b/[d]"
    assert both([f"--config-file={config}"])["DEFAULT", "transport_url"] == "x"
    found = Options(["x", "--config-file", config, "--config-dir", folders])
    # oslo.config takes the brackets as a pattern, which matches nothing
    assert found.get(GROUP, "transport_url") == "y"


def test_the_arguments_of_an_application_under_uwsgi(write: Write) -> None:
    folder = write({"one.conf": says("1"), "two.conf": says("2"), "d/a.conf": says("3", GROUP)})
    own = f"--config-dir={folder}/d --config-file={folder}/two.conf --config-file {folder}/one.conf"
    found = Options(["uwsgi", "--ini", "x.ini", "--pyargv", own, "--processes", "2"], PROJECT)
    assert found.get("DEFAULT", "transport_url") == "1"
    assert found.get(GROUP, "transport_url") == "3"


def test_the_first_name_that_has_a_value(write: Write) -> None:
    folder = write({"some.conf": "[DEFAULT]\na =\nb = 2\nc = 3\n"})
    found = Options(["x", f"--config-file={folder}/some.conf"])
    assert found.get("DEFAULT", "a", "b", "c") == "2"
    assert found.get("DEFAULT", "c", "b") == "3"
    assert found.get("DEFAULT", "a") == found.get("DEFAULT", "d") == found.get("x", "b") == ""


# -- what cannot be read -------------------------------------------------------------------------


def test_what_cannot_be_read_has_no_values(write: Write, tmp_path: Path) -> None:
    write({"real.conf": says("x")})
    os.mkfifo(tmp_path / "fifo.conf")
    (tmp_path / "broken.conf").write_bytes(
        b"\xff[DEFAULT]\n" + says("\udcff").encode("latin-1", "replace")
    )
    others = [
        tmp_path,
        tmp_path / "fifo.conf",
        "/nonexistent/x.conf",
        "/dev/zero",
        "",
        "/proc/1/mem",
    ]
    words = [f"--config-file={path}" for path in [tmp_path / "real.conf", *others]]
    found = Options(["x", *words, "--config-dir=/nonexistent", "--config-file", "--config-dir"])
    assert found.get("DEFAULT", "transport_url") == "x"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "some.conf"
    path.write_bytes(b"[DEFAULT]\n# caf\xe9\ntransport_url = rabbit://\xe9:p@h:1/\n")
    value = Options(["x", f"--config-file={path}"]).get("DEFAULT", "transport_url")
    assert value == "rabbit://\ufffd:p@h:1/"


def test_no_more_than_a_little_is_read(write: Write) -> None:
    padding = "#" * (LIMIT - 100) + "\n"
    folder = write({"big.conf": says("x") + padding + "\n" * 200 + says("y")})
    found = Options(["x", f"--config-file={folder}/big.conf"])
    assert found.get("DEFAULT", "transport_url") == "x"


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=4))
def test_any_bytes_and_words_make_no_traceback(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    path = tmp_path / "some.conf"
    path.write_bytes(content)
    plain = [word.replace("\0", "") for word in words]
    found = Options(["x", *plain, f"--config-file={path}"], PROJECT)
    assert all(isinstance(value, str) for value in found.values.values())


def test_other_options_within_a_value_are_left_as_they_are(write: Write) -> None:
    """This difference is accepted: a port is the least likely value to be written like that."""
    folder = write(
        {"some.conf": "[DEFAULT]\npassword = x\n" + says("rabbit://u:$password@h:5673/")}
    )
    words = [f"--config-file={folder}/some.conf"]
    assert ours(words)["DEFAULT", "transport_url"] == "rabbit://u:$password@h:5673/"
