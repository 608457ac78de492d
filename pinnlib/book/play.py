"""A figure with a slider: every frame is drawn beforehand, and the reader chooses which one is seen.

The page needs nothing else: no library, no server, no network.  Without scripts, and on paper, the first frame that
is shown stays.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.artist import Artist
from matplotlib.figure import Figure

__all__ = ["play"]

_PAGE = """<figure class="play" id="{name}" style="background:#fff;color:#111;margin:0;padding:0.5rem;border-radius:4px">
{svg}
<label for="{name}-slider">{label}: <output>{value}</output></label>
<input type="range" id="{name}-slider" min="0" max="{last}" step="1" value="{shown}" aria-valuetext="{value}"
 style="width:min(24rem,95%);display:block">
<script>(() => {{
  const names = {names}, figure = document.getElementById("{name}"), slider = document.getElementById("{name}-slider");
  slider.addEventListener("input", () => {{
    const now = Number(slider.value);
    for (const part of figure.querySelectorAll("[data-frame]"))
      part.style.display = Number(part.dataset.frame) === now ? "" : "none";
    figure.querySelector("output").textContent = names[now];
    slider.setAttribute("aria-valuetext", names[now]);
  }});
}})();</script>
</figure>"""


def play(fig: Figure, frames: Mapping[str, Sequence[Artist]], *, label: str, alt: str, shown: str) -> HTML:
    """A figure whose frames a slider chooses.

    Args:
        fig: the figure with the artists of all frames, and whatever all frames share; it is closed.
        frames: by the value that the slider shows, the artists that belong to it.
        label: what the slider sets.
        alt: what the picture shows, for those who do not see it.
        shown: the frame that is seen first.

    Raises:
        ValueError: ``shown`` is no frame.
    """
    names = list(frames)
    if shown not in names:
        raise ValueError(f"shown = {shown!r}: there is no such frame; choose one of {', '.join(names)}")
    name = "play-" + hashlib.sha256(f"{label}{alt}".encode()).hexdigest()[:8]
    for k, artists in enumerate(frames.values()):
        for j, artist in enumerate(artists):
            artist.set_gid(f"{name}-{k}-{j}")
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        fig.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    first = names.index(shown)

    def framed(found: re.Match[str]) -> str:
        k = int(found[1])
        hidden = "" if k == first else ' style="display:none"'
        return f'{found[0][:-1]} data-frame="{k}"{hidden}>'

    svg = file.getvalue()
    svg = re.sub(rf'<g id="{name}-(\d+)-\d+">', framed, svg[svg.index("<svg") :])
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)  # a hundredth of a point is not seen
    svg = re.sub(r'\b(id="|url\(#|xlink:href="#|href="#)(?!play-)', rf"\g<1>{name}-", svg)  # ids are unique on a page
    look = f'<svg role="img" aria-label="{html.escape(alt, quote=True)}" style="max-width:100%;height:auto"'
    page = _PAGE.format(
        name=name,
        svg=svg.replace("<svg", look, 1),
        label=html.escape(label),
        value=html.escape(shown),
        last=len(names) - 1,
        shown=first,
        names=json.dumps(names).replace("<", "\\u003c"),
    )
    return HTML(page)
