"""uwsgi's ini files: what one of them says about sockets, logs, reloading and its application.

Source: uwsgi-docs, "Options" and "Things to know".
"""

from __future__ import annotations

import os
import re

from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# The options that open a socket; with one of them uwsgi needs none from us.
SOCKET = r"(?:https?|(?:(?:http|https|uwsgi|suwsgi|ssl|fastcgi|scgi|raw|udp|shared|zerg)-)?socket)"
SOCKET_LINE = re.compile(rf"^[ \t]*{SOCKET}[ \t]*=", re.MULTILINE)
SOCKET_ARGUMENT = re.compile(rf"--{SOCKET}(?:=.*)?|-s")
PORT_LINE = re.compile(rf"^[ \t]*{SOCKET}[ \t]*=.*?:(\d+)", re.MULTILINE)
HTTPS_LINE = re.compile(r"^[ \t]*https(?:-socket)?[ \t]*=", re.MULTILINE)
LOG_LINE = re.compile(r"^\s*(?:logto2?|log-?to|daemonize)\s*=\s*(/\S+)", re.MULTILINE)
EXIT_LINE = re.compile(r"^[ \t]*exit-on-reload[ \t]*=[ \t]*(\S*)", re.MULTILINE)
NO = ("false", "off", "no", "0")
# An application finds its configuration by OS_NOVA_CONFIG_DIR and OS_NOVA_CONFIG_FILES. The files
# lie in the folder, /etc/PROJECT by default.
VARIABLE = re.compile(r"^\s*env\s*=\s*OS_\w+?_CONFIG_(DIR|FILES)\s*=\s*(\S+)", re.MULTILINE)
PYARGV = re.compile(r"^\s*pyargv\s*=\s*(.+)$", re.MULTILINE)


def is_one(path: str) -> bool:
    """Whether the file has a [uwsgi] section. A missing file has none."""
    return bool(re.search(r"^\s*\[uwsgi\]", files.read_text(path), re.MULTILINE))


def opens_socket(text: str, arguments: Sequence[str]) -> bool:
    """Whether the text of the file, or one of the further arguments of uwsgi, opens a socket."""
    return bool(SOCKET_LINE.search(text) or any(map(SOCKET_ARGUMENT.fullmatch, arguments)))


def opens_https(path: str) -> bool:
    """Whether the file opens a socket that speaks TLS."""
    return bool(HTTPS_LINE.search(files.read_text(path)))


def ports(path: str) -> list[int]:
    """The ports of its sockets."""
    return [int(number) for number in PORT_LINE.findall(files.read_text(path))]


def logs(text: str) -> list[str]:
    """The files to which a uwsgi with this text writes its log."""
    return LOG_LINE.findall(text)


def exits_on_reload(path: str, arguments: Sequence[str]) -> bool:
    """Whether a signal that asks for a reload ends this uwsgi, as it ends Debian's cinder-api."""
    lines = EXIT_LINE.findall(files.read_text(path))
    return any(value.lower() not in NO for value in lines) or "--exit-on-reload" in arguments


def configuration(path: str, project: str) -> list[str]:
    """The arguments (--config-file and others) that name the same configuration of the application
    as the file does; none if it names none."""
    text = files.read_text(path)
    told = dict(VARIABLE.findall(text))
    folder = told.get("DIR", f"/etc/{project}")
    names = told.get("FILES", f"{project}.conf").split(";") if told else []
    found = [f"--config-file={os.path.join(folder, name)}" for name in names if name]
    for words in PYARGV.findall(text):
        found += words.strip().strip("\"'").split()
    return found
