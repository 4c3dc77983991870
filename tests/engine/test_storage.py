import errno
import os
import shutil

import pytest

from bertkit.engine import storage
from bertkit.errors import MachineError


def test_require_tells_what_is_free_and_what_is_needed(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    storage.require(tmp_path / "not" / "yet", 1, "this training")
    with pytest.raises(MachineError, match=r"has [\d,]+ MiB free, and this training needs about [\d,]+ MiB") as error:
        storage.require(tmp_path / "not" / "yet", free * 2, "this training")
    assert error.value.message.startswith(str(tmp_path))
    assert error.value.exit_code == 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_is_an_error_of_the_machine(tmp_path, number):
    said = r"the disk is full: it needs about 3\.0 MiB, and [\d,.]+ MiB are free"
    writing = storage.write_errors(tmp_path / "run", 3 * 2**20, "free some space")
    with pytest.raises(MachineError, match=said) as error, writing:
        raise OSError(number, os.strerror(number))
    assert error.value.hint == "free some space"


def test_error_of_safetensors_on_a_full_disk_is_understood(tmp_path):
    import safetensors.numpy
    from safetensors import SafetensorError

    with pytest.raises(MachineError, match="is full"), storage.write_errors(tmp_path, 0, ""):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(MachineError, match="No such file or directory"), storage.write_errors(tmp_path, 0, ""):
        safetensors.numpy.save_file({}, tmp_path / "nowhere" / "x.safetensors")


def test_other_errors_pass(tmp_path):
    with pytest.raises(ValueError, match="something else"), storage.write_errors(tmp_path, 0, ""):
        raise ValueError("something else")


def test_size_counts_all_files_below(tmp_path):
    assert storage.size(tmp_path / "nowhere") == 0
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"12345")
    (tmp_path / "c").write_bytes(b"1")
    assert storage.size(tmp_path) == 6
