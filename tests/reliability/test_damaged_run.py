"""A flipped bit or a cut in any file that answers depend on is found before it is used."""

import random
import shutil

import pytest

from bertkit.engine.predictor import load_run
from bertkit.errors import RunError
from tests.reliability.sizes import size

pytest_plugins = ("tests.fixtures",)
pytestmark = pytest.mark.soak
CASES = size(60, 250)
TEXTS = ["a great day", "a dull day"]
# No verb reads them after the training.
UNUSED = {"recipe.toml"}


def damage(path, random):
    """Flip a bit of a file, or cut it."""
    content = bytearray(path.read_bytes())
    place = random.randrange(len(content))
    if random.random() < 0.8:
        content[place] ^= 1 << random.randrange(8)
    else:
        del content[place:]
    path.write_bytes(content)


def answers(folder, backend):
    """Return the answers of a run, or None if it is refused as damaged."""
    try:
        return load_run(folder, backend=backend).predict(TEXTS)
    except RunError:
        return None


def test_damage_is_found_before_use(finished, tmp_path):
    drawn = random.Random(5)
    right = {backend: answers(finished, backend) for backend in ("torch", "onnx")}
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in UNUSED)
    for case in range(CASES):
        path = paths[case % len(paths)]
        whole = path.read_bytes()
        damage(path, drawn)
        found = {backend: answers(folder, backend) for backend in right}
        path.write_bytes(whole)
        assert None in found.values(), f"nobody noticed the damage of {path}"
        # A backend may go on without a file that it does not read.
        assert all(found[backend] in (None, right[backend]) for backend in right)
    assert {backend: answers(folder, backend) for backend in right} == right
