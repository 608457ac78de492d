"""Take the progress bars out of executed notebooks: ``python -m tests.strip NOTEBOOK ...``."""

import sys

import nbformat

for path in sys.argv[1:]:
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    nbformat.write(notebook, path)
