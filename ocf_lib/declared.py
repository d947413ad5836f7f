"""Parameters and actions that many agents declare, written once (hot module: data alone)."""

from __future__ import annotations

from ocf_lib.parameters import Boolean, Integer, Parameter, Path, Select, String, Url
from ocf_lib.service import Action


def daemon(
    project: str, config: str = "", user: str = "", binary: str | None = None
) -> tuple[Parameter, ...]:
    """What is run, as whom, with what: every agent of a daemon takes these.

    config, user: defaults; unset, /etc/PROJECT/PROJECT.conf and PROJECT. binary: a default, where
    the program has had one name on every distribution.
    """
    return (
        Parameter(
            "binary",
            String(),
            "Program to run",
            "Name or path of the program to run. Unset, what the distribution starts for this "
            "service is started.",
            default=binary,
        ),
        Parameter(
            "config",
            Path(),
            "Configuration file",
            "The service's configuration file; for a service that runs under uwsgi also the uwsgi "
            "ini to use in place of the packaged one.",
            default=config or f"/etc/{project}/{project}.conf",
        ),
        Parameter(
            "user",
            String(),
            "User to run as",
            "Name or number of the user that the daemon runs as, with all the groups it has.",
            default=user or project,
        ),
        Parameter(
            "pid",
            Path(),
            "PID file",
            "Where the PID of the daemon is written, for other programs to read; this agent trusts "
            "no PID file. Unset, /run/resource-agents/NAME.pid, where NAME is the resource's.",
        ),
        Parameter(
            "additional_parameters",
            String(),
            "Further arguments for the daemon",
            "Arguments added to the daemon's command line, split into words as a shell would, but "
            "never given to one: quotes work, $ and ; mean nothing.",
        ),
        Parameter(
            "log_file",
            Path(),
            "Where the daemon's own output goes",
            "What the daemon prints is appended to this file; its last line is the exit reason "
            f"when it dies during start. Unset, /var/log/{project}/NAME.log, where NAME is the "
            "resource's.",
        ),
    )


def api(usual: str) -> tuple[Parameter, ...]:
    """How the API of a service is asked. usual: an example of its URL."""
    return (
        Parameter(
            "url",
            Url(),
            "URL of the API to check",
            "Where monitor asks this instance, such as "
            + usual
            + ". Unset, it asks the socket that "
            "the instance's own processes listen on, which needs no configuration and cannot be "
            "mistaken for another node's. Set it where the daemon listens on no TCP port itself, "
            "as behind a web server.",
            reloadable=True,
        ),
        Parameter(
            "api_timeout",
            Integer(1, 600),
            "Longest wait for one answer, in seconds",
            "A request to the API that is not answered completely within this many seconds counts "
            "as unanswered. It is cut to what the timeout of the operation leaves.",
            default="10",
            reloadable=True,
        ),
    )


def credentials(identity: str | None = None) -> tuple[Parameter, ...]:
    """How to log in, in the words of the paper and in those of the older agents.

    identity: default of keystone_get_token_url, where the older agent had one.
    """
    older = Parameter(
        "keystone_get_token_url",
        Url(),
        "Where to get a token (older name)",
        "What older agents called os_auth_url, which is taken where both are set.",
        default=identity,
        reloadable=True,
        deprecated="Use os_auth_url.",
        replaced_by="os_auth_url",
    )
    return (*CREDENTIALS, older)


CREDENTIALS = (
    Parameter(
        "os_auth_url",
        Url(),
        "URL of Identity",
        "Where to log in, such as http://192.168.42.103:5000/v3. The version in it does not "
        "matter: Identity v3 is used where the server has it, whatever the URL says. With "
        "os_username and os_password it makes monitor ask with a token.",
        reloadable=True,
    ),
    Parameter(
        "os_username",
        String(),
        "User to log in as",
        "Name of the user that monitor logs in as. One without any role that could do harm is "
        "enough.",
        reloadable=True,
    ),
    Parameter(
        "os_password",
        String(),
        "Password to log in with",
        "Password of that user. To keep it out of the CIB: cibsecret set RESOURCE os_password "
        "VALUE. A wrong one makes monitor report degraded; it restarts nothing.",
        reloadable=True,
        secret=True,
    ),
    Parameter(
        "os_tenant_name",
        String(),
        "Project to log in to",
        "Name of the project (once called tenant) that the token is for. Unset, the token has no "
        "project.",
        reloadable=True,
    ),
    Parameter(
        "os_user_domain_name",
        String(),
        "Domain of the user",
        "Identity v3: name of the domain that the user is in.",
        default="Default",
        reloadable=True,
    ),
    Parameter(
        "os_project_domain_name",
        String(),
        "Domain of the project",
        "Identity v3: name of the domain that the project is in.",
        default="Default",
        reloadable=True,
    ),
    Parameter(
        "os_region_name",
        String(),
        "Region to look for in the service catalog",
        "The monitor of depth 20 looks for this region's endpoint in the catalog. Unset, any "
        "region's.",
        reloadable=True,
    ),
    Parameter(
        "os_interface",
        Select("public", "internal", "admin"),
        "Interface to look for in the service catalog",
        "The monitor of depth 20 looks for an endpoint of this kind in the catalog.",
        default="public",
        reloadable=True,
    ),
    Parameter(
        "os_cacert",
        Path(),
        "CA certificates for TLS",
        "PEM file with the certificates that sign the servers'. Unset, the system's own.",
        reloadable=True,
    ),
    Parameter(
        "insecure",
        Boolean(),
        "Accept any certificate",
        "Do not verify certificates. Whoever can come between then reads the password.",
        default="false",
        reloadable=True,
    ),
)


def client_binary(default: str) -> Parameter:
    """Older agents asked the service with a command-line client."""
    return Parameter(
        "client_binary",
        String(),
        "Command-line client (unused)",
        "No longer used; accepted because older agents had it.",
        default=default,
        deprecated="It has no effect: monitor asks the API itself.",
    )


def api_actions(start: int, stop: int) -> tuple[Action, ...]:
    """The actions of a service with an API; timeouts in seconds. Depth 0 comes first, for readers
    that take the first monitor for the only one; the intervals differ, for crmsh."""
    return (
        Action("start", start),
        Action("stop", stop),
        Action("monitor", 20, interval=10, depth=0),
        Action("monitor", 30, interval=20, depth=10),
        Action("monitor", 60, interval=300, depth=20),
        Action("status", 20),
        Action("reload-agent", 20),
        Action("validate-all", 20),
        Action("meta-data", 10),
    )
