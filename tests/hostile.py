"""Files that somebody damaged or made up, one for each number: ``python -m tests.hostile 100000`` reads so many."""

import io
import json
import os
import random
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np

import pinnlib as pl
from pinnlib.runs import file_format
from pinnlib.training import manifest

#: Is made where something was unpickled.
FLAG = Path(tempfile.gettempdir()) / f"pinnlib_unpickled_{os.getpid()}"
#: A file of a few kilobytes may take so many bytes to refuse.
MEMORY = 300e6


class Trap:
    def __reduce__(self):
        return (open, (str(FLAG), "w"))


def small_run():
    """A run with Adam's moments; made compact it has extremes and codes."""
    config = pl.Config(width=8, depth=2, points=64, batches=4, steps=40, probe_every=10, snapshots=4, weighting=pl.RBA())
    return pl.train(pl.problems.Helmholtz(a=(1, 1)), config, progress=False)


def bytes_changed(data, rng):
    data = bytearray(data)
    kind = rng.choice(["flip", "cut", "insert", "zero", "double", "swap"])
    a = rng.randrange(len(data))
    b = min(len(data), a + rng.choice([1, 4, 64, 1024]))
    if kind == "flip":
        for _ in range(rng.choice([1, 1, 2, 10, 100])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[a : len(data) if rng.random() < 0.5 else b]
    elif kind == "insert":
        data[a:a] = rng.randbytes(rng.choice([1, 16, 1000]))
    elif kind == "zero":
        data[a:b] = bytes(b - a)
    elif kind == "double":
        data[a:a] = data[a:b]
    else:
        c = rng.randrange(len(data))
        data[a], data[c] = data[c], data[a]
    return bytes(data)


def array_changed(values, rng):
    """Another array in the place of one, or the bytes of a file that is no array."""
    flat = values.ravel()
    return rng.choice(
        [
            lambda: values[None],
            lambda: flat[: len(flat) // 2],
            lambda: np.concatenate([flat, flat]),
            lambda: values.T if values.ndim > 1 else flat[::-1],
            lambda: np.zeros((0, *values.shape[1:]), values.dtype) if values.ndim else values,
            lambda: np.full(values.shape, "x"),
            lambda: values.astype(complex) if values.dtype.kind in "iuf" else values,
            lambda: np.full(values.shape, -1),
            lambda: np.full(values.shape, np.nan),
            lambda: np.full(values.shape, np.inf),
            lambda: np.full(values.shape, 2**62),
            lambda: np.array([Trap()], dtype=object),
            lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "O")]),
            lambda: np.zeros(3, dtype="datetime64[s]"),
            lambda: b"no array",
            lambda: lying((10 ** rng.choice([3, 9, 12, 18]),), rng),
            lambda: lying((-1,), rng),
            lambda: lying((2**62, 2**62), rng),
            lambda: b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{",
            lambda: b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000,
        ]
    )()


def lying(shape, rng):
    """An array whose header promises another size than it has."""
    text = f"{{'descr': '{rng.choice(['<f8', '|O', '<U9', '|V8', '<i1'])}', 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(64)


def value_changed(value, rng):
    others = [
        None,
        True,
        -1,
        0,
        1e308,
        10**9,
        10**30,
        float("nan"),
        "",
        "12",
        "../../x",
        "\x00",
        [],
        {},
        [[]],
        {"a": 1},
        "é" * 99,
    ]
    return rng.choice([*others, [value], {"array": "settings/x", "sha256": ""}])


def header_changed(header, rng):
    """The header with one thing changed somewhere, its digest made to fit again most of the time."""
    header = json.loads(json.dumps(header))
    inside, name = header, rng.choice(list(header))
    while isinstance(inside[name], dict) and inside[name] and rng.random() < 0.8:
        inside = inside[name]
        name = rng.choice(list(inside))
    if rng.random() < 0.2:
        del inside[name]
    elif rng.random() < 0.1:
        inside[f"{name}_"] = inside.pop(name)
    else:
        inside[name] = value_changed(inside[name], rng)
    if rng.random() < 0.8 and {"problem", "config"} <= set(header):
        header["settings_hash"] = file_format._settings_hash(header["problem"], header["config"])
    return header


def packed(parts):
    """An npz file of arrays, or of whatever bytes stand in their place."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, values in parts:
            if not isinstance(values, bytes):
                inner = io.BytesIO()
                np.lib.format.write_array(inner, np.asarray(values), allow_pickle=True)
                values = inner.getvalue()
            file.writestr(name, values)
    return out.getvalue()


def made_up(rng, data):
    return rng.choice(
        [
            lambda: b"",
            lambda: b"PK\x03\x04" + rng.randbytes(200),
            lambda: rng.randbytes(rng.choice([1, 100, 5000])),
            lambda: packed([]),
            lambda: packed([("header.npy", np.array("{" * 50_000))]),
            lambda: packed([("header.npy", np.array("[" * 50_000))]),
            lambda: packed([("header.npy", np.array("1" * 20_000))]),
            lambda: packed([("header.npy", np.array('"text"'))]),
            lambda: packed([("header.npy", np.array([Trap()], dtype=object))]),
            lambda: packed([("inner.npz", data)]),
            lambda: packed([("bomb.npy", lying((2**28,), rng) + bytes(2**28))]),
            lambda: packed([("header.npy", np.zeros(2**24, np.uint8))] * 3),
        ]
    )()


def hostile(number, whole):
    """The bytes of file ``number``, from those of a whole one."""
    rng = random.Random(number)
    if rng.random() < 0.3:
        return bytes_changed(whole, rng)
    if rng.random() < 0.02:
        return made_up(rng, whole)
    with np.load(io.BytesIO(whole)) as file:
        parts = {f"{name}.npy": file[name] for name in file.files}
    header = parts["header.npy"]
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        name = rng.choice(list(parts))
        kind = rng.random()
        if kind < 0.1:
            parts.pop(name)
        elif kind < 0.2:
            parts[rng.choice(["../x.npy", "/etc/x.npy", "a/b/c.npy", "history.npy", "\n.npy", "x"])] = parts.pop(name)
        elif kind < 0.5 and parts.get("header.npy") is header:
            told = header_changed(json.loads(str(header)), rng)
            parts["header.npy"] = header = np.array(json.dumps(told))
        else:
            old = parts[name]
            parts[name] = array_changed(old, rng) if not isinstance(old, bytes) else old
        if not parts:
            break
    twice = list(parts.items()) + ([rng.choice(list(parts.items()))] if parts and rng.random() < 0.02 else [])
    return packed(twice)


def refusal(function, path):
    """What a function says of a file, or nothing if it reads it; anything but a ValueError goes on up."""
    try:
        function(path)
    except ValueError as error:
        return str(error)
    return ""


def look(path):
    """What a reader does with a file first; an error is one sentence that names the file."""
    if said := refusal(pl.Run.load, path):
        assert said.startswith(str(path)), said
        assert "\n" not in said
        assert len(said) < 600
        return "refused"
    run = pl.Run.load(path)
    repr(run)
    run.to_dict()
    assert run.complete in {True, False}
    if run.state["parameters"].size:
        run.model()
    run.save(path)
    pl.Run.load(path)
    return "read"


LIST = """
[[sweep]]
name = "tiny_{weighting}_seed{seed}_lr{lr}"
problem = "helmholtz"
settings = { a = [4, 1] }
weightings = ["vanilla", "rba"]
seeds = [0, 1]
threads = 1
config = { steps = 10, width = 8, depth = 2, points = 64, batches = 4 }
rba = { decay = 0.99 }
first = { snapshots = 5 }
compact = { rows = 100 }
lrs = [1e-3, 1e-4]
branch = "whole/run_seed{seed}.npz"
"""
VALUES = (
    "-1",
    "1e400",
    "nan",
    "''",
    "'../x'",
    "[]",
    "{}",
    "[[[]]]",
    "true",
    "'{seed.__class__}'",
    "'{seed:>999999999}'",
    "9" * 400,
)
VALUES += ("'a\\u0000b'", "['rba', 3]", "1979-05-27", "'" + "x" * 10_000 + "'", "[" * 3_000 + "]" * 3_000, '"{"', "0.5")


def list_changed(number):
    """The text of a list of runs with something wrong with it."""
    rng = random.Random(number)
    lines = LIST.splitlines()
    for _ in range(rng.choice([1, 1, 2, 3])):
        k = rng.randrange(len(lines))
        key = lines[k].partition("=")[0]
        lines[k] = rng.choice(
            [f"{key}= {rng.choice(VALUES)}", "", lines[k][: rng.randrange(len(lines[k]) + 1)], lines[k] * 2, f"x{lines[k]}"]
        )
    return "\n".join(lines).encode() + rng.choice([b"", b"", b"\xff", b"\nsweep = 3"])


def look_at_list(path):
    """An error is one sentence that names the list."""
    said = refusal(manifest.read, path)
    assert not said or (said.startswith(str(path)) and "\n" not in said), said
    return "refused" if said else "read"


def read(first, count, hostile, look, name, measured=False):
    """Look at so many files, and count what became of them.

    Raises:
        AssertionError: one was not refused as it should be; the message has its number.
    """
    told = {"refused": 0, "read": 0, "slowest": 0.0, "largest": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        for number in range(first, first + count):
            path.write_bytes(hostile(number))
            if measured:
                tracemalloc.start()
            begun = time.perf_counter()
            try:
                told[look(path)] += 1
            except Exception as error:
                raise AssertionError(f"file {number}: {type(error).__name__}: {error}") from error
            told["slowest"] = max(told["slowest"], time.perf_counter() - begun)
            if measured:
                told["largest"] = max(told["largest"], tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
            assert not FLAG.exists(), f"file {number} was unpickled"
            assert told["largest"] < MEMORY, f"file {number} took {told['largest'] / 1e6:.0f} MB"
    return told


def maker():
    """Of the bytes of file ``number``: the even ones come from a run as it is, the odd ones from a compact one."""
    run = small_run()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.npz"
        two = [one.save(path).read_bytes() for one in (run, run.compacted(rows=8, snapshots=2))]
    return lambda number: hostile(number, two[number % 2])


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Duplicate name")  # of the files that are made here
    count, begun = int(sys.argv[1]), time.perf_counter()
    for what, found in (
        ("runs", read(0, count, maker(), look, "hostile.npz", measured=True)),
        ("lists", read(0, count, list_changed, look_at_list, "list.toml", measured=True)),
    ):
        worst = f"{found['slowest']:.2f} s and {found['largest'] / 1e6:.0f} MB at most"
        print(f"{what}: {found['refused']:,} refused, {found['read']:,} read; {worst}; {time.perf_counter() - begun:.0f} s")
