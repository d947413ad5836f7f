"""Waits for the end of one daemon, then has it reported: a program of its own, which guard.py runs.

It lives as long as the daemon, beside each, so it loads nothing but what the interpreter has built
in: 7.6 MiB resident, of which 2.5 are its own and the rest is shared with every other Python of the
host; no CPU until the daemon ends (measured, Python 3.11). What is to be done then is in death.py.

Source: wait(2); pidfd_open(2) for a daemon that is not its child.
"""

import posix
import sys

# What ps and top show for it: comm of proc(5).
NAME = b"ocf-sentinel"


def main(name: str, record: str, pid: str, start: str, line: str, hold: str) -> None:
    """name: of the instance. record: path of its record. pid, start: the daemon's identity.
    line: a descriptor that start reads how the daemon ended from, -1 for none. hold: one of the
    daemon itself, -1 for a child of ours."""
    # `open` would bring in 0.1 MiB more
    comm = posix.open("/proc/self/comm", posix.O_WRONLY)
    posix.write(comm, NAME)
    posix.close(comm)
    status = wait(int(pid), int(hold))
    try:  # noqa: SIM105 - contextlib would be with it for good
        posix.write(int(line), b"%d" % status)
    except OSError:
        pass  # start has ended long since, as usual
    sys.path.insert(0, __file__.rpartition("/ocf_lib/")[0])
    from ocf_lib.sentinel import report

    report.report(name, record, int(pid), int(start), status)


def wait(pid: int, hold: int) -> int:
    """Until it has ended. The status is that of wait(2), -1 for a process not started by us."""
    if hold < 0:
        return posix.waitpid(pid, 0)[1]
    import select

    ending = select.poll()
    ending.register(hold, select.POLLIN)
    ending.poll()
    return -1


if __name__ == "__main__":
    main(*sys.argv[1:])
