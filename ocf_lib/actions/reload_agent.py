"""reload-agent: make changed parameters effective without touching the daemon."""

from __future__ import annotations

from ocf_lib.actions import ready, validate
from ocf_lib.keystone import backoff
from ocf_lib.state import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_lib.instance import Instance
    from ocf_lib.log import Log


def reload_agent(instance: Instance, log: Log) -> None:
    """Drop the kept token and the noted refusals, so that the next monitor logs in anew. The old
    token would hide for an hour that the new credentials are refused, and credentials that were
    refused may be right by now.

    Raises Misconfigured.
    """
    validate.parameters(instance, log)
    files.remove(instance.file("token"))
    backoff.forget(instance.notes)
    instance.notes.drop("warned", "needs")
    instance.keep_notes()
    ready.settle_sentinel(instance)
