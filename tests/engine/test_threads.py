import logging
import os
import subprocess
import sys

import pytest

from bertkit.engine import cores, threads
from tests.command_line import environment

pytest_plugins = ("tests.fixtures",)


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    for name in (*threads.READ, "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Two cores with two logical ones each, all of them to be used, and no limit of a container."""
    monkeypatch.setattr(cores, "CPUS", tmp_path / "cpu")
    monkeypatch.setattr(cores, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        write(tmp_path / f"cpu/cpu{cpu}/topology/thread_siblings_list", siblings)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_halves_of_a_core_count_once(machine):
    assert (cores.usable(), cores.installed()) == (2, 2)


def test_only_cores_that_the_process_is_bound_to_are_usable(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2})
    assert (cores.usable(), cores.installed()) == (1, 2)


@pytest.mark.parametrize(("limit", "expected"), [("max 100000", 2), ("100000 100000", 1), ("150000 100000", 2)])
@pytest.mark.parametrize("group", ["", "jobs", "jobs/one"])
def test_the_quota_of_a_group_or_of_one_above_it_counts(machine, limit, expected, group):
    write(machine / "own", "0::/jobs/one")
    write(machine / "cgroup" / group / "cpu.max", limit)
    assert cores.usable() == expected


def test_the_quota_of_the_first_version_of_groups_counts(machine):
    write(machine / "own", "2:memory:/\n1:cpu,cpuacct:/docker/7")
    write(machine / "cgroup/cpu/cpu.cfs_quota_us", "100000")
    write(machine / "cgroup/cpu/cpu.cfs_period_us", "100000")
    assert cores.usable() == 1
    write(machine / "cgroup/cpu/cpu.cfs_quota_us", "-1")
    assert cores.usable() == 2


def test_a_machine_that_says_nothing_has_as_many_cores_as_logical_ones(machine, monkeypatch):
    monkeypatch.setattr(cores, "CPUS", machine / "nowhere")
    assert cores.usable() == 4


def test_a_mac_computes_on_its_fast_cores(monkeypatch):
    def says(command, **_):
        known = {"hw.perflevel0.physicalcpu": "6\n", "hw.physicalcpu": "10\n"}
        return subprocess.CompletedProcess(command, 0, known[command[-1]])

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(cores.subprocess, "run", says)
    assert cores.usable() == 6


def test_threads_are_physical_cores_divided_by_the_processes(machine, monkeypatch):
    assert threads.count() == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert threads.count() == 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert threads.count() == 1


@pytest.mark.parametrize(("named", "expected"), [("7", 7), ("5,2", 5), ("", 2), ("many", 2), ("0", 2)])
def test_the_environment_wins_over_the_cores(machine, monkeypatch, named, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", named)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert threads.count() == (expected if expected > 2 else 1)


def test_what_is_asked_for_wins_over_the_environment_and_is_taken_back(machine, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with threads.using(3) as chosen:
        assert (chosen, threads.count()) == (3, 3)
        assert {os.environ[name] for name in threads.READ} == {"3"}
    assert threads.count() == 7
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_default_leaves_what_the_user_has_set(machine, monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    with threads.using():
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("2", "5")


def test_torch_computes_with_so_many_threads():
    import torch

    before = torch.get_num_threads()
    with threads.using(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_torch_that_is_loaded_later_computes_with_so_many_threads():
    script = (
        "from bertkit.engine import threads\n"
        "with threads.using(3):\n"
        "    import torch\n"
        "    print(torch.get_num_threads())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


@pytest.mark.parametrize(("load", "told"), [(1.4, 0), (1.6, 1), (9.0, 1)])
def test_a_busy_machine_is_told_once_with_what_to_type(machine, monkeypatch, caplog, load, told):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    with caplog.at_level(logging.INFO, "bertkit"):
        threads.tell_if_busy()
    assert len(caplog.records) == told
    assert all("--threads 1" in record.getMessage() for record in caplog.records)


def test_who_has_chosen_the_threads_is_told_nothing(machine, monkeypatch, caplog):
    monkeypatch.setattr(os, "getloadavg", lambda: (9.0, 0.0, 0.0))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with caplog.at_level(logging.INFO, "bertkit"):
        threads.tell_if_busy()
    assert not caplog.records


def test_the_command_line_chooses_the_threads_and_says_nothing_on_stdout(
    bertkit, finished, reviews, tmp_path, monkeypatch
):
    import torch

    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    seen = []
    real = torch.nn.Module.__call__
    monkeypatch.setattr(
        torch.nn.Module, "__call__", lambda *given, **named: seen.append(threads.count()) or real(*given, **named)
    )
    row = ("predict", "--with", "text=a fine day", "--run", finished, "--backend", "torch", "--json")
    busy = bertkit(*row)
    assert "--threads" in busy.err
    assert busy.document["warnings"] == []
    seen.clear()
    done = bertkit(*row, "--threads", 1)
    assert "--threads" not in done.err
    assert set(seen) == {1}
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("named", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_waiting_threads_spin_for_a_short_while_unless_the_user_says_otherwise(monkeypatch, named, expected):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    with threads.using():
        assert os.environ.get("GOMP_SPINCOUNT") == expected
    assert os.environ.get("GOMP_SPINCOUNT") == named.get("GOMP_SPINCOUNT")
