"""The pages of the book, in their order."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def pages():
    """Every file that ``_toc.yml`` names, without its ending."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())

    def below(entries):
        for entry in entries:
            yield entry["file"]
            yield from below(entry.get("sections", []))

    return [toc["root"], *(name for part in toc["parts"] for name in below(part["chapters"]))]
