"""Take the progress bars out of executed notebooks: ``python -m tests.strip NOTEBOOK ...``.

The scorecard's figure is kept as a file too, since the welcome page shows it.
"""

import base64
import sys
from pathlib import Path

import nbformat

SUMMARY = ("22_scorecard.ipynb", "fig-scorecard", Path("book/_assets/scorecard.png"))


def image(notebook, name):
    """The PNG of a notebook's figure, as bytes."""
    for cell in notebook.cells:
        if cell.get("metadata", {}).get("mystnb", {}).get("figure", {}).get("name") == name:
            return next(base64.b64decode(o.data["image/png"]) for o in cell.outputs if "image/png" in o.get("data", {}))
    raise ValueError(f"the notebook has no figure {name}")


def main(paths):
    for path in paths:
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
        nbformat.write(notebook, path)
        if Path(path).name == SUMMARY[0]:
            SUMMARY[2].write_bytes(image(notebook, SUMMARY[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
