from importlib.metadata import version

import pytest

from bertkit.engine import machine


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """Makes the file of a driver, of which there is none yet."""
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine, "DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return lambda name: (tmp_path / name).touch()


@pytest.mark.parametrize("name", ["nvidia0", "nvidia3", "dxg", "kfd"])
def test_gpu_is_seen_by_its_driver(gpu, name):
    gpu("nvidiactl")
    assert not machine.has_gpu()
    gpu(name)
    assert machine.has_gpu()


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpu_is_none(gpu, monkeypatch, hidden):
    gpu("nvidia0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert not machine.has_gpu()


def test_fingerprint_changes_with_the_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = machine.fingerprint()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert machine.fingerprint() == one | {"threads": 2}
    assert one["cpu"]


def test_empty_list_of_amd_devices_does_not_hide_those_of_nvidia(gpu, monkeypatch):
    gpu("nvidia0")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "")
    assert machine.has_gpu()


def test_fingerprint_changes_with_the_libraries(monkeypatch):
    before = machine.fingerprint()
    monkeypatch.setattr(machine, "version", {"torch": "99", "onnxruntime": version("onnxruntime")}.__getitem__)
    assert machine.fingerprint() == before | {"versions": before["versions"] | {"torch": "99"}}


def test_processor_has_a_name_where_the_system_has_no_list_of_them(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "absent")
    assert machine.fingerprint()["cpu"]
