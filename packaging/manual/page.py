"""The sections of an agent's page, in the order that resource-agents has them in."""

from __future__ import annotations

import re

from manual import examples, roff
from manual.described import Action, Agent, Parameter

SECTION = 7
MANUAL = "OCF resource agents"
# Columns of the head of the page, which has the title on both sides and MANUAL between them.
HEAD = 78
STATE = "/run/resource-agents/openstack/"
# A monitor that names no depth runs at this one, or at the next lower one that the agent has.
DEFAULT_DEPTH = 10
PAGES = ("pcs(8)", "crm(8)", "crm_mon(8)", "crm_resource(8)")

ACTIONS = {
    "start": "Starts the service and waits until it can be used. One that runs is left alone.",
    "stop": "Ends all processes of the service. Needs nothing for it: neither program, "
    "configuration nor parameters.",
    "status": "The same as monitor at depth 0.",
    "reload": "Has the daemon re-read its own configuration and go on working, the same process as "
    "before; returns when it can be used again. Pacemaker never calls it, people do. Where what "
    "runs cannot do it, nothing happens (exit code 3).",
    "reload-agent": "Makes changes of reloadable parameters effective; the service is not touched.",
    "validate-all": "Checks the parameters; with OCF_CHECK_LEVEL=10 also whether this node "
    "has what they name.",
    "meta-data": "Prints what this page is made from.",
}
PROCESSES = "Looks at the processes alone."
# What a depth looks at, by the parameter that an agent has for it.
NEEDS = "Looks whether database, broker and Identity are there, as far as it depends on them."
# depth: (parameters that an agent has, what its monitor does), the first that fits
DEPTHS = {
    10: (
        (
            ("url", "os_password"),
            f"Asks the API: with a token where credentials are set, else without. {NEEDS}",
        ),
        (("url",), f"Sends it a request and looks at the answer. {NEEDS}"),
        (
            ("amqp_server_port",),
            "Looks whether one of the daemon's processes is connected to the message broker, and "
            "whether broker and database are there.",
        ),
        (("config",), "Looks whether the database is there."),
    ),
    20: (
        (
            ("url", "os_password"),
            "Logs in, puts the token to use and looks at the service catalog.",
        ),
        (
            ("os_password",),
            "Logs in and asks the API that lists the services whether this one reports itself as "
            "up.",
        ),
    ),
}
EXIT_CODES = (
    ("0", "OCF_SUCCESS", "Done; of monitor: the service runs."),
    ("1", "OCF_ERR_GENERIC", "The service is at fault, and a restart may mend it."),
    ("2", "OCF_ERR_ARGS", "A parameter cannot be right on this node; another is tried."),
    ("3", "OCF_ERR_UNIMPLEMENTED", "There is no such action."),
    ("4", "OCF_ERR_PERM", "Not called as root."),
    (
        "5",
        "OCF_ERR_INSTALLED",
        "The program, its user or a Python package is missing on this node; another is tried.",
    ),
    ("6", "OCF_ERR_CONFIGURED", "A parameter is wrong on every node; no other is tried."),
    ("7", "OCF_NOT_RUNNING", "Of monitor and status: no process of the service is left."),
)
DEGRADED = (
    "190",
    "OCF_DEGRADED",
    "Of monitor: the service runs, but what it depends on does not, or the agent's own log-in is "
    "refused. It is shown; nothing is restarted.",
)


def name_of(agent: str) -> str:
    """The page's name, after those of resource-agents (ocf_heartbeat_IPaddr2)."""
    return f"ocf_openstack_{agent}"


def alias(target: str) -> str:
    """The page of an older name: it shows that of `target`."""
    return f".so man{SECTION}/{name_of(target)}.{SECTION}\n"


def page(agent: Agent, others: list[str]) -> str:
    """others: names of all agents, of which those of the same project are referred to."""
    source = f"openstack-resource-agents {agent.version}"
    names = ", ".join(name_of(one) for one in (agent.name, *agent.aliases))
    actions = " | ".join(dict.fromkeys(action.name for action in agent.actions))
    return "".join(
        (
            # the first line names the preprocessor that man has to run: tbl
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
    """The page's name and MANUAL, or as much of them as fits: groff prints one over the other."""
    whole = name_of(agent)
    left = {name: HEAD - 2 * len(f"{name}({SECTION})") for name in (whole, agent)}
    name = whole if left[whole] > 0 else agent
    return roff.title(name, SECTION, source, MANUAL if left[name] > len(MANUAL) + 2 else "")


def _parameters(agent: Agent) -> list[str]:
    required = [p.name for p in agent.parameters if p.is_required]
    current = [p for p in agent.parameters if p.deprecated is None]
    older = [p for p in agent.parameters if p.deprecated is not None]
    said = f"Required: {', '.join(required)}; the others are optional." if required else ""
    intro = [said or "All are optional."]
    if any(p.is_reloadable for p in agent.parameters):
        intro.append("A change of one that is reloadable takes effect without a restart.")
    if any(p.unique_group for p in agent.parameters):
        intro.append("No two resources may agree in all parameters of a unique group.")
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
    intro = "Timeouts are the least that an operation should be given."
    if len(agent.depths) > 1:
        intro += " The depth of a monitor is what OCF_CHECK_LEVEL says."
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
            told.append("A monitor that names no depth does this.")
    every = f", every {action.interval}" if action.interval else ""
    told.append(f"Timeout {action.timeout}{every}.")
    return roff.item(tag, roff.text(" ".join(told)))


def looks_at(agent: Agent, depth: int) -> str:
    """What the agent's own words must tell where its parameters do not."""
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
                "Of stop, anything but 0 makes Pacemaker fence the node. What went wrong is said "
                "in one line, the exit reason, which pcs status and crm_mon show."
            )
        ),
    ]


def _files(agent: Agent) -> list[str]:
    """NAME, as in the parameters' own words: the resource's."""
    state = f"{STATE}{agent.name}@NAME"
    items = [(f"{state}.record", "Which process start left. It and the folder are root's alone.")]
    if agent.has("os_password"):
        items.append((f"{state}.token", "The token that monitor keeps."))
    if any(agent.depths):
        items.append((f"{state}.notes", "What one monitor leaves for the next."))
    items.append((f"{state}.lock", "Held by start and stop."))
    for parameter in agent.parameters:
        unset = re.search(r"If unset, (/[^\s,]*[^\s,.])", " ".join(parameter.long))
        path = parameter.default or (unset[1] if unset else "")
        if path.startswith("/") and parameter.deprecated is None:
            items.append((path, f"{parameter.short}: parameter {parameter.name}."))
    intro = "NAME is the resource's. Where HA_RSCTMP is set, it stands for /run/resource-agents."
    return [
        roff.paragraph(roff.text(intro)),
        *(roff.item(roff.italic(path), roff.text(told)) for path, told in items),
        roff.paragraph(
            roff.text(
                "What the agent itself logs goes to syslog and to the log of Pacemaker, under "
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
        condition = ", where DESCRIPTION calls for it" if agent.is_single else ""
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
