"""The sections of an agent's page, in the order that resource-agents uses."""

from __future__ import annotations

import re

from manual import examples, roff
from manual.described import Action, Agent, Parameter

SECTION = 7
MANUAL = "OCF resource agents"
# Columns of the page's first line: the title on both sides, MANUAL between them.
HEAD = 78
STATE = "/run/resource-agents/openstack/"
# A monitor without a depth runs at this depth, or at the next lower one that the agent has.
DEFAULT_DEPTH = 10
PAGES = ("pcs(8)", "crm(8)", "crm_mon(8)", "crm_resource(8)")

ACTIONS = {
    "start": "Starts the service and waits until it is ready. If it already runs, nothing happens.",
    "stop": "Ends all processes of the service. It works without the program, its configuration "
    "and parameters.",
    "status": "The same as monitor at depth 0.",
    "reload": "Makes the daemon re-read its own configuration without a restart: the same process "
    "keeps working. Returns once the daemon is ready again. Pacemaker never calls this action; "
    "people do. If the running program cannot do it, nothing happens (exit code 3).",
    "reload-agent": "Applies changes of reloadable parameters without touching the service.",
    "validate-all": "Checks the parameters. With OCF_CHECK_LEVEL=10 it also checks that this node "
    "has what they name.",
    "meta-data": "Prints the description from which this page is made.",
}
PROCESSES = "Checks only the processes."
NEEDS = "Also checks the database, the broker and Identity, if the service depends on them."
# What a monitor does, by depth. Each entry begins with the parameters that the agent must have; the
# first entry that fits counts.
DEPTHS = {
    10: (
        (
            ("url", "os_password"),
            f"Asks the API, with a token if credentials are set, otherwise without. {NEEDS}",
        ),
        (("url",), f"Sends the service a request and checks the answer. {NEEDS}"),
        (
            ("amqp_server_port",),
            "Checks that one of the daemon's processes is connected to the message broker, and "
            "that broker and database are up.",
        ),
        (("config",), "Checks that the database is up."),
    ),
    20: (
        (
            ("url", "os_password"),
            "Logs in, sends a request with the new token and checks the service catalog.",
        ),
        (
            ("os_password",),
            "Logs in and checks that the API that lists the services reports this one as up.",
        ),
    ),
}
EXIT_CODES = (
    ("0", "OCF_SUCCESS", "Success. For monitor: the service runs."),
    ("1", "OCF_ERR_GENERIC", "The service has failed; a restart may repair it."),
    ("2", "OCF_ERR_ARGS", "A parameter is wrong on this node; another node is tried."),
    ("3", "OCF_ERR_UNIMPLEMENTED", "The agent has no such action."),
    ("4", "OCF_ERR_PERM", "The caller is not root."),
    (
        "5",
        "OCF_ERR_INSTALLED",
        "The program, its user or a Python package is missing on this node; another node is tried.",
    ),
    ("6", "OCF_ERR_CONFIGURED", "A parameter is wrong on every node; no other node is tried."),
    ("7", "OCF_NOT_RUNNING", "For monitor and status: no process of the service is left."),
)
DEGRADED = (
    "190",
    "OCF_DEGRADED",
    "For monitor: the service runs, but something that it depends on does not, or the agent's own "
    "log-in is refused. Pacemaker shows this and restarts nothing.",
)


def name_of(agent: str) -> str:
    """Returns the page's name, formed as in resource-agents (ocf_heartbeat_IPaddr2)."""
    return f"ocf_openstack_{agent}"


def alias(target: str) -> str:
    """Returns the page of an older name, which shows the page of `target`."""
    return f".so man{SECTION}/{name_of(target)}.{SECTION}\n"


def page(agent: Agent, others: list[str]) -> str:
    """Returns the page of an agent.

    others: names of all agents; SEE ALSO lists those of the same project.
    """
    source = f"openstack-resource-agents {agent.version}"
    names = ", ".join(name_of(one) for one in (agent.name, *agent.aliases))
    actions = " | ".join(dict.fromkeys(action.name for action in agent.actions))
    return "".join(
        (
            # the first line tells man which preprocessor to run: tbl
            "'\\\" t\n",
            _title(agent.name, source),
            roff.section("NAME", f"{roff.text(names)} \\- {roff.text(agent.title)}\n"),
            roff.section("SYNOPSIS", f"{roff.bold(agent.name)} [{roff.text(actions)}]\n"),
            roff.section("DESCRIPTION", *(roff.paragraph(roff.text(told)) for told in agent.long)),
            roff.section("SUPPORTED PARAMETERS", *_parameters(agent)),
            roff.section("SUPPORTED ACTIONS", *_actions(agent)),
            roff.section("EXIT CODES", *_exit_codes(agent)),
            roff.section("FILES", *_files(agent)),
            roff.section("EXAMPLE CRM SHELL", *_examples(agent, examples.crmsh)),
            roff.section("EXAMPLE PCS", *_examples(agent, examples.pcs)),
            roff.section("SEE ALSO", _see_also(agent, others)),
        )
    )


def _title(agent: str, source: str) -> str:
    """Shortens the page's name or drops MANUAL if both do not fit: groff would overprint them."""
    whole = name_of(agent)
    left = {name: HEAD - 2 * len(f"{name}({SECTION})") for name in (whole, agent)}
    name = whole if left[whole] > 0 else agent
    return roff.title(name, SECTION, source, MANUAL if left[name] > len(MANUAL) + 2 else "")


def _parameters(agent: Agent) -> list[str]:
    required = [p.name for p in agent.parameters if p.is_required]
    current = [p for p in agent.parameters if p.deprecated is None]
    older = [p for p in agent.parameters if p.deprecated is not None]
    said = f"Required: {', '.join(required)}. The others are optional." if required else ""
    intro = [said or "All parameters are optional."]
    if any(p.is_reloadable for p in agent.parameters):
        intro.append("A change of a reloadable parameter takes effect without a restart.")
    if any(p.unique_group for p in agent.parameters):
        intro.append("No two resources may have equal values in all parameters of a unique group.")
    parts = [roff.paragraph(roff.text(" ".join(intro)))] if agent.parameters else ["None.\n"]
    parts += [_parameter(p) for p in current]
    if older:
        parts.append(roff.subsection("Deprecated parameters", *(_parameter(p) for p in older)))
    return parts


def _parameter(parameter: Parameter) -> str:
    kind = ": ".join(filter(None, (parameter.kind, ", ".join(parameter.options))))
    facts = [roff.text(kind)]
    if parameter.default is not None:
        facts.append(f"default: {roff.italic(parameter.default)}")
    facts += ["required"] * parameter.is_required + ["reloadable"] * parameter.is_reloadable
    if parameter.unique_group:
        facts.append(f"unique in group {roff.text(parameter.unique_group)}")
    if parameter.deprecated is not None:
        facts.append("deprecated")
        facts += [f"replaced by {roff.bold(new)}" for new in parameter.replaced_by]
    first, *more = parameter.long
    told = [f"{roff.text(parameter.short)} ({'; '.join(facts)}).", roff.text(first)]
    if parameter.deprecated:
        told.append(roff.text(parameter.deprecated))
    paragraphs = (roff.text(paragraph) for paragraph in more)
    return roff.item(roff.bold(parameter.name), " ".join(filter(None, told)), *paragraphs)


def _actions(agent: Agent) -> list[str]:
    usual = max((depth for depth in agent.depths if depth <= DEFAULT_DEPTH), default=None)
    intro = "Give each operation at least the timeout shown here."
    if len(agent.depths) > 1:
        intro += " OCF_CHECK_LEVEL sets the depth of a monitor."
    return [
        roff.paragraph(roff.text(intro)),
        *(_action(agent, action, usual) for action in agent.actions),
    ]


def _action(agent: Agent, action: Action, usual: int | None) -> str:
    tag = roff.bold(action.name)
    told = [ACTIONS.get(action.name, "")]
    if action.depth is not None:
        tag += f" (depth {action.depth})"
        told = [looks_at(agent, action.depth)]
        if action.depth == usual and len(agent.depths) > 1:
            told.append("A monitor without a depth does this.")
    every = f", every {action.interval}" if action.interval else ""
    told.append(f"Timeout {action.timeout}{every}.")
    return roff.item(tag, roff.text(" ".join(told)))


def looks_at(agent: Agent, depth: int) -> str:
    """Returns what a monitor of this depth checks; DESCRIPTION must say it for a special depth."""
    if depth == 0:
        return PROCESSES
    known = (told for names, told in DEPTHS.get(depth, ()) if all(map(agent.has, names)))
    return next(known, "See DESCRIPTION.")


def _exit_codes(agent: Agent) -> list[str]:
    rows = [*EXIT_CODES, DEGRADED] if any(agent.depths) else EXIT_CODES
    return [
        roff.table("r l lx", [[roff.text(cell) for cell in row] for row in rows]),
        roff.paragraph(
            roff.text(
                "If stop returns anything but 0, Pacemaker fences the node. The exit reason says "
                "in one line what went wrong; pcs status and crm_mon show it."
            )
        ),
    ]


def _files(agent: Agent) -> list[str]:
    """Lists the agent's files. NAME is the resource's name, as in the texts of parameters."""
    state = f"{STATE}{agent.name}@NAME"
    items = [
        (
            f"{state}.record",
            "Which process start left running. Only root may access this file and its folder.",
        )
    ]
    if agent.has("os_password"):
        items.append((f"{state}.token", "The token that monitor keeps and reuses."))
    if any(agent.depths):
        items.append((f"{state}.notes", "Notes of one monitor for the next."))
    items.append((f"{state}.lock", "The lock that start and stop hold."))
    for parameter in agent.parameters:
        unset = re.search(r"If unset, (/[^\s,]*[^\s,.])", " ".join(parameter.long))
        path = parameter.default or (unset[1] if unset else "")
        if path.startswith("/") and parameter.deprecated is None:
            items.append((path, f"{parameter.short}: parameter {parameter.name}."))
    intro = "NAME is the resource's name. HA_RSCTMP, if set, replaces /run/resource-agents."
    return [
        roff.paragraph(roff.text(intro)),
        *(roff.item(roff.italic(path), roff.text(told)) for path, told in items),
        roff.paragraph(
            roff.text(
                "The agent logs to syslog and to the log of Pacemaker, under the name "
                f"{agent.name}(NAME)."
            )
        ),
    ]


def _examples(agent: Agent, commands: examples.Commands) -> list[str]:
    parts = [
        roff.paragraph(roff.text("On one node at a time:")),
        roff.example(commands(agent, False)),
    ]
    if agent.is_cloned:
        condition = ", if DESCRIPTION calls for it" if agent.is_single else ""
        parts += [
            roff.paragraph(roff.text(f"On all nodes, as a clone{condition}:")),
            roff.example(commands(agent, True)),
        ]
    return parts


def _see_also(agent: Agent, others: list[str]) -> str:
    project = agent.name.partition("-")[0]
    related = [one for one in others if one.partition("-")[0] == project and one != agent.name]
    pages = [f"{name_of(one)}({SECTION})" for one in related]
    return (
        ",\n".join(
            roff.bold(name) + "(" + rest
            for name, _, rest in (p.partition("(") for p in (*PAGES, *pages))
        )
        + "\n"
    )
