"""A C++ text compiled for this machine, loaded, and kept."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

__all__ = ["BuildError", "build", "compiler", "own_folder"]

FLAGS = ("-O3", "-std=c++17", "-fPIC", "-shared", "-fno-math-errno")


class BuildError(RuntimeError):
    """There is no C++ compiler, or it failed."""


def compiler() -> str | None:
    """A C++ compiler: the environment's ``CXX``, or the first of ``c++``, ``g++`` and ``clang++`` that is there."""
    if os.name != "posix":
        return None
    return next(filter(None, map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))), None)


def build(text: str) -> ctypes.CDLL:
    """Compile a C++ text for this machine and load it; what was compiled before is taken from the cache.

    The cache is ``pinnlib/native`` in the user's cache folder (``XDG_CACHE_HOME``), or a temporary folder where that
    cannot be written.  It works on all threads if the compiler and the OpenMP library of torch fit each other, as
    GCC's and that of torch's wheels do, else on one.

    Raises:
        BuildError: there is no compiler, or it failed.
    """
    command = compiler()
    if command is None:
        raise BuildError("there is no C++ compiler: install g++ or clang++")
    trouble: list[BuildError] = []
    for runtime in dict.fromkeys((_openmp(), None)):
        try:
            return _built(text, command, runtime)
        except BuildError as error:
            trouble.append(error)
    raise trouble[0]


def _built(text: str, command: str, runtime: str | None) -> ctypes.CDLL:
    tune = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
    options = [*FLAGS, tune, *(["-fopenmp"] if runtime else [])]
    key = hashlib.sha256("\n".join([text, command, *options, str(runtime), _processor()]).encode()).hexdigest()[:24]
    for folder in _folders():
        target = folder / f"{key}.so"
        if target.exists():
            with suppress(OSError):  # damaged: made anew
                return ctypes.CDLL(str(target))
        try:
            _compile(text, command, options, runtime, target)
        except OSError as error:
            trouble = error
            continue
        try:
            return ctypes.CDLL(str(target))
        except OSError as error:
            target.unlink(missing_ok=True)
            raise BuildError(f"what {Path(command).name} made cannot be loaded ({error})") from error
    raise BuildError(f"nowhere to put what was compiled ({trouble})")


def _compile(text: str, command: str, options: list[str], runtime: str | None, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        source, made = Path(folder) / "pass.cpp", Path(folder) / "pass.so"
        source.write_text(text)
        parts = [command, *options, str(source), "-o", str(made)]
        if runtime:  # the one that torch has loaded: a second one would have threads of its own
            parts = [command, *(o for o in options if o != "-shared"), "-c", str(source), "-o", str(made) + ".o"]
            _run(parts)
            parts = [command, "-shared", str(made) + ".o", runtime, "-o", str(made)]
        _run(parts)
        made.replace(target)


def _run(parts: list[str]) -> None:
    done = subprocess.run(parts, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
        raise BuildError(f"{Path(parts[0]).name} failed: {first}")


def _folders() -> list[Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [home / "pinnlib" / "native", own_folder()]


def own_folder() -> Path:
    """A folder of this process alone, as a shared one could hold what somebody else has put there."""
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="pinnlib-")


@cache
def _openmp() -> str | None:
    """The file of the OpenMP library that torch has loaded; None where it cannot be told."""
    maps = Path("/proc/self/maps")
    lines = [line.split(maxsplit=5) for line in maps.read_text().splitlines()] if maps.exists() else []
    found = [Path(parts[5]) for parts in lines if len(parts) == 6 and re.match(r"lib(gomp|iomp5|omp)\b", Path(parts[5]).name)]
    own = Path(torch.__file__).parent
    found.sort(key=lambda path: own not in path.parents)  # another package may have brought one too
    return next((str(path) for path in found if path.exists()), None)


@cache
def _processor() -> str:
    """What tells one kind of processor from another, as the machine code is made for it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return "\n".join([platform.machine(), *sorted({x for x in lines if x.startswith(("model name", "flags", "Features"))})])
