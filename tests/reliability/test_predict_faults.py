"""Calls that fail and disks that fill up: the output is the old one or the new one, and the exit code is right."""

import ctypes
import errno
import os

import pytest

from bertkit.errors import MachineError
from tests.reliability import forked
from tests.reliability.failing import nth
from tests.reliability.fake_run import left, predict, write_table
from tests.reliability.sizes import SOAK, size

pytestmark = [pytest.mark.soak, pytest.mark.forks]
NOT_PERMITTED = 77
NEW_USER, NEW_MOUNTS = 0x10000000, 0x00020000
REMOUNT = 32
EXTENSIONS = ("csv", "csv.gz", "parquet") if SOAK else ("csv", "parquet")


@pytest.fixture
def source(tmp_path):
    """A table with good and bad rows."""
    return write_table(tmp_path / "rows.csv", rows=50)


@pytest.mark.parametrize(("number", "old"), [(errno.EIO, b"old"), (errno.ENOSPC, None)])
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_call_that_fails_leaves_the_old_state_or_the_new(extension, number, old, source, tmp_path):
    (tmp_path / "whole").mkdir()
    name = f"out.{extension}"
    with nth(0) as calls:
        predict(source, tmp_path / "whole" / name)
    whole = left(tmp_path / "whole")
    assert calls.count > 20
    for failing in range(1, calls.count + 1):
        folder = tmp_path / str(failing)
        folder.mkdir()
        if old:
            (folder / name).write_bytes(old)
        with nth(failing, number) as failed, pytest.raises(MachineError) as raised:
            predict(source, folder / name, overwrite=True)
        assert raised.value.exit_code == 3
        found = left(folder).get(name)
        assert found in (old, whole[name]), failed.names[-1]
        predict(source, folder / name, overwrite=True)
        assert left(folder) == whole, failed.names[failing - 1]


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_a_disk_that_fills_up_keeps_what_fits_and_continues_with_more_room(extension, tmp_path):
    source = write_table(tmp_path / "rows.csv", rows=4000)
    (tmp_path / "whole").mkdir()
    (tmp_path / "small").mkdir()
    name = f"out.{extension}"
    whole = tmp_path / "whole" / name
    predict(source, whole)
    most = whole.stat().st_size // 1024
    for level in range(size(8, 25)):
        kibibytes = 4 + most * level // size(8, 25)
        code = forked.run(_fill, source, tmp_path / "small", whole, kibibytes)
        if code == NOT_PERMITTED:
            pytest.skip("this machine lets no user mount a tmpfs")
        assert code == 0


def _fill(source, folder, whole, kibibytes):
    """Answer on a disk of some size, then on a larger one."""
    if not _mount(folder, kibibytes, 0):
        return NOT_PERMITTED
    output = folder / whole.name
    with pytest.raises(MachineError, match="the disk is full"):
        predict(source, output)
    assert not output.exists()
    assert _mount(folder, 64 * 1024, REMOUNT)
    done = predict(source, output)
    assert done.read == 4000
    assert output.read_bytes() == whole.read_bytes()
    return 0


def _mount(folder, kibibytes, flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if not flags:
        user, group = os.getuid(), os.getgid()
        if libc.unshare(NEW_USER | NEW_MOUNTS):
            return False
        for file, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{file}", "w") as stream:
                stream.write(line)
    return not libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, f"size={kibibytes}k".encode())
