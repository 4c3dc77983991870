"""Lower bounds and pins of the libraries that bertkit needs."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
# The first versions without a known way to run code, or to read and write files, by means of a file that they open.
SAFE = {
    "datasets": "5.2.0",  # archives that write elsewhere
    "onnxruntime": "1.26.0",  # from here on it was seen to refuse weights outside of the folder of a graph
    "onnx": "1.21.0",  # CVE-2025-51480, CVE-2026-27489, CVE-2026-28500, CVE-2026-34445
    "pyarrow": "14.0.1",  # CVE-2023-47248
    "torch": "2.10.0",  # CVE-2025-32434, CVE-2026-24747
    "transformers": "5.10.0",  # CVE-2026-4372, CVE-2026-5241, CVE-2026-9856
}
# Each build of it has hashes of its own, see the head of the lock.
NOT_LOCKED = "torch"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
ALL = NEEDED + [Requirement(text) for extra in PROJECT["optional-dependencies"].values() for text in extra]


def locked():
    """Name to the versions of the lock, of which each system takes one, and to how many hashes each has."""
    found = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=[a-z])", text)[1:]:
        name, version = re.match(r"([a-z0-9-]+)==(\S+)", entry).groups()
        found.setdefault(name, {})[Version(version)] = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry))
    return found


LOCKED = locked()


@pytest.mark.parametrize("name", SAFE)
def test_lower_bounds_exclude_versions_with_known_holes(name):
    bounds = next(one.specifier for one in NEEDED if one.name == name)
    lowest = min(Version(bound.version) for bound in bounds if bound.operator == ">=")
    assert lowest >= Version(SAFE[name])


@pytest.mark.parametrize("needed", ALL, ids=lambda needed: needed.name)
def test_the_lock_holds_what_the_project_needs(needed):
    if needed.name == NOT_LOCKED:
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        versions = [Version(version) for version in re.findall(rf"^{needed.name}==(\S+)", pins, re.MULTILINE)]
    else:
        versions = LOCKED[needed.name]
    assert versions
    assert all(version in needed.specifier for version in versions)


def test_every_package_of_the_lock_has_hashes():
    assert len(LOCKED) > 50
    assert all(hashes for versions in LOCKED.values() for hashes in versions.values())
    assert not [name for name in LOCKED if name.startswith(("torch", "nvidia-", "cuda-"))]


def test_the_lock_agrees_with_what_was_measured():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if version and name != NOT_LOCKED:
            assert [*LOCKED[name]] == [Version(version)]
