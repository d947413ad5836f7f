"""Reads openrc files, lines such as export OS_USERNAME=admin, as a shell would; runs nothing.

Source: POSIX, "Shell Command Language", 2.2 Quoting. Lines that do not assign to a known OS_
variable (unset, if, read, echo, functions) are skipped. Conditions are skipped, too: assignments
between if and fi count.
"""

from __future__ import annotations

import re

from ocf_lib.outcomes import InvalidHere

# The names that python-openstackclient and keystoneauth give to these facts. If two variables set
# one fact, the first one here counts.
VARIABLES = {
    "OS_AUTH_URL": "auth_url",
    "OS_AUTH_TYPE": "auth_type",
    "OS_USERNAME": "username",
    "OS_USER_ID": "user_id",
    "OS_PASSWORD": "password",
    "OS_PROJECT_NAME": "project_name",
    "OS_TENANT_NAME": "project_name",
    "OS_PROJECT_ID": "project_id",
    "OS_TENANT_ID": "project_id",
    "OS_USER_DOMAIN_NAME": "user_domain_name",
    "OS_USER_DOMAIN_ID": "user_domain_id",
    "OS_PROJECT_DOMAIN_NAME": "project_domain_name",
    "OS_PROJECT_DOMAIN_ID": "project_domain_id",
    # an ID: "--os-default-domain, Default domain ID" (osc_lib/shell.py)
    "OS_DEFAULT_DOMAIN": "default_domain_id",
    "OS_APPLICATION_CREDENTIAL_ID": "application_credential_id",
    "OS_APPLICATION_CREDENTIAL_SECRET": "application_credential_secret",
    "OS_CACERT": "cacert",
    "OS_INSECURE": "insecure",
    "OS_REGION_NAME": "region_name",
    "OS_INTERFACE": "interface",
    "OS_ENDPOINT_TYPE": "interface",
}
ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=", re.ASCII)
# What separates words, and what ends a command.
BLANK, END = " \t", ";\n"
# A value that is a reference to a variable: showing it reveals only a name.
REFERENCE = re.compile(r"\$\{?(OS_[A-Z_]+)\}?", re.ASCII)


class _ShellNeededError(Exception):
    """The value cannot be told without running a shell."""


def parse(text: str, path: str) -> dict[str, str]:
    """The facts in `text`, under the names in VARIABLES, without empty values.

    Raises InvalidHere if only a shell could tell a value. The error names the line, never a value.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        for name, value in _assignments(line.rstrip("\r"), f"line {number} of {path}"):
            found[name] = value
    facts: dict[str, str] = {}
    for name, fact in VARIABLES.items():
        if found.get(name):
            facts.setdefault(fact, found[name])
    return facts


def _assignments(line: str, where: str) -> list[tuple[str, str]]:
    """(name, value) of each assignment to a known variable."""
    found: list[tuple[str, str]] = []
    start = 0
    while match := ASSIGNMENT.match(line, start):
        name = match[1]
        try:
            value, start = _word(line, match.end())
        except _ShellNeededError as error:
            if name not in VARIABLES:
                return found
            raise InvalidHere(f"{where} {_trouble(name, line[match.end() :], error)}") from None
        if name in VARIABLES:
            found.append((name, value))
        while line[start : start + 1] and line[start] in BLANK + END:
            start += 1
    return found


def _trouble(name: str, value: str, error: _ShellNeededError) -> str:
    """What is wrong with a line. The value is not shown, except a reference to a variable."""
    if str(error):
        return f"sets {name} {error}"
    reference = REFERENCE.fullmatch(value.strip().strip('"'))
    shown = f"${reference[1]}" if reference else f"for {name}"
    remedy = "write the value itself" + ("" if reference else ", in single quotes")
    return f"needs a shell ({shown}): {remedy}"


def _word(line: str, start: int) -> tuple[str, int]:
    """The value that begins there, and where it ends. Raises _ShellNeededError."""
    value, at = "", start
    if line[at : at + 1] == "~":
        raise _ShellNeededError
    while at < len(line) and line[at] not in BLANK + END:
        sign = line[at]
        if sign == "'":
            end = line.find("'", at + 1)
            if end < 0:
                raise _ShellNeededError("with a quote that has no end in that line")
            value, at = value + line[at + 1 : end], end + 1
        elif sign == '"':
            inner, at = _double_quoted(line, at + 1)
            value += inner
        elif sign == "\\":
            value, at = value + line[at + 1 : at + 2], at + 2
        elif sign in "$`&|<>()":
            raise _ShellNeededError
        else:
            value, at = value + sign, at + 1
    return value, at


def _double_quoted(line: str, start: int) -> tuple[str, int]:
    value, at = "", start
    while at < len(line) and line[at] != '"':
        if line[at] in "$`":
            raise _ShellNeededError
        if line[at] == "\\" and line[at + 1 : at + 2] and line[at + 1] in '$`"\\':
            at += 1
        value, at = value + line[at], at + 1
    if at >= len(line):
        raise _ShellNeededError("with a quote that has no end in that line")
    return value, at + 1
