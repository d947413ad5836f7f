"""reload: the daemon re-reads its configuration and remains the same process. If the signal would
end the daemon, none is sent."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable

import pytest

from tests import pace
from tests.calling import MOST_SECONDS, Result
from tests.faults.neighbours import Neighbours, conductor
from tests.faults.rig import Rig, wait_until

pytestmark = pytest.mark.root

SECRET = "s3cret-of-the-daemon"


def named(rig: Rig, name: str) -> Rig:
    """Rename the rig's program to one that is known to re-read its configuration."""
    binary = rig.binary.with_name(name)
    shutil.copy2(rig.binary, binary)
    rig.binary = binary
    rig.parameters["binary"] = str(binary)
    return rig


@pytest.fixture
def service(make_rig: Callable[..., Rig], near: Neighbours) -> Rig:
    """A running service that re-reads its configuration and keeps its processes."""
    rig = named(conductor(make_rig, near), "nova-conductor")
    rig.set(hup="reread", word="one").start()
    return rig


@pytest.fixture
def unstarted_api(make_rig: Callable[..., Rig]) -> Rig:
    """An API that renews its workers, as uwsgi does. It is not started yet."""
    rig = named(make_rig(), "uwsgi")
    rig.configure("uwsgi", **{"http-socket": f"127.0.0.1:{rig.port}"})
    rig.parameters["additional_parameters"] = f"--config-file={rig.config}"
    return rig.set(hup="renew", word="one")


@pytest.fixture
def api(unstarted_api: Rig) -> Rig:
    unstarted_api.start()
    return unstarted_api


def reload(rig: Rig, **more: object) -> Result:
    """Call reload, which must succeed."""
    result = rig.caller("reload", **more)  # type: ignore[arg-type]
    assert (result.code, result.err) == (0, ""), f"{result}\n{rig.agent_log}"
    return result


def refused(rig: Rig, code: int, reason: str, **more: object) -> None:
    """Call reload, which must fail without sending any signal."""
    before = rig.pids
    result = rig.caller("reload", **more)  # type: ignore[arg-type]
    assert result.code == code, result
    assert reason in result.reason
    assert rig.count("reread") == 0
    assert rig.pids == before
    assert not rig.file("reload").exists()


# -- success ---------------------------------------------------------------------------------------


def test_it_rereads_its_configuration_and_keeps_its_processes(service: Rig) -> None:
    pids, started = service.pids, service.parent.create_time()
    service.set(word="two")
    reload(service)
    assert service.journal.count("reread two") == 1
    assert (service.pids, service.parent.create_time()) == (pids, started)
    assert service.monitor().code == 0
    assert service.monitor(0).code == 0
    assert int(service.pid_file.read_text()) == service.parent.pid
    service.stop()


def test_it_renews_its_workers_and_answers_when_that_is_done(api: Rig) -> None:
    parent, workers = api.parent.pid, set(api.born("worker"))
    api.set(word="two", renewal=2)
    result = reload(api)
    assert result.seconds > 2
    assert api.journal.count("reread two") == 1
    assert api.parent.pid == parent
    assert parent in api.pids
    assert not workers & set(api.pids)
    assert len(api.pids) == 3
    assert api.monitor().code == 0
    api.stop()


def test_it_does_not_take_the_answer_of_old_workers_for_that_of_new_ones(api: Rig) -> None:
    """Some daemons keep their old workers for a while."""
    workers = set(api.born("worker"))
    api.set(hup="relieve", renewal=2)
    reload(api)
    assert not workers & set(api.pids)
    assert len(api.pids) == 3


def test_one_reload_after_the_other(api: Rig) -> None:
    """A second SIGHUP during a reload ends the daemon."""
    api.set(renewal=1)
    first, second = (api.spawn("reload") for _ in range(2))
    for child in (first, second):
        out, err = child.communicate(timeout=pace.seconds(30))
        assert (child.returncode, out, err) == (0, "", "")
    assert api.count("reread") == 2
    assert api.monitor().code == 0


def test_a_port_that_its_configuration_changes_is_found(api: Rig) -> None:
    """A uwsgi executes itself again and may bind another port. Here the record has a wrong port."""
    record = api.file("record")
    record.write_text(record.read_text().replace(f":{api.port}", ":1"))
    reload(api)
    assert f"api=http://127.0.0.1:{api.port}" in record.read_text()


def test_a_record_that_is_lost_or_older(service: Rig) -> None:
    record = service.file("record")
    lines = [line for line in record.read_text().splitlines() if not line.startswith("reload")]
    record.write_text("\n".join(lines) + "\n")
    reload(service)
    service.lose_state()
    reload(service)
    assert service.count("reread") == 2
    assert "\nreload=1\n" in record.read_text()


def test_a_daemon_that_somebody_else_started(service: Rig) -> None:
    service.stop()
    service.run_by_hand()
    wait_until(lambda: service.probe(level=0).code == 0, "it runs")
    reload(service)
    assert service.count("reread") == 1


# -- other actions during a reload -----------------------------------------------------------------


def test_a_monitor_beside_it_finds_nothing_wrong(api: Rig) -> None:
    """There is no worker for longer than monitor waits for an answer or for a worker."""
    api.set(renewal=6)
    child = api.spawn("reload")
    wait_until(lambda: api.count("reread"), "it is at it")
    for level in (10, 0, 20):
        judged = api.monitor(level)
        assert (judged.code, judged.err) == (0, ""), (level, judged)
    assert child.poll() is None, "the monitors were beside it"
    assert child.wait(pace.seconds(20)) == 0
    assert api.monitor().code == 0


def test_a_reload_that_was_killed_excuses_nothing_for_long(api: Rig) -> None:
    api.set(renewal=600)
    child = api.spawn("reload", timeout=20)
    wait_until(lambda: api.count("reread"), "it is at it")
    child.kill()
    child.communicate()
    assert api.monitor(0).code == 0
    note = api.file("reload")
    until = next(line for line in note.read_text().splitlines() if line.startswith("until="))
    assert time.monotonic() < float(until[6:]) < time.monotonic() + MOST_SECONDS
    note.write_text(note.read_text().replace(until, f"until={time.monotonic()}"))
    assert api.monitor(0).code == 1
    api.stop()
    assert not note.exists()


def test_a_monitor_that_asked_meanwhile_is_excused_when_it_is_over(api: Rig) -> None:
    """It may wait api_timeout for its answer, here 2 s, and then check dependencies for 4 s."""
    reload(api)
    api.set(mode="500")
    assert api.monitor().code == 0
    note = api.file("reload")
    until = next(line for line in note.read_text().splitlines() if line.startswith("until="))
    assert float(until[6:]) < time.monotonic() + 6
    note.write_text(note.read_text().replace(until, f"until={time.monotonic()}"))
    assert api.monitor().code == 1


def test_it_excuses_no_other_process(api: Rig) -> None:
    note = api.file("reload")
    note.write_text(f"leader=1 1\nuntil={time.monotonic() + 600}\n")
    api.set(mode="500")
    assert api.monitor().code == 1


def test_a_monitor_beside_it_sees_a_death(api: Rig) -> None:
    api.set(renewal=600)
    child = api.spawn("reload")
    wait_until(lambda: api.count("reread"), "it is at it")
    api.parent.kill()
    wait_until(lambda: api.pids == [], "it is gone")
    assert api.monitor().code == 7
    _, err = child.communicate(timeout=pace.seconds(10))
    assert child.returncode == 1
    assert "ended as it re-read its configuration" in err
    assert api.probe().code == 7


def test_a_stop_beside_it_goes_on(api: Rig) -> None:
    api.set(renewal=600)
    child = api.spawn("reload")
    wait_until(lambda: api.count("reread"), "it is at it")
    api.stop(timeout=8)
    assert child.wait(pace.seconds(20)) == 1
    assert api.probe().code == 7
    assert not api.file("reload").exists()


# -- refusals --------------------------------------------------------------------------------------


def test_what_does_not_run_is_7(service: Rig) -> None:
    service.stop()
    result = service.caller("reload")
    assert result.code == 7, result


def test_what_is_left_of_a_dead_parent_is_let_alone(make_rig: Callable[..., Rig]) -> None:
    rig = named(make_rig(agent="nova-scheduler"), "nova-scheduler")
    rig.configure(transport_url="fake://")
    rig.set(listen="never", orphans="yes", hup="reread").start()
    rig.parent.kill()
    wait_until(lambda: len(rig.pids) == 2, "its workers are alone")
    refused(rig, 1, "the parent process is gone")


def test_what_is_frozen_is_let_alone(service: Rig) -> None:
    service.parent.suspend()
    refused(service, 1, "frozen")
    service.parent.resume()


def test_a_program_of_another_name_is_3(running: Rig) -> None:
    """The agent does not know the program. Here SIGHUP would end the stand-in."""
    refused(running, 3, f"PID {running.parent.pid} re-reads no configuration")


@pytest.mark.parametrize("hup", ["", "ignore"])
def test_a_daemon_that_does_not_heed_the_signal_is_3(
    make_rig: Callable[..., Rig], near: Neighbours, hup: str
) -> None:
    """Older releases do not handle SIGHUP, or they ignore it."""
    rig = named(conductor(make_rig, near), "nova-conductor").set(hup=hup)
    rig.start()
    refused(rig, 3, "does not heed SIGHUP")
    assert rig.monitor().code == 0


def test_a_uwsgi_without_a_master_is_3(unstarted_api: Rig) -> None:
    """SIGHUP ends it."""
    unstarted_api.set(workers=0).start()
    refused(unstarted_api, 3, "has no workers")


@pytest.mark.parametrize("is_given", [False, True], ids=["in the ini", "as an argument"])
def test_a_uwsgi_that_exits_on_reload_is_3(unstarted_api: Rig, is_given: bool) -> None:
    """Debian's cinder-api does. What counts is the option at launch, not the file's content now."""
    if is_given:
        unstarted_api.parameters["additional_parameters"] += " --exit-on-reload"
    else:
        unstarted_api.configure("uwsgi", **{"exit-on-reload": "true"})
    unstarted_api.start()
    unstarted_api.configure("uwsgi", **{"exit-on-reload": "false"})
    refused(unstarted_api, 3, "re-reads no configuration")
    unstarted_api.stop()
    unstarted_api.parameters["additional_parameters"] = f"--config-file={unstarted_api.config}"
    unstarted_api.start()
    reload(unstarted_api)


def test_what_the_record_says_of_it_counts(service: Rig) -> None:
    """The parameters name another program than the one that was started."""
    record = service.file("record")
    record.write_text(record.read_text().replace("reload=1", "reload=0"))
    refused(service, 3, "re-reads no configuration")


def test_a_line_that_would_end_the_daemon_is_found_first(service: Rig) -> None:
    with service.config.open("a") as file:
        file.write(f"[oslo_messaging]\n{SECRET}\n")
    number = len(service.config.read_text().splitlines())
    refused(service, 2, f"line {number} of {service.config} is no option")
    assert SECRET not in service.agent_log
    assert service.monitor().code == 0


def test_wrong_parameters_and_missing_files(service: Rig) -> None:
    refused(service, 6, "reconnect_grace", reconnect_grace="soon")
    refused(service, 2, "is not on this host", config="/no/such.conf")


def test_an_api_that_does_not_answer_is_not_told(api: Rig) -> None:
    """A uwsgi that gets SIGHUP while it loads its application would never answer again."""
    api.set(mode="hang")
    refused(api, 1, "did not answer")


def test_an_api_that_answers_errors_is(api: Rig) -> None:
    """The new configuration may be the very thing that repairs it."""
    api.set(mode="500")
    child = api.spawn("reload")
    wait_until(lambda: api.count("reread"), "it re-reads it")
    api.set(mode="ok")
    assert child.wait(pace.seconds(20)) == 0


def test_it_waits_for_a_start_that_is_under_way(unstarted_api: Rig) -> None:
    unstarted_api.set(listen_after=3)
    starting = unstarted_api.spawn("start")
    wait_until(lambda: unstarted_api.born("parent"), "it is launched")
    reload(unstarted_api)
    assert starting.wait(pace.seconds(1)) == 0
    assert unstarted_api.count("reread") == 1


# -- failures --------------------------------------------------------------------------------------


def test_a_daemon_that_dies_of_its_configuration(service: Rig) -> None:
    service.configure("service", password=SECRET)
    service.set(hup="die", words=f"no such option, said with {SECRET}")
    result = service.caller("reload")
    assert result.code == 1
    assert pace.is_within(result.seconds, 4)
    assert "ended as it re-read its configuration: no such option, said with ****" in result.reason
    assert SECRET not in service.agent_log + result.err
    assert service.monitor().code in (1, 7)
    service.stop()


def test_a_daemon_that_becomes_another_process(service: Rig) -> None:
    """The exit reason says that the recorded process has ended."""
    before = service.parent.pid
    service.set(hup="move")
    result = service.caller("reload")
    assert result.code == 1
    assert f"PID {before} ended" in result.reason
    service.stop()


def test_an_api_that_answers_errors_ever_after(api: Rig) -> None:
    """A uwsgi whose application does not load behaves like this."""
    api.answer("GET /", "500")
    result = api.caller("reload", timeout=8)
    assert result.code == 1
    assert re.search(r"answered 500; not usable \d+ s after the reload", result.reason)
    assert not api.file("reload").exists()


def test_a_daemon_that_takes_longer_than_there_is_time(api: Rig) -> None:
    api.set(renewal=600)
    result = api.caller("reload", timeout=8)
    assert result.code == 1
    assert f"PID {api.parent.pid} has not re-read its configuration yet" in result.reason
    assert result.is_in_time
    api.stop()


def test_a_database_that_is_away_is_no_failure(
    make_rig: Callable[..., Rig], near: Neighbours
) -> None:
    """As in start, a database that is down is a warning."""
    rig = named(make_rig(agent="nova-api"), "nova-api").set(hup="reread")
    rig.configure("database", connection=near.connection)
    rig.configure(transport_url="fake://")
    rig.start()
    near.database.go()
    rig.answer("GET /", "500")
    result = rig.caller("reload", timeout=8)
    assert (result.code, result.err) == (0, "")
    assert "database 127.0.0.1" in rig.agent_log
