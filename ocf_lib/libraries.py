"""Makes Python packages beyond the standard library importable.

Agents run as `python3 -IS`: without `site`, which saves 4 ms a call, and so without the folder
that holds the distribution's packages. A module calls `need` before it imports such a package.
"""

from __future__ import annotations

import importlib.util
import site
import sys

from ocf_lib.outcomes import NotInstalled


def enable() -> None:
    """Make the system's packages importable. Doing it again changes nothing."""
    if not any(path.endswith(("dist-packages", "site-packages")) for path in sys.path):
        site.main()


def need(module: str, package: str) -> None:
    """Make `module` importable. Raises NotInstalled, which names the Debian package that has it."""
    enable()
    if importlib.util.find_spec(module) is None:
        raise NotInstalled(f"Python package {module} is missing: install {package}")
