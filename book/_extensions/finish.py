"""What is mended in the pages that Sphinx and the theme have made: backward links from source code, and the weight of icons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# From a source page to the reference: href="../book/api_training.html#pinnlib.Forecast">[docs]
BACK = re.compile(r'([\w/]+)\.html#([\w.]+)(?=">\[docs\])')
# One icon among the theme's: "angle-left":[320,512,[8249],"f104","M41.4 ..."], the last a path or several
ICON = re.compile(
    r'("?)([\w-]+)\1:\[\d+,\d+,\[[^\]]*\],"\w+",(?:"[^"]*"|\[[^\]]*\])\],?'
)


def right_names(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Links from source code by the name under which a thing is documented.

    Sphinx takes the module's name from the first thing documented of a file for all of them: ``pinnlib.train`` stands in
    the same file as ``pinnlib.training.Forecast``.
    """
    if not pagename.startswith("_modules/") or "body" not in context:
        return
    documented = app.env.get_domain("py").objects  # type: ignore[attr-defined]
    source = pagename.removeprefix("_modules/").replace("/", ".")

    def mended(link: re.Match[str]) -> str:
        page, name = link[1], link[2]
        while name not in documented and "." in name:
            name = name.partition(".")[2]
            there = [
                n
                for n, entry in documented.items()
                if n.endswith(f".{name}") and page.endswith(entry.docname)
            ]
            if there:  # rather under the file's own name
                name = max(
                    there, key=lambda n: source.startswith(n.removesuffix(f".{name}"))
                )
        return f"{page}.html#{name}" if name in documented else link[0]

    context["body"] = BACK.sub(mended, context["body"])


def trim(app: Sphinx, failed: Exception | None) -> None:
    """Leave out what no page asks for: 2,000 icons of the theme's 1.5 MB script, which every page runs, and maps for debuggers."""
    if failed or app.builder.name != "html":
        return
    out = Path(app.outdir)
    pages = [
        *out.rglob("*.html"),
        *(out / "_static").glob("scripts/*.js"),
        *(out / "_static").glob("*.js"),
    ]
    used = {
        name
        for page in pages
        for name in re.findall(r"\bfa-([a-z][a-z-]*)", page.read_text(encoding="utf-8"))
    }
    for script in out.glob("_static/vendor/fontawesome/*/js/all.min.js"):
        text = script.read_text(encoding="utf-8")
        script.write_text(
            ICON.sub(lambda icon: icon[0] if icon[2] in used else "", text),
            encoding="utf-8",
        )
    for spare in [
        *out.glob("_static/**/*.map"),
        *out.glob("_static/vendor/fontawesome/*/webfonts/*.ttf"),
    ]:
        spare.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", right_names)
    app.connect("build-finished", trim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
