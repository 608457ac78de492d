"""Make the stored reference solutions: ``python -m pinnlib.reference [NAME ...]``."""

from __future__ import annotations

import sys

from . import allen_cahn, cavity, store

MAKERS = {"allen_cahn": allen_cahn.make, "cavity": cavity.make}


def main(names: list[str]) -> int:
    """Make the named ones, or all; returns the exit status."""
    unknown = sorted(set(names) - set(MAKERS))
    if unknown:
        print(f"no reference is called {', '.join(unknown)}: the stored ones are {', '.join(MAKERS)}", file=sys.stderr)
        return 1
    for name in names or MAKERS:
        path = store.save(name, MAKERS[name]())
        print(f"{path}: {path.stat().st_size / 1e3:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
