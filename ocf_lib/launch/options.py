"""The options of the daemon that an instance runs, from its own configuration."""

from __future__ import annotations

from ocf_lib.launch import uwsgi_ini
from ocf_lib.launch.oslo import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocf_lib.declare.parameters import Parameters
    from ocf_lib.declare.service import Service


def of(service: Service, parameters: Parameters, argv: Sequence[str]) -> Options:
    """What the daemon with the command line `argv` reads."""
    config, project = parameters["config"], service.project
    more = [f"--config-file={config}"]
    if config in argv and config.endswith(".ini") and uwsgi_ini.is_one(config):
        told = uwsgi_ini.configuration(config, project)
        more = told or [f"--config-file=/etc/{project}/{project}.conf"]
    # first, because a file that the command line names later takes precedence, as in the daemon
    return Options([argv[0], *more, *argv[1:]], project)
