import errno

import pytest

from bertkit.data import durable
from bertkit.errors import MachineError


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path):
    durable.write(tmp_path / "state.json", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("state.json", b"new")]


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace"])
def test_what_fails_leaves_the_older_file_and_no_part(tmp_path, monkeypatch, failing):
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(failing, fail)
    with pytest.raises(OSError, match="broken"):
        durable.write(path, b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("state.json", b"old")]


@pytest.mark.parametrize("number", durable.DISK_FULL)
def test_a_full_disk_is_said(number):
    with pytest.raises(MachineError, match=r"out: the disk is full"), durable.disk_errors("out"):
        raise OSError(number, "no space")


def test_another_fault_of_the_disk_stays_what_it_is():
    with pytest.raises(PermissionError), durable.disk_errors("out"):
        raise PermissionError(errno.EACCES, "not yours")
