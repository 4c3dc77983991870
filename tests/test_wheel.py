import fnmatch
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.command_line import environment

CHECKOUT = Path(__file__).resolve().parents[1]


def python(*arguments, **settings):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=True, **settings
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it is released: built from the source distribution, not from the checkout."""
    pytest.importorskip("hatchling", reason="needs pip install hatchling, to build without a network")
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package_and_the_tasks(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(CHECKOUT) for path in (CHECKOUT / "bertkit").rglob("*") if path.is_file()}
    tasks = {"bertkit" / path.relative_to(CHECKOUT) for path in (CHECKOUT / "tasks").rglob("*") if path.is_file()}
    wanted = {path.as_posix() for path in package | tasks if "__pycache__" not in path.parts}
    assert len([path for path in wanted if path.endswith("recipe.toml")]) == 12
    assert len([path for path in wanted if fnmatch.fnmatch(path, "bertkit/tasks/*/train.*")]) == 9
    assert "bertkit/recipe/checkpoints.toml" in wanted
    assert "bertkit/data/evaluate_modules/accuracy.py" in wanted
    assert wanted - held == set()
    assert not [path for path in held - wanted if ".dist-info/" not in path]


@pytest.mark.slow
def test_wheel_works_away_from_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel)
    away = {"cwd": tmp_path, "env": environment(PYTHONPATH=site)}
    where = python("-c", "import bertkit; print(bertkit.__file__)", **away).stdout
    assert where.startswith(str(site))
    listed = json.loads(python("-m", "bertkit", "tasks", "list", "--json", **away).stdout)
    assert len(listed["data"]["tasks"]) == 12
    checked = json.loads(python("-m", "bertkit", "tasks", "check", "sentiment", "--json", **away).stdout)
    assert checked["data"]["checked"]["columns, texts and labels of train"].startswith("1000 rows")
