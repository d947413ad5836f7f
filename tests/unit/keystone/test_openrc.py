"""openrc files: the values that a shell would read, found without a shell."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.keystone.openrc import VARIABLES, parse
from ocf_lib.outcomes import InvalidHere

PATH = "/root/openrc"
# what Horizon of Zed generates, apart from the password
HORIZON = """\
#!/usr/bin/env bash
# To use an OpenStack cloud you need to authenticate against the Identity
export OS_AUTH_URL=http://192.168.42.103:5000
export OS_PROJECT_ID=0c2a9e8b7d6f5e4d3c2b1a0f9e8d7c6b
export OS_PROJECT_NAME="admin"
export OS_USER_DOMAIN_NAME="Default"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID="default"
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
# unset v2.0 items in case set
unset OS_TENANT_ID
unset OS_TENANT_NAME
export OS_USERNAME="admin"
# With Keystone you pass the keystone password.
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD={}
export OS_REGION_NAME="RegionOne"
# Don't leave a blank variable, unset it if it was empty
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
"""


def test_the_file_of_the_dashboard() -> None:
    assert parse(HORIZON.format("'sesame'"), PATH) == {
        "auth_url": "http://192.168.42.103:5000",
        "project_id": "0c2a9e8b7d6f5e4d3c2b1a0f9e8d7c6b",
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_id": "default",
        "username": "admin",
        "password": "sesame",
        "region_name": "RegionOne",
        "interface": "public",
    }


@pytest.mark.parametrize(
    "value", ["$OS_PASSWORD_INPUT", '"$OS_PASSWORD_INPUT"', "${OS_PASSWORD_INPUT}"]
)
def test_a_password_that_is_asked_for_is_named_with_its_line(value: str) -> None:
    with pytest.raises(InvalidHere) as caught:
        parse(HORIZON.format(value), PATH)
    assert str(caught.value) == (
        "line 17 of /root/openrc needs a shell ($OS_PASSWORD_INPUT): write the value itself"
    )


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("OS_PASSWORD=a", "a"),
        ("  export   OS_PASSWORD=a  ", "a"),
        ("export OS_PASSWORD=a\r", "a"),
        ("OS_PASSWORD=a # why", "a"),
        ("OS_PASSWORD=a#b", "a#b"),
        ("OS_PASSWORD=", None),
        ("OS_PASSWORD='a b'", "a b"),
        ("OS_PASSWORD='$a`b`\\'", "$a`b`\\"),
        ('OS_PASSWORD="a \\$b \\" \\\\ \\c"', 'a $b " \\ \\c'),
        ("OS_PASSWORD=a\\ b\\$c", "a b$c"),
        ("OS_PASSWORD='it'\\''s'", "it's"),
        ("OS_PASSWORD=a'b'\"c\"", "abc"),
        ("export OS_USERNAME=u OS_PASSWORD=a", "a"),
        ("export OS_USERNAME=u; export OS_PASSWORD=a;", "a"),
        ("OS_PASSWORD='Pässwörd'", "Pässwörd"),
        ("OS_PASSWORD=a\nOS_PASSWORD=b", "b"),
        ("# OS_PASSWORD=a", None),
        ("MY_OS_PASSWORD=a", None),
        ("OS_PASSWORD = a", None),
        ("echo OS_PASSWORD=a", None),
        ("OS_PASSWORD_FILE=$(pwgen)", None),
        ("PS1='[\\u]$ '\nOS_PASSWORD=a", "a"),
    ],
)
def test_a_line(line: str, value: str | None) -> None:
    assert parse(line, PATH).get("password") == value


@pytest.mark.parametrize(
    "value",
    [
        *("$(pass show x)", "`pass`", '"se$same"', "se$same", "${SESAME:-sesame}", "~/sesame"),
        *("sesame&", "<(sesame)", "'sesame", '"sesame', "$'sesame'", '"sesame\\"', "$SESAME"),
    ],
)
def test_what_a_shell_would_have_to_tell_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidHere) as caught:
        parse(f"\nexport OS_PASSWORD={value}\n", PATH)
    assert str(caught.value).startswith(f"line 2 of {PATH} ")
    assert "OS_PASSWORD" in str(caught.value)
    assert "same" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("line", "fact", "value"),
    [
        ("OS_TENANT_NAME=t", "project_name", "t"),
        ("OS_TENANT_NAME=t\nOS_PROJECT_NAME=p", "project_name", "p"),
        ("OS_PROJECT_NAME=p\nOS_TENANT_NAME=t", "project_name", "p"),
        ("OS_TENANT_ID=t", "project_id", "t"),
        ("OS_DEFAULT_DOMAIN=default", "default_domain_id", "default"),
        ("OS_APPLICATION_CREDENTIAL_ID=a", "application_credential_id", "a"),
        ("OS_INSECURE=true", "insecure", "true"),
        ("OS_ENDPOINT_TYPE=internalURL", "interface", "internalURL"),
    ],
)
def test_older_names(line: str, fact: str, value: str) -> None:
    assert parse(line, PATH) == {fact: value}


WORDS = st.text(st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"]))


@given(WORDS)
def test_what_shlex_quotes_is_read_back(value: str) -> None:
    assert parse(f"export OS_PASSWORD={shlex.quote(value)}", PATH).get("password", "") == value


@given(st.text(st.sampled_from("ab'\"\\ #;$~`="), max_size=8))
def test_it_is_what_a_shell_makes_of_it_or_refused(value: str) -> None:
    """If a value is found, sh finds the same one."""
    line = f"export OS_PASSWORD={value}"
    try:
        found = parse(line, PATH)
    except InvalidHere:
        return
    script = line + '\nprintf %s "$OS_PASSWORD"'
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={}, check=False)
    if run.returncode == 0 and not run.stderr:
        assert found.get("password", "") == run.stdout


def test_every_variable_is_a_fact() -> None:
    text = "\n".join(f"export {name}=x" for name in VARIABLES)
    assert set(parse(text, PATH)) == set(VARIABLES.values())
