"""reload-agent: make changed parameters effective without touching the daemon."""

from __future__ import annotations

from ocf_lib.actions import ready, validate
from ocf_lib.keystone import token
from ocf_lib.keystone.backoff import Backoff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.log import Log


def reload_agent(instance: Instance, log: Log) -> None:
    """Drop the noted refusals, so that the next monitor logs in: credentials that were refused may
    be right by now. Other credentials make another account, whose token is not kept yet.

    Raises Misconfigured.
    """
    validate.parameters(instance, log)
    account = token.account(instance.parameters, instance.service.needs_project)
    if account is not None:
        Backoff(instance.folder, account).forget()
    instance.notes.drop("warned", "needs")
    instance.keep_notes()
    ready.settle_sentinel(instance)
