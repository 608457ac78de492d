"""Figures with a slider."""

import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import pytest

from pinnlib.book.play import play


def drawn(shown="4"):
    fig, ax = plt.subplots()
    frames = {str(n): ax.plot([0, n], [0, 1], label="line") for n in (2, 4, 8)}
    return play(fig, frames, label="number of <batches>", alt='a line that says "up"', shown=shown).data


def test_one_frame_is_seen_and_all_are_there():
    svg = ET.fromstring(re.search(r"<svg.*</svg>", drawn(), flags=re.DOTALL)[0])
    frames = {e.get("data-frame"): e.get("style") for e in svg.iter() if e.get("data-frame")}
    assert frames == {"0": "display:none", "1": None, "2": "display:none"}
    assert svg.get("aria-label") == 'a line that says "up"'


def test_the_slider_has_a_name_and_a_value():
    page = drawn()
    slider = re.search(r'<input type="range" id="([\w-]+)" min="0" max="2" step="1" value="1" aria-valuetext="4"', page)
    assert f'<label for="{slider[1]}">number of &lt;batches&gt;: <output>4</output>' in page
    assert 'names = ["2", "4", "8"]' in page


def test_a_value_is_shown_as_it_is_written():
    fig, ax = plt.subplots()
    page = play(fig, {"a < b": ax.plot([0, 1])}, label="which", alt="a line", shown="a < b").data
    assert r'names = ["a \u003c b"]' in page
    assert "<output>a &lt; b</output>" in page


def test_it_needs_nothing_from_elsewhere_and_is_small():
    page = drawn()
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', page)
    assert len(page) < 30_000
    assert not re.findall(r'd="[^"]*\.\d{3}', page)
    assert drawn() == page


def test_names_are_unique_on_a_page():
    ids = re.findall(r' id="([^"]+)"', drawn())
    assert len(ids) == len(set(ids))
    assert all(i.startswith("play-") for i in ids)


def test_a_frame_that_is_not_there():
    with pytest.raises(ValueError, match=r"shown = '3': there is no such frame; choose one of 2, 4, 8"):
        drawn("3")
