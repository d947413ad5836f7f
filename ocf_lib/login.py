"""Parameters that say how monitor logs in to Identity (hot module: data alone)."""

from __future__ import annotations

from ocf_lib.parameters import Boolean, Parameter, Path, Select, String, Url


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
