import pytest

from bertkit.engine import machine


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """A machine with the file of a driver."""
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine, "GPU_FILES", (tmp_path,))
    for name in machine.HIDES_GPUS:
        monkeypatch.delenv(name, raising=False)


def test_gpu_is_seen_by_its_driver(gpu, monkeypatch, tmp_path):
    assert machine.has_gpu()
    monkeypatch.setattr(machine, "GPU_FILES", (tmp_path / "absent",))
    assert not machine.has_gpu()


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpu_is_none(gpu, monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not machine.has_gpu()


def test_fingerprint_changes_with_the_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = machine.fingerprint()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert machine.fingerprint() == one | {"threads": 2}
    assert one["cpu"]


def test_processor_has_a_name_where_the_system_has_no_list_of_them(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "absent")
    assert machine.fingerprint()["cpu"]
