"""The data of a real Keystone in a folder: configuration, keys, database.

The nodes of a cluster share a copy: with `Bed(binds=keystone.BINDS)`, they see folders of the
bed's own tmpfs as /etc/keystone and /var/lib/keystone, and `copy(bed.folder / STORAGE)` fills
these. `Keystone.alone(folder, port)` is for a test on one machine.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

ETC, LIB, LOG = "/etc/keystone", "/var/lib/keystone", "/var/log/keystone"
# The folder in Bed.folder that has the bed's copy, and where the nodes see it.
STORAGE = "storage"
BINDS = {ETC: f"{STORAGE}/etc", LIB: f"{STORAGE}/lib"}
# The virtual address at which a bed's clients reach Keystone.
ADDRESS = "192.168.42.103"
URL = f"http://{ADDRESS}:5000/v3/"
PASSWORD = "secret"
# How the daemon logs a request (its moment and duration in ms), and how that reads.
LOGFORMAT = "%(addr) %(method) %(uri) %(status) at %(tmsecs) for %(msecs) ms"
REQUEST = r"(\S+) [A-Z]+ \S+ \d+ at (\d+) for (\d+) ms"
NEEDS = {
    "/usr/bin/keystone-manage": "keystone",
    "/usr/bin/uwsgi-core": "uwsgi-core",
    "/usr/lib/python3/dist-packages/keystoneclient/__init__.py": "python3-keystoneclient",
}

CONFIGURATION = """\
[DEFAULT]
{logging}
[database]
connection = sqlite:///{lib}/keystone.sqlite
[token]
provider = fernet
[fernet_tokens]
key_repository = {lib}/fernet-keys
[fernet_receipts]
key_repository = {lib}/fernet-keys
[credential]
key_repository = {lib}/credential-keys
[identity]
# bcrypt's fewest rounds: a login is 0.3 s of CPU with the default 12, and tests log in often.
password_hash_rounds = 4
"""


class KeystoneError(Exception):
    """keystone-manage failed; the message has the error that it printed."""


class Keystone:
    """Keystone's data in `folder`/etc and `folder`/lib.

    User keystone must be able to reach the folder, because keystone-manage becomes that user. (A
    temporary folder of Python's or pytest's is 0700: make it 0711.)

    etc, lib, log  the daemon's paths to them; by default the packaged ones, for nodes with binds
    listen         "address:port" for the uwsgi file; if None, Debian's command line sets it
                   (":5000")
    url            the Identity endpoint in the catalog, for all three interfaces
    """

    def __init__(
        self,
        folder: Path,
        etc: str = ETC,
        lib: str = LIB,
        log: str = LOG,
        url: str = URL,
        listen: str | None = None,
    ) -> None:
        self.folder = folder
        self.etc, self.lib, self.log = etc, lib, log
        self.url = url
        self.listen = listen

    @classmethod
    def alone(cls, folder: Path, port: int, host: str = "127.0.0.1") -> Keystone:
        """A Keystone for one machine, whose configuration, data and logs are all in `folder`."""
        etc, lib, log = (str(folder / name) for name in ("etc", "lib", "log"))
        listen = f"{host}:{port}"
        return cls(folder, etc, lib, log, f"http://{listen}/v3/", listen)

    def command(self) -> list[str]:
        """The command that Debian runs, except that `listen`, if given, is in the uwsgi file."""
        uwsgi = sorted(Path("/usr/bin").glob("uwsgi_python3*"))[-1]
        socket = [] if self.listen else ["--http-socket", ":5000"]
        return [str(uwsgi), *socket, "--ini", f"{self.etc}/keystone-uwsgi.ini"]

    def environment(self) -> dict[str, str]:
        """The environment variables that the daemon needs if `etc` is not /etc/keystone."""
        return {"OS_KEYSTONE_CONFIG_DIR": self.etc}

    def make(self, template: Keystone | None = None) -> None:
        """Make configuration, keys and database.

        keystone-manage makes keys and database in 10 s. With `template`, they are copied instead.

        User admin (password "secret") has role admin in project admin, all in domain Default;
        the region is RegionOne. Raises KeystoneError.
        """
        self._configure()
        lib = self.folder / "lib"
        if template:
            subprocess.run(["cp", "-a", f"{template.folder}/lib/.", str(lib)], check=True)
        else:
            self._set_up()
        with sqlite3.connect(lib / "keystone.sqlite") as database:
            # Without WAL, a single reader beside a writer gets "database is locked", HTTP 500.
            database.execute("pragma journal_mode=wal")
            database.execute("update endpoint set url = ?", (self.url,))
        database.close()
        for path, folders, files in os.walk(lib):
            for name in [".", *folders, *files]:
                shutil.chown(Path(path, name), "keystone", "keystone")

    def copy(self, folder: Path) -> None:
        """Copy what make() made, owners included, to another folder, such as a bed's storage.

        make() itself cannot work in Bed.folder: SQLite resolves the link in /proc/PID/root, and
        looks for the file on the host.
        """
        subprocess.run(["cp", "-a", f"{self.folder}/etc", f"{self.folder}/lib", folder], check=True)

    def _configure(self) -> None:
        """Copy the packaged etc and write our files into it; make lib, and log if in `folder`."""
        etc = self.folder / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", f"{ETC}/.", str(etc)], check=True)
        logging = f"log_dir = {self.log}\nlog_file = keystone.log"
        text = CONFIGURATION.format(logging=logging, lib=self.lib)
        (etc / "keystone.conf").write_text(text)
        (etc / "keystone-uwsgi.ini").write_text(self._uwsgi())
        for name in ["lib"] + (["log"] if self.log == str(self.folder / "log") else []):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name).chmod(0o750)
            shutil.chown(self.folder / name, "keystone", "keystone")

    def _uwsgi(self) -> str:
        """The text of the packaged uwsgi file, with 2 workers of 1 thread and with our paths.

        Each of the 8 packaged workers loads the application itself (lazy-apps): over 20 s of CPU
        before the first answer. With a second thread, SQLAlchemy closes SQLite connections in
        another thread than opened them: "ProgrammingError: SQLite objects created in a thread".
        """
        text = Path(ETC, "keystone-uwsgi.ini").read_text()
        values = {
            "processes": "2",
            "threads": "1",
            "logto": f"{self.log}/keystone.log",
            "chdir": self.lib,
            "log-format": LOGFORMAT,
        }
        for name, value in values.items():
            text, found = re.subn(rf"(?m)^{name} *=.*$", f"{name} = {value}", text)
            if not found:
                text += f"{name} = {value}\n"
        if self.listen:
            text += f"http-socket = {self.listen}\n"
        return text

    def _set_up(self) -> None:
        """Make database, keys and first user with keystone-manage, as root; make() sets owners."""
        configuration = self.folder / "set-up.conf"
        text = CONFIGURATION.format(logging="", lib=self.folder / "lib")
        configuration.write_text(text)
        owner = ["--keystone-user", "keystone", "--keystone-group", "keystone"]
        urls = [f"--bootstrap-{which}-url={self.url}" for which in ("public", "internal", "admin")]
        for words in (
            ["db_sync"],
            ["fernet_setup", *owner],
            ["credential_setup", *owner],
            ["bootstrap", *urls, "--bootstrap-region-id=RegionOne"],
        ):
            done = subprocess.run(
                ["/usr/bin/keystone-manage", f"--config-file={configuration}", *words],
                check=False,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "OS_BOOTSTRAP_PASSWORD": PASSWORD},
            )
            if done.returncode:
                # Its traceback has a hundred lines; the last line that names an error is enough.
                faults = re.findall(r"\S*(?:Error|Exception|Database): .*", done.stdout)
                said = faults[-1] if faults else done.stdout[-1000:]
                raise KeystoneError(f"keystone-manage {words[0]}: {said}")
        configuration.unlink()
