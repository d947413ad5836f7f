"""Waits for the end of one daemon, then reports it: a program of its own, which spawn.py runs.

One lives beside each daemon, as long as that, so it loads only what the interpreter has built in:
7.6 MiB resident, of which 5.1 are shared with every other Python of the host; no CPU until the
daemon ends (measured, Python 3.11). report.py does what follows.

Source: wait(2); pidfd_open(2) for a daemon that is not its child.
"""

import posix
import sys

# What ps and top show for it: comm of proc(5).
NAME = b"ocf-sentinel"


def main(name: str, record: str, pid: str, start: str, line: str, hold: str) -> None:
    """Wait for the end of the daemon, then report it.

    name: the instance. record: path of its record. pid, start: the daemon's. line: a descriptor for
    the news of its end, which start reads, -1 for none. hold: a descriptor of the daemon itself, -1
    if it is our child.
    """
    # `open` would bring in 0.1 MiB more
    comm = posix.open("/proc/self/comm", posix.O_WRONLY)
    posix.write(comm, NAME)
    posix.close(comm)
    status = wait(int(pid), int(hold))
    try:  # noqa: SIM105 - contextlib would stay in memory as long as the sentinel lives
        posix.write(int(line), b"%d" % status)
    except OSError:
        pass  # start ended long ago, as usual
    sys.path.insert(0, __file__.rpartition("/ocf_lib/")[0])
    from ocf_lib.sentinel import report

    report.report(name, record, int(pid), int(start), status)


def wait(pid: int, hold: int) -> int:
    """Wait until the process has ended. The status is that of wait(2), -1 for a process that is not
    our child."""
    if hold < 0:
        return posix.waitpid(pid, 0)[1]
    import select

    ending = select.poll()
    ending.register(hold, select.POLLIN)
    ending.poll()
    return -1


if __name__ == "__main__":
    main(*sys.argv[1:])
