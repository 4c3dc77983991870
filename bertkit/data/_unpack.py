"""Packed inputs as streams: gzip, and a zip with one member, within limits."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, cast

from bertkit.errors import DataError

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
RATIO = 200
# Below this size repetitive text may be packed as well as it likes.
UNLIMITED = 64 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1


class ByteStream(Protocol):
    """What a source reads from."""

    def read1(self, size: int, /) -> bytes:
        """Takes the bytes that are there, at least one before the end."""

    def close(self) -> None:
        """Closes it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An input that is ready to be read.

    Args:
        stream: Uncompressed bytes.
        packed: Whether they are unpacked while they are read.
        inner: The name whose extension says the format.
    """

    stream: ByteStream
    packed: bool
    inner: str


class Unpacked:
    """Unpacked bytes, as long as they are not far more than what is packed.

    Args:
        stream: Gives unpacked bytes.
        packed_size: How many packed bytes they have come from.
        name: What messages call the input.
    """

    def __init__(self, stream: io.BufferedIOBase, packed_size: Callable[[], int], name: str) -> None:
        self._stream, self._packed_size, self._name = stream, packed_size, name
        self._size = 0

    def read1(self, size: int, /) -> bytes:
        """Takes unpacked bytes.

        Raises:
            DataError: The input is damaged or cut short, or unpacks to more than 200 times its size.
        """
        try:
            data = self._stream.read1(size)
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(self._name, error) from None
        self._size += len(data)
        if self._size > max(UNLIMITED, RATIO * self._packed_size()):
            raise DataError(
                f"{self._name}: {self._packed_size()} packed bytes have become {self._size}, more than {RATIO} times "
                "as many, which tables of text never do.",
                "If you trust it, unpack it, and give the unpacked file.",
            )
        return data

    def close(self) -> None:
        """Closes the stream."""
        self._stream.close()


class _Counted:
    # What gzip reads from; a pipe cannot tell its position.
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self.size += len(data)
        return data


class _GzipOwner(gzip.GzipFile):
    # A GzipFile leaves the file open that it was given.
    def __init__(self, counted: _Counted, owned: BinaryIO | None) -> None:
        super().__init__(fileobj=cast(BinaryIO, counted), mode="rb")
        self._owned = owned

    def close(self) -> None:
        super().close()
        if self._owned:
            self._owned.close()


def unpack(stream: io.BufferedReader, name: str, file_name: str | None) -> Opened:
    """Opens what is packed in an input.

    Args:
        stream: The bytes of the input, at their start.
        name: What messages call the input.
        file_name: Its name; None for a stream that somebody else closes, whose first bytes say whether it is packed.

    Raises:
        DataError: It is a zip that is damaged, encrypted, nested, or without exactly one member.
    """
    start = stream.peek(len(ZIP))[: len(ZIP)] if hasattr(stream, "peek") else b""
    suffix = PurePosixPath(file_name or "").suffix.lower()
    if file_name is None:
        if start == ZIP:
            raise DataError(f"{name} is a zip, which is read from its end.", "Name the file, or pipe `unzip -p FILE`.")
        return _gzip(stream, name, None) if start[:2] == GZIP else Opened(stream, False, "")
    if suffix == ".gz":
        return _gzip(stream, name, file_name)
    if suffix == ".zip":
        return _zip(stream, name, file_name)
    if start == ZIP or start[:2] == GZIP:
        kind, hint = ("zip", "a spreadsheet: save it as CSV; or a zip") if start == ZIP else ("gz", "packed with gzip")
        raise DataError(f"{name} is no text: it is {hint}.", f"A packed file is read when its name ends in .{kind}.")
    return Opened(stream, False, file_name)


def _gzip(stream: BinaryIO, name: str, file_name: str | None) -> Opened:
    counted = _Counted(stream)
    owner = _GzipOwner(counted, stream if file_name else None)
    inner = file_name[: -len(".gz")] if file_name else ""
    return Opened(Unpacked(owner, lambda: counted.size, name), True, inner)


def _zip(stream: BinaryIO, name: str, file_name: str) -> Opened:
    try:
        archive = zipfile.ZipFile(stream)
        member = _only_member(archive, name)
        opened = cast(io.BufferedIOBase, archive.open(member))
        inner = member.filename if PurePosixPath(member.filename).suffix else file_name[: -len(".zip")]
    except DataError:
        raise
    except Exception as error:  # of a damaged file: zipfile names no common base
        raise _damaged(name, error) from None
    # The archive may claim more bytes than there are.
    packed = min(member.compress_size, stream.seek(0, io.SEEK_END))
    return Opened(Unpacked(_ZipOwner(opened, stream), lambda: packed, name), True, inner)


class _ZipOwner(io.BufferedIOBase):
    # Closes the file below with the member.
    def __init__(self, member: io.BufferedIOBase, owned: BinaryIO) -> None:
        self._member, self._owned = member, owned

    def read1(self, size: int = -1, /) -> bytes:
        return self._member.read1(size)

    def close(self) -> None:
        self._member.close()
        self._owned.close()


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) != 1:
        listed = ", ".join(member.filename for member in members[:5])
        raise DataError(
            f"{name} holds {len(members)} files where one is expected: {listed}",
            "Unpack it, and name the file to read.",
        )
    (member,) = members
    parts = PurePosixPath(member.filename.replace("\\", "/"))
    problem = (
        "its member is named like a place outside of it" if parts.is_absolute() or ".." in parts.parts
        else "it is encrypted" if member.flag_bits & ENCRYPTED
        else "its member is packed once more" if parts.suffix.lower() in {".gz", ".zip"}
        else "it is packed with a method other than deflate" if member.compress_type not in METHODS
        else ""
    )  # fmt: skip
    if problem:
        raise DataError(
            f"{name} is not read: {problem} ({member.filename!r}).", "Unpack it, and name the file to read."
        )
    return member


def _damaged(name: str, error: Exception) -> DataError:
    kind = "zip" if name.lower().endswith(".zip") else "gzip"
    return DataError(f"{name} is not a whole {kind} file: {error}", "Copy the file again, or give it unpacked.")
