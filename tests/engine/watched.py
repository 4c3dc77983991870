"""A script that runs commands one after another and tells what each did; the cases come on standard input."""

import contextlib
import io
import json
import os
import sys
import sysconfig
from pathlib import Path

FORBIDDEN = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pickle.find_class",
    "pty.spawn",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}


class Watch:
    """Notes what the Python of this process does and should not.

    Args:
        outside: A folder that nothing may touch.
        inside: Folders that may be written to.
    """

    def __init__(self, outside, inside):
        self.outside, self.inside = Path(outside), [Path(folder) for folder in inside]
        code = (sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
        self.code = [Path(folder).resolve() for folder in code] + [Path(__file__).parents[2] / "bertkit"]
        self.seen = None

    def __call__(self, event, arguments):
        seen, self.seen = self.seen, None
        if seen is None:
            return
        try:
            if fault := self.fault(event, arguments):
                seen.append(fault)
        finally:
            self.seen = seen

    def fault(self, event, arguments):
        if event in FORBIDDEN:
            return f"{event} {arguments[:2]}"
        if event in {"exec", "compile"}:
            name = arguments[0].co_filename if event == "exec" else arguments[1]
            return "" if self.is_own_code(name) else f"{event} of {name}"
        if event == "open":
            return self.opened(*arguments[:3])
        if event in CHANGES and isinstance(arguments[0], str | bytes | os.PathLike):
            path = resolved(arguments[0], arguments[1] if event in {"os.remove", "os.rmdir"} else -1)
            return "" if self.may_write(path) else f"{event} of {path}"
        return ""

    def opened(self, path, mode, flags):
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        path = resolved(path)
        if path.is_relative_to(self.outside):
            return f"open of {path}"
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING)
        return f"write of {path}" if writes and not self.may_write(path) else ""

    def may_write(self, path):
        return str(path) == os.devnull or any(path.is_relative_to(folder) for folder in self.inside)

    def is_own_code(self, name):
        # Names in angle brackets are what the standard library makes at run time, such as dataclasses.
        if name is None or isinstance(name, bytes) or str(name).startswith("<"):
            return True
        path = Path(name)
        return not path.is_absolute() or any(resolved(path).is_relative_to(folder) for folder in self.code)


def resolved(path, folder=-1):
    """The path that a call names, perhaps relative to an open folder."""
    base = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else ""
    return Path(os.path.realpath(os.path.join(base, os.fsdecode(path))))


def note_calls(watch, name):
    """Note the calls of a function that has no event of its own."""
    module, _, function = name.rpartition(".")
    real = getattr(sys.modules[module], function)

    def noted(*given, **named):
        if watch.seen is not None:
            watch.seen.append(name)
        return real(*given, **named)

    setattr(sys.modules[module], function, noted)


def main():
    job = json.load(sys.stdin)
    for name in job["imports"]:
        __import__(name)
    from bertkit import cli

    watch = Watch(job["outside"], job["inside"])
    for name in job.get("noted", ()):
        note_calls(watch, name)
    sys.addaudithook(watch)
    found = {}
    for name, arguments in job["cases"].items():
        out, err, events = io.StringIO(), io.StringIO(), []
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            watch.seen = events
            code = cli.run(arguments)
            watch.seen = None
        found[name] = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "events": events}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
