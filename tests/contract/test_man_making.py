"""packaging/man-pages and the make targets that call it, with agents made for the test."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calling import AGENTS, ROOT
from tests.contract.manual import MAKER, Page, joined, plain, run, stand_ins

SIGNS = [chr(code) for code in range(33, 127)] + list(" .-'\\\"éß€…")
TEXTS = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=60).map("".join).filter(str.strip)


def page_of(long: str, parameters: str, actions: str = "") -> Page:
    """The manual page of an agent with this description, in XML."""
    xml = (
        f'<resource-agent name="odd" version="1"><longdesc>{long}</longdesc><shortdesc>Odd'
        f"</shortdesc><parameters>{parameters}</parameters><actions>{actions}</actions>"
        "</resource-agent>\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        manuals, odd = Path(folder, "manuals"), Path(folder, "agents")
        done = run(MAKER, "--agents", stand_ins(odd, {"odd": xml}), manuals)
        assert done.code == 0, done
        return Page(manuals, "odd")


@settings(max_examples=6, deadline=None, database=None, derandomize=True)
@given(st.lists(TEXTS, min_size=16, max_size=16))
def test_any_text_comes_out_as_it_went_in(texts: list[str]) -> None:
    texts = [text.strip() for text in texts] + [".dot", "'quote", "\\fBback\\\\slash", "-o --long"]
    long = "\n\n".join(escape(text) for text in texts)
    parameters = "".join(
        f'<parameter name="p{number}"><longdesc>{escape(text)}</longdesc><shortdesc>'
        f"{escape(text)}</shortdesc><content type='string'/></parameter>"
        for number, text in enumerate(texts)
    )
    page = page_of(long, parameters)
    assert plain(page.sections["DESCRIPTION"]) == plain(" ".join(texts))
    assert page.items("SUPPORTED PARAMETERS")[1:] == [
        plain(f"p{number} {text} (string). {text}") for number, text in enumerate(texts)
    ]


def test_examples_set_what_is_required() -> None:
    """The value is the example from the description, or one that the type allows."""
    described = {
        "text": ("Some text.", "<content type='string'/>"),
        "plugin config": ("A path, such as /etc/a.ini.", "<content type='string'/>"),
        "number": ("A number.", "<content type='integer'/>"),
        "flag": ("A flag.", "<content type='boolean'/>"),
        "word": ("A word.", "<content type='select'><option value='b c'/></content>"),
    }
    parameters = "".join(
        f"<parameter name='{name}' required='1'><longdesc>{long}</longdesc><shortdesc>Short"
        f"</shortdesc>{content}</parameter>"
        for name, (long, content) in described.items()
    )
    page = page_of("Odd.", parameters, "<action name='start' timeout='5s'/>")
    (pcs,), (crmsh,) = page.examples("PCS"), page.examples("CRM SHELL")
    settings = ["text=VALUE", "plugin config=/etc/a.ini", "number=1", "flag=true", "word=b c"]
    operation = ["op", "start", "interval=0s", "timeout=5s"]
    assert shlex.split(joined(pcs)) == [
        *("pcs", "resource", "create", "p_odd", "ocf:openstack:odd"),
        *(*settings, *operation),
    ]
    assert shlex.split(joined(crmsh)) == [
        *("crm", "configure", "primitive", "p_odd", "ocf:openstack:odd"),
        *("params", *settings, *operation),
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository with two agents, and an older name of one of them."""
    made = tmp_path / "checkout"
    for name in ("ocf_lib", "packaging", "heartbeat-shims", "docs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, made / name, symlinks=True, ignore=ignored)
    shutil.copy2(ROOT / "Makefile", made)
    (made / "agents").mkdir()
    for name in ("keystone", "glance-api"):
        shutil.copy2(AGENTS / name, made / "agents")
    (made / "agents" / "key-stone").symlink_to("keystone")
    return made


def test_make_install_puts_the_manual_there_and_uninstall_takes_it_away(checkout: Path) -> None:
    done = run("make", "install", "DESTDIR=root", folder=checkout)
    assert (done.code, done.err) == (0, "")
    manuals = checkout / "root/usr/share/man"
    names = ("glance-api", "key-stone", "keystone")
    assert sorted(path.name for path in manuals.rglob("*.7")) == [
        f"ocf_openstack_{name}.7" for name in names
    ]
    assert {path.stat().st_mode & 0o777 for path in manuals.rglob("*.7")} == {0o644}
    own, older = Page(manuals, "keystone"), Page(manuals, "key-stone")
    assert "ocf_openstack_keystone, ocf_openstack_key-stone - " in plain(own.sections["NAME"])
    assert (older.result.code, older.result.err) == (0, "")
    assert older.result.out == own.result.out
    source = manuals / "man7/ocf_openstack_key-stone.7"
    assert source.read_text() == ".so man7/ocf_openstack_keystone.7\n"
    other = manuals / "man7" / "other.7"
    other.write_text("")
    assert run("make", "uninstall", "DESTDIR=root", folder=checkout).code == 0
    assert [path for path in (checkout / "root").rglob("*") if path.is_file()] == [other]


def test_make_install_goes_without_the_manual_where_it_must_or_should(checkout: Path) -> None:
    done = run("make", "install", "DESTDIR=root", "MANDIR=", folder=checkout)
    assert (done.code, done.err) == (0, "")
    assert list((checkout / "root").rglob("*.7")) == []
    # fails as an agent does on a host without lxml
    dumb = "#!/bin/sh\necho 'ocf-exit-reason:Python package lxml is missing' >&2\nexit 5\n"
    (checkout / "agents/keystone").write_text(dumb)
    done = run("make", "install", "DESTDIR=root", folder=checkout)
    assert done.code == 0
    assert "lxml is missing" in done.err
    assert "all is installed but the manual" in done.err
    assert (checkout / "root/usr/lib/ocf/resource.d/openstack/glance-api").exists()


def test_make_docs_writes_manual_table_and_parameters(checkout: Path) -> None:
    stale = checkout / "build/man/man7/ocf_openstack_gone.7"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    done = run("make", "docs", folder=checkout)
    assert (done.code, done.err) == (0, "")
    assert len(list((checkout / "build/man/man7").iterdir())) == 3
    assert not stale.exists()
    table = (checkout / "docs/agents.md").read_text()
    assert "\n| `key-stone` | the older name of `keystone` |" in table
    assert "`nova-api`" not in table
    parameters = (checkout / "docs/parameters.md").read_text()
    assert "\n| `glance-api` | `glance-api` |" in parameters
    assert "`console_port`" not in parameters.partition("## What is run")[2]
    assert run("packaging/generated-docs", "--check", folder=checkout).code == 0
