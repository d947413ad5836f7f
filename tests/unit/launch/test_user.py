"""Accounts of this host."""

from __future__ import annotations

import os
import pwd

import pytest

from ocf_lib.launch import user


@pytest.mark.parametrize("name", [pwd.getpwuid(os.getuid()).pw_name, str(os.getuid())])
def test_a_user_by_name_or_number(name: str) -> None:
    found = user.account_of(name)
    assert found is not None
    assert found.pw_uid == os.getuid()


@pytest.mark.parametrize("name", ["no-such-user", "-1", "4294967295", str(2**80), "1e3", "\udcff"])
def test_no_such_user(name: str) -> None:
    assert user.account_of(name) is None


def test_uids_of_those_that_this_host_has() -> None:
    assert user.uids_of(["no-such-user", "root", "nobody"]) == [0, pwd.getpwnam("nobody").pw_uid]
