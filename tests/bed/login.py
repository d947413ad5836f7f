"""Logs in to a bed's Keystone once, from scratch, as a client does."""

from __future__ import annotations

import json

from tests import pace

from .bed import Bed
from .keystone import ADDRESS, PASSWORD

# Seconds for an answer on a quiet machine.
TIMEOUT = 10
# The password comes on standard input.
CLIENT = """
import json, sys
from keystoneauth1 import session
from keystoneauth1.identity import generic
from keystoneclient import client
login = json.load(sys.stdin)
timeout = login.pop("timeout")
visit = session.Session(auth=generic.Password(**login), timeout=timeout)
keystone = client.Client(session=visit, auth_url=login["auth_url"])
print(keystone.version, keystone.session.get_token())
"""


def log_in(bed: Bed, address: str = ADDRESS) -> tuple[str, str]:
    """Log in as a client; return the API's version and the token. Raises CommandFailed."""
    login = {
        "auth_url": f"http://{address}:5000/",
        "username": "admin",
        "password": PASSWORD,
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "timeout": pace.seconds(TIMEOUT),
    }
    said = bed.client("/usr/bin/python3", "-c", CLIENT, stdin=json.dumps(login)).stdout
    version, token = said.split()
    return version, token
