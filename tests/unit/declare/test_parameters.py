"""What an operator may set: types, remedies for wrong values, secrets, strictness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.declare.parameters import (
    Boolean,
    Integer,
    Parameter,
    Parameters,
    Path,
    Port,
    Select,
    String,
    Url,
)
from ocf_lib.outcomes import Misconfigured

KINDS = [String(), Integer(), Port(), Boolean(), Select("one", "two"), Path(), Url()]
ALL = st.text(st.characters(blacklist_categories=[]), max_size=40)


def given_as(text: str | None, kind: String, *, strict: bool = True, **facts: object) -> object:
    environ = {} if text is None else {"OCF_RESKEY_it": text}
    parameter = Parameter("it", kind, "Short", "Long", **facts)  # type: ignore[arg-type]
    return Parameters([parameter], environ, strict)["it"]


@pytest.mark.parametrize(
    "kind, text, value",
    [
        (String(), "any text; $(of) 'kinds'", "any text; $(of) 'kinds'"),
        (Integer(), "0", 0),
        (Integer(), "2147483647", 2147483647),
        (Integer(1, 5), "5", 5),
        (Integer(-5, 5), "-5", -5),
        (Port(), "1", 1),
        (Port(), "65535", 65535),
        (Select("public", "admin"), "admin", "admin"),
        (Path(), "/etc/a b", "/etc/a b"),
        (Url(), "https://[::1]:5000/v3", "https://[::1]:5000/v3"),
    ],
)
def test_right_values(kind: String, text: str, value: object) -> None:
    assert given_as(text, kind) == value


@pytest.mark.parametrize("word", ["yes", "true", "1", "on", "ja", "YES", "True", "tRUE", "ON", "y"])
def test_booleans_that_ocf_is_true_takes(word: str) -> None:
    assert given_as(word, Boolean()) is True


@pytest.mark.parametrize("word", ["no", "false", "0", "off", "nein", "No", "FALSE", "Off", "n"])
def test_booleans_that_are_false(word: str) -> None:
    assert given_as(word, Boolean()) is False


@pytest.mark.parametrize(
    "kind, text, remedy",
    [
        (String(), "two\nlines", "must be a single line"),
        (Integer(1, 600), "0", "must be a whole number from 1 to 600"),
        (Integer(1, 600), "601", "must be a whole number from 1 to 600"),
        (Integer(1, 600), "1.5", "must be a whole number"),
        (Integer(1, 600), "10s", "must be a whole number"),
        pytest.param(Integer(), "9" * 5000, "must be a whole number", id="long"),
        (Integer(), "-1", "must be a whole number"),
        (Port(), "0", "from 1 to 65535"),
        (Port(), "65536", "from 1 to 65535"),
        (Boolean(), "maybe", "must be true or false"),
        (Boolean(), "2", "must be true or false"),
        (Select("public", "admin"), "Public", "must be one of public, admin"),
        (Path(), "etc/keystone", "must be an absolute path"),
        (Path(), "/etc/a\nb", "must be a single line"),
        (Url(), "192.168.42.103:5000", "must be a URL such as http://"),
        (Url(), "http://a\nb/", "must be"),
    ],
)
def test_wrong_values_are_answered_by_name_and_remedy(kind: String, text: str, remedy: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        given_as(text, kind)
    assert str(caught.value).startswith("parameter it must ")
    assert remedy in str(caught.value)[:128]
    assert len(str(caught.value).splitlines()) == 1


def test_the_wrong_value_is_shown_unless_it_is_a_secret() -> None:
    with pytest.raises(Misconfigured, match="not 'sesame'"):
        given_as("sesame", Integer())
    with pytest.raises(Misconfigured) as caught:
        given_as("sesame", Integer(), secret=True)
    assert "sesame" not in str(caught.value)
    assert "its value" in str(caught.value)


@pytest.mark.parametrize("text", [None, ""])
def test_an_empty_value_counts_as_unset(text: str | None) -> None:
    assert given_as(text, Integer(), default="5") == 5
    assert given_as(text, Integer()) is None
    with pytest.raises(Misconfigured, match="parameter it is required: Short"):
        given_as(text, String(), required=True)
    assert given_as(text, String(), required=True, strict=False) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_lenient_takes_the_default_for_a_wrong_value(kind: String) -> None:
    assert given_as("\n", kind, strict=False) is None
    assert given_as("\n", Integer(), strict=False, default="7") == 7


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@given(text=ALL)
def test_any_text_is_a_value_or_a_remedy(kind: String, text: str) -> None:
    given_as(text, kind, strict=False)
    try:
        given_as(text, kind)
    except Misconfigured as wrong:
        assert str(wrong).startswith("parameter it must ")
        assert len(str(wrong).splitlines()) == 1


def test_an_unknown_parameter_is_a_mistake_of_the_agent() -> None:
    with pytest.raises(KeyError):
        Parameters([], {}, True)["it"]


def some(**values: str) -> Parameters:
    declared = [
        Parameter("plain", String(), "Short", "Long", default="fallback"),
        Parameter("word", String(), "Short", "Long", secret=True),
        Parameter("other", Integer(), "Short", "Long", secret=True, default="42"),
        Parameter("plugin config", String(), "Short", "Long"),
    ]
    return Parameters(declared, {f"OCF_RESKEY_{k}": v for k, v in values.items()}, True)


def test_secrets_are_the_values_of_secret_parameters() -> None:
    assert some(word="sesame", plain="shown").secrets() == ["sesame", "42"]
    assert some().secrets() == ["42"]


def test_a_name_may_hold_a_blank() -> None:
    assert some(**{"plugin config": "x"})["plugin config"] == "x"


def test_is_set_tells_a_default_from_a_value() -> None:
    assert not some().is_set("plain")
    assert not some(plain="").is_set("plain")
    assert some(plain="fallback").is_set("plain")


def test_check_finds_any_wrong_value() -> None:
    some(other="1").check()
    with pytest.raises(Misconfigured, match="parameter other"):
        some(other="x").check()


def test_but_changes_a_copy() -> None:
    first = Parameter("it", String(), "Short", "Long", default="a", secret=True)
    second = first.but(default="b", required=True)
    assert (first.default, first.required) == ("a", False)
    assert (second.name, second.default, second.required, second.secret) == ("it", "b", True, True)


def test_every_default_that_is_declared_is_right() -> None:
    from ocf_lib.declare import credentials, standard

    every = (
        *standard.daemon("project", "/etc/x.conf"),
        *standard.api("http://127.0.0.1/"),
        *credentials.credentials(),
        standard.client_binary("x"),
    )
    Parameters(every, {}, True).check()
    assert len({parameter.name for parameter in every}) == len(every)
    secret = [parameter.name for parameter in every if parameter.secret]
    assert secret == ["os_password", "os_application_credential_secret"]


# -- older names -------------------------------------------------------------------------------


def renamed(strict: bool = True, default: str = "1", older: str = "9", **values: str) -> Parameters:
    """`port`, once called `old port`, and before that `oldest`."""
    declared = [
        Parameter("oldest", Integer(), "Short", "Long", deprecated="", replaced_by="port"),
        Parameter("port", Integer(), "Short", "Long", default=default),
        Parameter("other", Integer(), "Short", "Long", default="7"),
        Parameter(
            "old port", Integer(), "S", "L", default=older, deprecated="", replaced_by="port"
        ),
    ]
    environ = {f"OCF_RESKEY_{name.replace('_', ' ')}": value for name, value in values.items()}
    return Parameters(declared, environ, strict)


@pytest.mark.parametrize(
    "values, port",
    [
        ({}, 1),
        ({"port": "2"}, 2),
        ({"old_port": "3"}, 3),
        ({"oldest": "4"}, 4),
        ({"port": "2", "old_port": "3", "oldest": "4"}, 2),
        ({"port": "", "old_port": "3"}, 3),
        ({"port": "", "old_port": "", "oldest": ""}, 1),
        ({"other": "5"}, 1),
    ],
)
def test_an_older_name_counts_where_the_current_one_is_unset(
    values: dict[str, str], port: int
) -> None:
    of = renamed(**values)
    assert of["port"] == port
    assert of.get("port") == port
    assert of.is_set("port") is any(values.get(name) for name in ("port", "old_port", "oldest"))
    assert of.is_set("old port") is bool(values.get("old_port"))
    assert of["other"] == int(values.get("other", "7"))


def test_the_default_of_an_older_name_counts_last() -> None:
    assert renamed(default="")["port"] == 9
    assert renamed(default="", oldest="4")["port"] == 4
    assert not renamed(default="").is_set("port")


@pytest.mark.parametrize(
    "values, name",
    [
        ({"port": "x"}, "port"),
        ({"old_port": "x"}, "old port"),
        ({"oldest": "x"}, "oldest"),
        ({"port": "x", "old_port": "y"}, "port"),
    ],
)
def test_a_wrong_value_is_answered_by_the_name_that_was_written(
    values: dict[str, str], name: str
) -> None:
    with pytest.raises(Misconfigured, match=f"^parameter {name} must be .*, not 'x'$"):
        renamed(**values)["port"]
    with pytest.raises(Misconfigured, match=r"^parameter (old|port)"):
        renamed(**values).check()
    assert renamed(strict=False, **values)["port"] == 1


def test_a_wrong_default_is_answered_by_the_current_name() -> None:
    with pytest.raises(Misconfigured, match=r"^parameter port must"):
        renamed(default="x")["port"]


def test_get_of_what_this_agent_does_not_have_is_none() -> None:
    assert some().get("no such parameter") is None
    assert some().get("word") is None
    assert some(word="x").get("word") == "x"
    assert not some(nothing="x").is_set("nothing")
    with pytest.raises(Misconfigured):
        some(other="x").get("other")


def test_a_secret_under_an_older_name_is_one() -> None:
    declared = [
        Parameter("word", String(), "Short", "Long", secret=True),
        Parameter("old", String(), "Short", "Long", deprecated="", replaced_by="word"),
    ]
    of = Parameters(declared, {"OCF_RESKEY_old": "sesame"}, True)
    assert of.secrets() == ["sesame"]
