"""Arrays in one npz file, written whole or not at all, and read without trust."""

from __future__ import annotations

import contextlib
import glob
import io
import math
import os
import secrets
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

__all__ = ["PACKED", "SMALL", "check_place", "read", "why", "write"]

#: A file may unpack to 64 MiB, or to so many times its own size: histories of one repeated value pack a hundredfold.
SMALL, PACKED = 2**26, 200
#: Seconds after which nobody can still be writing a file.
ABANDONED = 3_600.0


def write(path: str | os.PathLike[str], arrays: Mapping[str, Any], what: str) -> Path:
    """Write arrays to one npz file, by a temporary name, so that a file is never half written.

    Args:
        path: the file; its folder is made.  Of a link the file that it leads to is written, and the link stays.
        arrays: by name.
        what: they are, for the sentence of an error.

    Raises:
        OSError: it cannot be written.
    """
    path, temporary = Path(path), None
    try:
        place = path.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.parent / f".{place.name}.{secrets.token_hex(8)}.part"
        with open(temporary, "xb") as file:  # readable by whom the umask lets, unlike a file of tempfile
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except OSError as error:
        raise OSError(
            f"could not save {what} to {path}: {error.strerror or error}; {what} is still in memory, save it elsewhere"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):  # it has the file's name by now, or was never made
                temporary.unlink()
    for left in place.parent.glob(f".{glob.escape(place.name)}.*.part"):  # by processes that were killed here
        with contextlib.suppress(OSError):  # another may have removed it, or own it
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
    return path


def check_place(path: str | os.PathLike[str]) -> None:
    """Say so where a file could not be written, before there is anything to lose; its folder is made.

    Raises:
        OSError: so it is.
    """
    place = Path(path).resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", suffix=".part"):
            pass
    except OSError as error:
        raise OSError(f"{path} could not be written ({error.strerror or error}): choose another place") from error


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a file by name; nothing is unpickled, and nothing is made of an array before its size is known to be true.

    Raises:
        ValueError: two arrays have one name, one holds neither numbers nor text or is not packed as numpy packs, or the file says
            another size than it has, or would unpack to more than :data:`SMALL` and :data:`PACKED` allow.
    """
    data = Path(path).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {member.filename: member for member in file.infolist()}
        if len(members) < len(file.infolist()):
            raise ValueError("two of its arrays have the same name")
        for member in members.values():  # others can ask for any memory, or fail as a disk does
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{member.filename} is packed in another way than numpy's")
        whole = sum(member.file_size for member in members.values())
        if whole > max(SMALL, PACKED * len(data)):
            raise ValueError(f"its {len(data):,} bytes would unpack to {whole:,}")
        return {name.removesuffix(".npy"): _array(file, member) for name, member in members.items()}


def _array(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with file.open(member) as stream:
        version = npy.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise ValueError(f"{member.filename} has version {version} of the npy format")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(stream)
        if dtype.kind not in "biufU":
            raise ValueError(f"{member.filename} holds {dtype}, neither numbers nor text")
        if stream.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
            raise ValueError(f"{member.filename} has another size than its shape {shape}")
        return np.frombuffer(bytearray(stream.read()), dtype).reshape(shape, order="F" if by_columns else "C")


def why(error: Exception) -> str:
    """What is wrong with a file, in a line of at most 200 letters."""
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:200]
