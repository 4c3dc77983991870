"""A small hub on this machine: what snapshot_download and load_dataset ask for, served from folders."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit


class HubServer:
    """Serves folders as hub repositories while the `with` block lasts.

    Args:
        repositories: `models/owner/name` or `datasets/owner/name` = folder with its files.
    """

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories = repositories
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on; safe to call twice."""
        self._server.shutdown()
        self._server.server_close()


class _RefusedError(Exception):
    """A 404 with the code by which huggingface_hub chooses the exception."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        hub: HubServer = self.server.hub
        path = unquote(urlsplit(self.path).path)
        hub.requests.append(f"{self.command} {path}")
        try:
            if path.startswith("/api/"):
                self._api(path.removeprefix("/api/").split("/", 4))
            else:
                kind = "" if path.startswith("/datasets/") else "models/"
                self._file((kind + path[1:]).split("/", 5))
        except _RefusedError as refused:
            self._send(404, b"{}", {"X-Error-Code": str(refused), "Content-Type": "application/json"})

    def _api(self, parts: list[str]) -> None:
        """/api/{kind}/{owner}/{name}[/revision|tree|paths-info|refs[/{revision}[/{path}]]]."""
        kind, owner, name, verb, rest = (*parts, "", "", "", "")[:5]
        folder = self._folder(f"{kind}/{owner}/{name}")
        commit = _commit(folder)
        if verb == "refs":
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit}
            return self._json({"branches": [branch], "tags": [], "converts": []})
        revision, _, below = rest.partition("/")
        self._check_revision(revision or "main", commit)
        if verb == "tree":
            return self._json(self._tree(folder, below))
        if verb == "paths-info":
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked = json.loads(body) if body.startswith("{") else parse_qs(body)
            return self._json([_entry(folder, folder / path) for path in asked["paths"] if (folder / path).exists()])
        siblings = [{"rfilename": entry["path"]} for entry in _entries(folder, folder) if entry["type"] == "file"]
        return self._json({"id": f"{owner}/{name}", "sha": commit, "siblings": siblings, "private": False, "tags": []})

    def _tree(self, folder: Path, below: str) -> list[dict[str, Any]]:
        if not (folder / below).is_dir():
            raise _RefusedError("EntryNotFound")
        query = parse_qs(urlsplit(self.path).query)
        recursive = query.get("recursive", ["false"])[0].lower() in {"true", "1"}
        entries = _entries(folder, folder / below)
        return entries if recursive else [entry for entry in entries if Path(entry["path"]).parent == Path(below)]

    def _file(self, parts: list[str]) -> None:
        """/[datasets/]{owner}/{name}/resolve/{revision}/{path}."""
        if len(parts) != 6 or parts[3] != "resolve":
            raise _RefusedError("RepoNotFound")
        folder = self._folder("/".join(parts[:3]))
        self._check_revision(parts[4], _commit(folder))
        path = folder / parts[5]
        if not path.is_file():
            raise _RefusedError("EntryNotFound")
        content, status, headers = path.read_bytes(), 200, {"Accept-Ranges": "bytes"}
        headers |= {"ETag": f'"{_identity(path)}"', "X-Repo-Commit": _commit(folder)}
        if self.headers.get("Range"):
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            end = min(int(last or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            content, status = content[int(first) : end + 1], 206
        self._send(status, content, headers)

    def _folder(self, repository: str) -> Path:
        hub: HubServer = self.server.hub
        if repository not in hub.repositories:
            raise _RefusedError("RepoNotFound")
        return hub.repositories[repository]

    def _check_revision(self, revision: str, commit: str) -> None:
        if revision not in {"main", commit}:
            raise _RefusedError("RevisionNotFound")

    def _json(self, document: Any) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _entries(folder: Path, below: Path) -> list[dict[str, Any]]:
    return [_entry(folder, path) for path in sorted(below.rglob("*"))]


def _entry(folder: Path, path: Path) -> dict[str, Any]:
    size = path.stat().st_size if path.is_file() else 0
    kind = "directory" if path.is_dir() else "file"
    return {"type": kind, "path": path.relative_to(folder).as_posix(), "size": size, "oid": _identity(path)}


def _commit(folder: Path) -> str:
    files = [_identity(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    return hashlib.sha1("".join(files).encode()).hexdigest()


def _identity(path: Path) -> str:
    """Stands in for the hash of the content, which would be slow for weights."""
    facts = path.stat()
    return hashlib.sha1(f"{path} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()
