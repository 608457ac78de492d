"""Every link between the built pages leads somewhere, and no page is too heavy; nothing is opened but files."""

import html
import re
from functools import cache
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from conftest import HTML

PAGES = sorted(p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if "_static" not in p.parts)
TAG = re.compile(r"<(\w+)((?:\s+[\w:-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*/?>")
ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")


@cache
def read(name):
    """The anchors of a page, and where its links and pictures lead."""
    anchors, links = set(), set()
    for tag, rest in TAG.findall((HTML / name).read_text()):
        attributes = {key: html.unescape("".join(value)) for key, *value in ATTRIBUTE.findall(rest)}
        anchors |= {attributes[key] for key in ("id", "name") if key in attributes}
        if tag in ("a", "img", "link", "script", "source"):
            links |= {attributes[key] for key in ("href", "src") if key in attributes}
    return anchors, links


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    lost = []
    for link in sorted(read(name)[1]):
        if re.match(r"[a-z]+:", link) or link in ("", "#"):
            continue  # another host, data, or a button
        target, anchor = urldefrag(urljoin(f"/{name}", link.split("?")[0] if "#" not in link else re.sub(r"\?[^#]*", "", link)))
        path = unquote(target).lstrip("/")
        if not (HTML / path).exists() or (anchor and path.endswith(".html") and unquote(anchor) not in read(path)[0]):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("book/")])
def test_no_page_is_too_heavy(name):
    """A page of 1.5 MB took ten seconds to open."""
    assert (HTML / name).stat().st_size < 600_000
