"""Labels of the literature, such as *Anagnostopoulos et al., 2024a*: the same in the text and in the list, no two alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from string import ascii_lowercase
from typing import Any

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx


class Labels(BaseLabelStyle):
    """Names and year, with a letter where two works would have the same."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        plain = [label(entry) for entry in sorted_entries]
        count, letters = Counter(plain), defaultdict(lambda: iter(ascii_lowercase))
        for one in plain:
            yield one + (next(letters[one]) if count[one] > 1 else "")


def label(entry: Entry) -> str:
    """Names and year."""
    names = [
        " ".join(str(part) for part in one.rich_prelast_names + one.rich_last_names)
        for one in entry.persons["author"]
    ]
    authors = names[0] + (
        " et al." if len(names) > 2 else f" and {names[1]}" if len(names) == 2 else ""
    )
    return f"{authors}, {entry.fields['year']}"


class AuthorYear(Style):
    """A list in the order of its labels."""

    default_label_style = Labels
    default_sorting_style = "author_year_title"


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    return {"parallel_read_safe": True}
