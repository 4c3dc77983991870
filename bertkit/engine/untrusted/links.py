"""Where the symbolic links of a model folder may lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from bertkit.errors import ModelError

GRAPHS = "onnx"


def check(folder: Path) -> None:
    """Refuse links that lead out of a model folder; those of the hub's cache lead to the store of the same cache.

    Args:
        folder: A checkpoint or a run.

    Raises:
        ModelError: A link leads elsewhere.
    """
    allowed = [folder.resolve(), *_stores(folder.resolve())]
    for path in _files(folder):
        if not path.is_symlink():
            continue
        target = _target(path)
        if target is None or not any(target.is_relative_to(place) for place in allowed):
            raise ModelError(
                f"{path} is a link to {target or 'itself'}, outside of {folder}",
                "if you trust it, put what it leads to in its place: "
                f"rm {quote(str(path))} && cp -r {quote(str(target))} {quote(str(path))}"
                if target
                else f"rm {quote(str(path))}",
            )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name == GRAPHS:
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from sorted(path.iterdir())
        elif path.is_symlink() or not path.is_dir():
            yield path


def _target(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a circle of links
        return None


def _stores(folder: Path) -> list[Path]:
    """Return where the cache of the hub keeps what the links of a snapshot lead to.

    That is models--owner--name/blobs beside models--owner--name/snapshots/COMMIT, which may lead on to the blobs that
    all repositories of the cache share.
    """
    repository = folder.parent.parent
    if folder.parent.name != "snapshots" or not repository.name.startswith("models--"):
        return []
    return [repository / "blobs", repository.parent / "blobs"]
