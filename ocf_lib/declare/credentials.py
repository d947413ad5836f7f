"""Parameters that say how monitor logs in to Identity (hot module: data alone)."""

from __future__ import annotations

from ocf_lib.declare.parameters import Boolean, Parameter, Path, Select, String, Url


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
        "matter: Identity v3 is used where the server has it, whatever the URL says. With a user "
        "and a password it makes monitor ask with a token. The password, in order of preference: "
        "os_password as a secret of Pacemaker's, os_cloud, openrc, os_password_file, plain "
        "os_password.",
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
        "Password of that user. Best kept out of the CIB: cibsecret set RESOURCE os_password "
        "VALUE. Plain, it is in the CIB and in pacemaker.log of every node: for a test alone. Not "
        "used where os_cloud, openrc or os_password_file brings one. A wrong one makes monitor "
        "report degraded; it restarts nothing.",
        reloadable=True,
        secret=True,
    ),
    Parameter(
        "os_cloud",
        String(),
        "Cloud of clouds.yaml to log in to",
        "Name of a cloud in clouds.yaml, such as monitoring: for hosts where the openstack command "
        "uses that file already. It brings URL, user, password, project and TLS; a parameter that "
        "is set wins over all but the password. Read with python3-openstacksdk.",
        reloadable=True,
    ),
    Parameter(
        "os_client_config_file",
        Path(),
        "The clouds.yaml of os_cloud",
        "Its path. A secure.yaml in the same folder is read, too. Only root may read them: chmod "
        "600.",
        default="/etc/openstack/clouds.yaml",
        reloadable=True,
    ),
    Parameter(
        "openrc",
        Path(),
        "File of export OS_...= lines to log in with",
        "Path of an openrc file, such as /root/openrc: for hosts that have one already. It is read "
        "as text, never run: each value must stand there itself, as in export "
        "OS_PASSWORD='secret', not as $PASSWORD. It brings what os_cloud would. Only root may read "
        "it: chmod 600.",
        reloadable=True,
    ),
    Parameter(
        "os_password_file",
        Path(),
        "File with the password",
        "Path of a file whose first line is the password (or the secret of "
        "os_application_credential_id), such as /etc/keystone/monitor.password: where the other "
        "facts stand in parameters and what writes the password writes files. Only root may read "
        "it: chmod 600.",
        reloadable=True,
    ),
    Parameter(
        "os_application_credential_id",
        String(),
        "Application credential to log in with",
        "Its ID. In place of user, password and project: openstack application credential create "
        "--role reader monitoring. Identity v3 alone has them.",
        reloadable=True,
    ),
    Parameter(
        "os_application_credential_secret",
        String(),
        "Secret of the application credential",
        "What application credential create printed as secret. Best kept out of the CIB: cibsecret "
        "set RESOURCE os_application_credential_secret VALUE.",
        reloadable=True,
        secret=True,
    ),
    Parameter(
        "os_project_name",
        String(),
        "Project to log in to",
        "Name of the project that the token is for. Unset, and os_project_id unset, too, the token "
        "has no project.",
        reloadable=True,
    ),
    Parameter(
        "os_tenant_name",
        String(),
        "Project to log in to (older name)",
        "What os_project_name was called when projects were tenants. os_project_name wins.",
        reloadable=True,
        replaced_by="os_project_name",
    ),
    Parameter(
        "os_project_id",
        String(),
        "ID of the project to log in to",
        "Wins over the name, and needs no domain.",
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
        "os_user_domain_id",
        String(),
        "ID of the user's domain",
        "Identity v3: wins over the name of that domain.",
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
        "os_project_domain_id",
        String(),
        "ID of the project's domain",
        "Identity v3: wins over the name of that domain.",
        reloadable=True,
    ),
    Parameter(
        "os_region_name",
        String(),
        "Region to look for in the service catalog",
        "The monitor of depth 20 looks for this region's endpoint in the catalog. Unset, any "
        "region's; where there are several, a service without an API needs its own.",
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
