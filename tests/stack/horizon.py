"""Horizon for the stack, in Apache as Debian runs it and under uwsgi, with our own settings."""

from __future__ import annotations

from pathlib import Path

from tests.stack.real import Real
from tests.stack.stack import Stack

WSGI = "/usr/share/openstack-dashboard/wsgi.py"
SITE = "/etc/apache2/sites-available/openstack-dashboard-alias-only.conf"
# Horizon imports its settings as local.local_settings, from the first folder on Python's path that
# has them. The packaged one, which leads to /etc/openstack-dashboard, comes last.
SETTINGS = """
DEBUG = False
ALLOWED_HOSTS = ["localhost", "{address}"]
SECRET_KEY = "of no use outside of the stack"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
OPENSTACK_KEYSTONE_URL = "{identity}/v3"
# Templates here come before Horizon's own: a test breaks the log-in page with one.
ADD_TEMPLATE_DIRS = ["{home}/templates"]
"""
UWSGI = """
[uwsgi]
http-socket = {listen}:8081
plugins = python3
master = true
lazy-apps = true
no-orphans = true
die-on-term = true
enable-threads = true
processes = 1
threads = 2
buffer-size = 65535
add-header = Connection: close
pythonpath = {home}
mount = /horizon={wsgi}
manage-script-name = true
uid = www-data
gid = www-data
logto = {log}/horizon.uwsgi.log
"""
# The parts of Debian's apache2.conf that Debian's site for Horizon needs.
APACHE = """
ServerRoot /etc/apache2
ServerName localhost
Listen {listen}:80
DefaultRuntimeDir {home}/data
PidFile {home}/data/apache2.pid
Mutex file:{home}/data default
ErrorLog {log}/horizon.apache.log
User www-data
Group www-data
{modules}
StartServers 1
ServerLimit 1
ThreadsPerChild 4
MaxRequestWorkers 4
MinSpareThreads 1
MaxSpareThreads 4
WSGISocketPrefix {home}/data/wsgi
WSGIPythonPath {home}
<Directory />
    Require all denied
</Directory>
Include {site}
"""
MODULES = ("mpm_event", "authz_core", "alias", "wsgi")


def prepare(stack: Stack) -> None:
    home = stack.home("horizon")
    facts = {
        "home": home,
        "log": stack.log,
        "identity": stack.identity,
        "listen": stack.listen,
        "address": stack.address(80),
    }
    stack.write("horizon", "local/__init__.py", "")
    stack.write("horizon", "local/local_settings.py", SETTINGS.format(**facts))
    stack.write("horizon", "uwsgi.ini", UWSGI.format(wsgi=WSGI, **facts))
    loaded = (f"Include mods-available/{name}.load" for name in MODULES)
    apache = APACHE.format(modules="\n".join(loaded), site=SITE, **facts)
    stack.write("horizon", "apache2.conf", apache)


def show(stack: Stack, template: str) -> None:
    """Set the Django template of the log-in page, for daemons that start from now on.

    An empty one restores Horizon's own. With BROKEN, Horizon answers 500.
    """
    if template:
        stack.write("horizon", PAGE, template)
    else:
        Path(stack.home("horizon"), PAGE).unlink(missing_ok=True)


PAGE = "templates/auth/login.html"
BROKEN = "{% no_such_tag %}"
DAEMONS = [
    Real(
        agent="horizon",
        variant="apache",
        user="root",
        processes=3,
        parameters={"config": "{folder}/horizon/apache2.conf"},
        needs=prepare,
        port=80,
        levels=(0, 10, 10, None),
        script="apache2",
    ),
    Real(
        agent="horizon",
        variant="uwsgi",
        user="www-data",
        processes=2,
        parameters={"config": "{folder}/horizon/uwsgi.ini", "user": "www-data"},
        needs=prepare,
        port=8081,
        levels=(0, 10, 10, None),
        script="apache2",
    ),
]
