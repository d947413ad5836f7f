"""Parameters for monitor's log-in to Identity."""

from __future__ import annotations

from ocf_lib.declare.parameters import Boolean, Parameter, Path, Select, String, Url


def credentials(identity: str | None = None) -> tuple[Parameter, ...]:
    """Returns the parameters for logging in, under their current and their older names.

    identity: default of keystone_get_token_url, if the older agent had one.
    """
    older = Parameter(
        "keystone_get_token_url",
        Url(),
        "URL of Identity (older name)",
        "Older name of os_auth_url. If both are set, os_auth_url takes precedence.",
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
        "Where to log in, such as http://192.168.42.103:5000/v3. The version in the URL does not "
        "matter: Identity v3 is used if the server has it. If this URL, a user and a password are "
        "set, monitor asks with a token. Ways to give the password, best first: os_password as a "
        "secret of Pacemaker, os_cloud, openrc, os_password_file, plain os_password.",
        reloadable=True,
    ),
    Parameter(
        "os_username",
        String(),
        "User to log in as",
        "Name of the user that monitor logs in as. It needs no role that could do harm. Only depth "
        "20 of a service without an API needs a role that may list services (os-services, network "
        "agents), which most clouds give to administrators alone.",
        reloadable=True,
    ),
    Parameter(
        "os_password",
        String(),
        "Password to log in with",
        "Password of that user. Keep it out of the CIB: cibsecret set RESOURCE os_password VALUE. "
        "In plain text it is in the CIB and in pacemaker.log of every node, which is acceptable "
        "only for a test. It is not used if os_cloud, openrc or os_password_file contains a "
        "password. A wrong password makes the resource degraded; nothing is restarted.",
        reloadable=True,
        secret=True,
    ),
    Parameter(
        "os_cloud",
        String(),
        "Cloud of clouds.yaml to log in to",
        "Name of a cloud in clouds.yaml, such as monitoring, for hosts where the openstack command "
        "uses that file already. The cloud supplies URL, user, password, project and TLS settings. "
        "A parameter that is set takes precedence over the file, except for the password. Reading "
        "the file needs python3-openstacksdk.",
        reloadable=True,
    ),
    Parameter(
        "os_client_config_file",
        Path(),
        "clouds.yaml file for os_cloud",
        "The clouds.yaml file that contains the cloud os_cloud. A secure.yaml in the same folder "
        "is read too. Only root may read these files: chmod 600.",
        default="/etc/openstack/clouds.yaml",
        reloadable=True,
    ),
    Parameter(
        "openrc",
        Path(),
        "File with export OS_...= lines to log in with",
        "Path of an openrc file, such as /root/openrc, for hosts that have one already. The file "
        "is read as text and never run, so it must contain the values themselves, as in export "
        "OS_PASSWORD='secret', not $PASSWORD. It supplies the same settings as os_cloud. Only root "
        "may read it: chmod 600.",
        reloadable=True,
    ),
    Parameter(
        "os_password_file",
        Path(),
        "File with the password",
        "Path of a file whose first line is the password (or the secret of "
        "os_application_credential_id), such as /etc/keystone/monitor.password. Use it if a tool "
        "writes the password to a file and everything else is set in parameters. Only root may "
        "read it: chmod 600.",
        reloadable=True,
    ),
    Parameter(
        "os_application_credential_id",
        String(),
        "Application credential to log in with",
        "ID of an application credential, to use in place of user, password and project. Create "
        "one with: openstack application credential create --role reader monitoring. Only Identity "
        "v3 has application credentials.",
        reloadable=True,
    ),
    Parameter(
        "os_application_credential_secret",
        String(),
        "Secret of the application credential",
        "The secret that openstack application credential create printed. Keep it out of the CIB: "
        "cibsecret set RESOURCE os_application_credential_secret VALUE.",
        reloadable=True,
        secret=True,
    ),
    Parameter(
        "os_project_name",
        String(),
        "Project to log in to",
        "Name of the project that the token is for. If neither this nor os_project_id is set, the "
        "token has no project.",
        reloadable=True,
    ),
    Parameter(
        "os_tenant_name",
        String(),
        "Project to log in to (older name)",
        "Older name of os_project_name, from the time when projects were called tenants. If both "
        "are set, os_project_name takes precedence.",
        reloadable=True,
        replaced_by="os_project_name",
    ),
    Parameter(
        "os_project_id",
        String(),
        "ID of the project to log in to",
        "Takes precedence over os_project_name, and needs no domain.",
        reloadable=True,
    ),
    Parameter(
        "os_user_domain_name",
        String(),
        "Domain of the user",
        "Identity v3: name of the user's domain.",
        default="Default",
        reloadable=True,
    ),
    Parameter(
        "os_user_domain_id",
        String(),
        "ID of the user's domain",
        "Identity v3: takes precedence over os_user_domain_name.",
        reloadable=True,
    ),
    Parameter(
        "os_project_domain_name",
        String(),
        "Domain of the project",
        "Identity v3: name of the project's domain.",
        default="Default",
        reloadable=True,
    ),
    Parameter(
        "os_project_domain_id",
        String(),
        "ID of the project's domain",
        "Identity v3: takes precedence over os_project_domain_name.",
        reloadable=True,
    ),
    Parameter(
        "os_region_name",
        String(),
        "Region to look for in the service catalog",
        "The monitor of depth 20 looks for this region's endpoint in the catalog. If unset, any "
        "region's endpoint will do. If the catalog has several regions, a service without an API "
        "needs this parameter.",
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
        "PEM file with the CA certificates that the servers' certificates are checked against. If "
        "unset, the CA certificates of the system are used.",
        reloadable=True,
    ),
    Parameter(
        "insecure",
        Boolean(),
        "Accept any certificate",
        "Do not verify certificates. An attacker between monitor and the server can then read the "
        "password.",
        default="false",
        reloadable=True,
    ),
)
