"""Reference solutions that are kept in the package, one npz file each."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load", "save"]

FOLDER = Path(__file__).parent / "data"


@cache
def load(name: str, folder: Path = FOLDER) -> dict[str, np.ndarray]:
    """The arrays of a reference solution, by name; nothing is unpickled.

    Raises:
        ValueError: the file is missing or damaged.
    """
    path = folder / f"{name}.npz"
    remedy = f"make it again with python -m pinnlib.reference {name}, or install pinnlib again"
    if not path.is_file():
        raise ValueError(f"the reference solution {path} is missing: {remedy}")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"the reference solution {path} is damaged ({type(error).__name__}): {remedy}") from error


def save(name: str, arrays: dict[str, np.ndarray], folder: Path = FOLDER) -> Path:
    """Write a reference solution, by a temporary name."""
    named: dict[str, Any] = arrays  # numpy has an option among its keywords that is no array
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.npz"
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        np.savez_compressed(file, **named)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return path
