"""Reads one cloud in a clouds.yaml with openstacksdk's own loader (0.9 s of CPU).

The loader takes paths. It gets /proc/self/fd/NUMBER of descriptors that we opened and checked.
Nothing is read from the environment, from other folders or from the network.
"""

from __future__ import annotations

import contextlib
import os

from ocf_lib import libraries
from ocf_lib.outcomes import InvalidHere, NotInstalled
from ocf_lib.state import secretfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OPENED = "/proc/self/fd/{}"
SETTINGS = ("auth_type", "cacert", "region_name", "interface")


def load(path: str, cloud: str, parameter: str) -> tuple[dict[str, str], str]:
    """The facts of `cloud`, under the names of its auth section, and the exposure of the file.
    parameter: the one that names the file.

    Raises NotInstalled without openstacksdk, InvalidHere if the file or the cloud cannot be used.
    Neither message repeats text of the file, as YAML's own errors do.
    """
    libraries.enable()
    try:
        from openstack.config import OpenStackConfig  # type: ignore[import-not-found]
    except ImportError:
        raise NotInstalled(
            "Python package openstack is missing, which reads clouds.yaml: install "
            "python3-openstacksdk"
        ) from None

    opened: dict[str, str] = {}
    with contextlib.ExitStack() as stack:

        def of(name: str) -> tuple[list[str], str]:
            descriptor, exposure = secretfile.opened(name, f"parameter {parameter}")
            stack.callback(os.close, descriptor)
            opened[OPENED.format(descriptor)] = name
            return [OPENED.format(descriptor)], exposure

        config_files, exposure = of(path)
        secure = os.path.join(os.path.dirname(path), "secure.yaml")
        secure_files: list[str] = []
        if os.path.exists(secure):
            secure_files, secure_exposure = of(secure)
            exposure = exposure or secure_exposure
        try:
            config = OpenStackConfig(
                config_files=config_files,
                secure_files=secure_files,
                vendor_files=[],
                load_envvars=False,
            )
            if cloud not in config.get_cloud_names():
                raise InvalidHere(f"{path} has no cloud {cloud}: check os_cloud")
            _refuse_network(config.cloud_config["clouds"][cloud], f"cloud {cloud} in {path}")
            region = config.get_one(cloud, validate=False)
            verify, _ = region.get_requests_verify_args()
            facts = {**region.config["auth"], **{n: region.config.get(n) for n in SETTINGS}}
        except InvalidHere:
            raise
        except Exception as error:  # noqa: BLE001 - its own, YAML's, and others that odd YAML causes
            mark = getattr(error, "problem_mark", None)
            if mark is not None:
                name = opened.get(mark.name, path)
                raise InvalidHere(f"line {mark.line + 1} of {name} is no YAML") from None
            raise InvalidHere(
                f"cloud {cloud} in {path} cannot be used ({type(error).__name__})"
            ) from None
    if verify is False:
        facts["insecure"] = "true"
    return {name: text for name, value in facts.items() if (text := _text(value))}, exposure


def _refuse_network(cloud: dict[str, Any], title: str) -> None:
    """Raises InvalidHere for a profile on the network, also one behind a packaged profile
    (vexxhost): the loader would fetch it without a deadline."""
    from openstack.config import vendors

    name = str(cloud.get("profile") or cloud.get("cloud") or "")
    inner = "" if "://" in name else (vendors.get_profile(name) or {}).get("profile")
    if "://" in f"{name} {inner}":
        raise InvalidHere(f"{title} has a profile on the network: write its values there")


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None or isinstance(value, dict) else str(value)
