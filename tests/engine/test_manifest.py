import pytest

from bertkit.engine import manifest
from bertkit.errors import RunError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "weights").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "below" / "graph").write_bytes(b"graph")
    manifest.write(tmp_path, ["weights", "below/graph"])
    return tmp_path


def test_files_as_they_were_written_pass(folder):
    manifest.check(folder, manifest.read(folder))
    manifest.check(folder, manifest.read(folder), ["weights"])


def test_every_flipped_bit_is_found(folder):
    for name in ("below/graph", manifest.FILE):
        path = folder / name
        whole = path.read_bytes()
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            with pytest.raises(RunError, match=r"damaged|missing"):
                manifest.check(folder, manifest.read(folder))
        path.write_bytes(whole)
    manifest.check(folder, manifest.read(folder))


def test_every_truncation_of_the_manifest_is_found(folder):
    path = folder / manifest.FILE
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(RunError, match="damaged"):
            manifest.read(folder)


def test_what_is_cut_off_gone_or_unknown_is_named(folder):
    (folder / "weights").write_bytes(b"short")
    with pytest.raises(RunError, match=r"weights is damaged: it has 5 bytes, and was written with 2,048"):
        manifest.check(folder, manifest.read(folder))
    (folder / "weights").unlink()
    with pytest.raises(RunError, match=r"weights is missing"):
        manifest.check(folder, manifest.read(folder))
    with pytest.raises(RunError, match=r"stranger is not among the files"):
        manifest.check(folder, manifest.read(folder), ["stranger"])


def test_only_the_files_that_count_are_read(folder):
    (folder / "weights").unlink()
    manifest.check(folder, manifest.read(folder), ["below/graph"])
