"""Logging in to Identity, once for all resources of this node that have the same credentials."""

from __future__ import annotations

import contextlib
import os
from time import monotonic, time

from ocf_lib.keystone import attempt as attempts
from ocf_lib.keystone import plain_login, token
from ocf_lib.keystone.attempt import IDENTITY_SECONDS
from ocf_lib.outcomes import Afflicted, Outcome
from ocf_lib.state import files, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.keystone.token import Token
    from ocf_lib.net.endpoint import Endpoint
    from ocf_lib.net.patience import Patience

EVIDENCE = "the service itself answers"
# Seconds after its last change for which a file of an account is kept. Few tokens live longer.
UNUSED_SECONDS = 7 * 86400


def log_in(
    instance: Instance,
    account: str,
    patience: Patience,
    endpoint: Endpoint,
    deep: bool = False,
    bad: Token | None = None,
) -> Token:
    """A token of `account`: one that another resource got meanwhile, or a new one. It is kept for
    the next monitors of all resources, in a file that root alone can read.

    endpoint: the API that is checked, which was seen to answer without a token. If it is Identity
    itself, the log-in goes there; for other services it goes to os_auth_url. deep: log in whatever
    is kept, also use the token through keystoneclient, and look the service up in the catalog. bad:
    a token that was refused.

    Raises Degraded if the credentials are refused or cannot be tried, Afflicted if Identity is down
    or answers with an error, Suspect if it does and is itself the service.
    """
    if deep:
        return _issue(instance, account, patience, endpoint, deep=True)
    begun, until = monotonic(), monotonic() + min(IDENTITY_SECONDS, patience.seconds)
    with lock.held(token.file_of(instance.folder, account, "lock"), until) as locked:
        held = token.kept(instance.folder, account)
        is_another = held is not None and (bad is None or held.value != bad.value)
        if held is not None and is_another and held.fits(instance.service):
            return held
        # Identity's own verdict does not depend on the log-in of another resource
        if not locked and monotonic() >= until and not instance.service.issues_tokens:
            raise Afflicted(
                f"Identity has not completed another resource's log-in for {until - begun:.3g} s; "
                f"{EVIDENCE} (degraded)",
                dependency="identity",
            )
        return _issue(instance, account, patience, endpoint)


def renewed(
    instance: Instance, account: str, patience: Patience, endpoint: Endpoint, held: Token
) -> Token:
    """A new token in place of `held`, which is near its end but still good. If another resource
    renews it just now, or if that fails, `held`."""
    with lock.held(token.file_of(instance.folder, account, "lock"), 0) as locked:
        if not locked:
            return held
        kept = token.kept(instance.folder, account)
        if kept is not None and kept.value != held.value:
            return kept
        try:
            return _issue(instance, account, patience, endpoint)
        except Outcome:
            return held


def _issue(
    instance: Instance, account: str, patience: Patience, endpoint: Endpoint, deep: bool = False
) -> Token:
    api = instance.service.api
    assert api is not None
    attempt = attempts.prepare(instance, account, patience, EVIDENCE)
    if api.issues_tokens:
        attempt.go_to(endpoint, patience.seconds)
    issued = None if deep else plain_login.issue(attempt, account)
    if issued is None:
        from ocf_lib.keystone import library_login

        issued = library_login.issue(attempt, account, api.service_type, deep)
    if not issued.fits(instance.service):
        raise attempt.degraded(
            f"{attempt.found} gets a token without a project, which the API needs",
            f"set os_project_name, or check {attempt.found.origin}",
        )
    # a token that cannot be kept costs the next monitor a log-in, and nothing else
    files.keep_state(token.file_of(instance.folder, account, "token"), str(issued))
    _sweep(instance.folder)
    return issued


def _sweep(folder: str) -> None:
    """Remove what was kept for accounts that nobody uses any more: there are secrets in it."""
    oldest = time() - UNUSED_SECONDS
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_kept = entry.name.startswith("account-") and not entry.name.endswith(".lock")
            if is_kept and entry.stat().st_mtime < oldest:
                os.unlink(entry.path)
