"""The built pages as a reader sees them, offline: each is opened once, and looked at in light, in the dark and at a phone's width."""

from pathlib import Path

import pytest
from toc import pages

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()

CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                       return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const text = light(getComputedStyle(document.querySelector("article p")).color);
  const page = light(getComputedStyle(document.body).backgroundColor);
  return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
}"""

# Rows of a long table are alike, and so are the letters of a formula and the words of a program: the first ones are looked at.
INSPECT = """(rules) => axe.run(
  {exclude: [["mjx-container"], [".cell ~ .cell pre"], ["dt.sig"], ["tr:nth-child(n+5)"]]},
  {resultTypes: ["violations"], runOnly: rules}
).then(found => found.violations.flatMap(v => v.nodes.map(node => ({rule: v.id, impact: v.impact, where: node.target.join(" "), why: node.failureSummary}))))"""

# What the theme and Sphinx write, and no style sheet or setting of ours reaches: by rule and element, with the reason.
KNOWN = {
    ("aria-required-children", ".citation-list"): "docutils puts links among the entries of a list of references",
    ("label-content-name-mismatch", ".search-button-field"): "the theme names its search button by what it does",
}


@pytest.fixture(scope="module", params=pages())
def page(request, open_page):
    """A page, opened once for all tests that only look at it."""
    page = open_page(request.param, color_scheme="light")
    page.add_style_tag(content="* {transition: none !important}")  # no colour is seen half way to another
    page.evaluate(AXE)
    yield page
    page.close()


def seen(page, scheme="light", width=1280):
    """The page in these colours and at this width."""
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
    return page


def barriers(page, *rules):
    """What axe finds serious or critical and is ours."""
    found = page.evaluate(INSPECT, list(rules))
    grave = [f for f in found if f["impact"] in ("serious", "critical")]
    return [f for f in grave if not any(f["rule"] == rule and part in f["where"] for rule, part in KNOWN)]


def test_no_request_leaves_the_machine(page):
    away = [u for u in page.requests_made if not u.startswith(("file:", "data:", "blob:"))]
    assert away == []
    # the theme and its live-code extension, which the book does not use, declare one constant twice
    assert [e for e in page.errors if "THEBE_JS_URL" not in e] == []


def test_every_image_is_there_and_has_alternative_text(page):
    missing = page.evaluate("() => [...document.images].filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 200))")
    assert missing == []
    broken = page.evaluate(
        "() => [...document.images].filter(i => i.getAttribute('src') && !i.naturalWidth && !i.src.endsWith('.svg')).map(i => i.src.slice(0, 90))"
    )
    assert broken == []


def test_mathematics_is_drawn(page):
    written = page.locator("article .math").count()
    assert page.locator("article mjx-container").count() >= written
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    widths = page.evaluate(
        "() => [...document.querySelectorAll('article p mjx-container')].map(e => e.getBoundingClientRect().width)"
    )
    assert min(widths, default=4) > 3
    text = page.locator("article").inner_text()
    assert "\\frac" not in text
    assert "$$" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_light_and_dark(page, scheme):
    seen(page, scheme)
    if page.locator("article p").count():
        assert page.evaluate(CONTRAST) >= 7.0
    styles = page.evaluate(
        "() => [...document.querySelectorAll('article img')].map(i => getComputedStyle(i)).map(s => [s.backgroundColor, s.filter])"
    )
    if scheme == "dark":
        assert all(style == ["rgb(255, 255, 255)", "none"] for style in styles)
    captions = page.evaluate(
        "() => [...document.querySelectorAll('figcaption')].map(c => getComputedStyle(c)).map(s => [s.color, s.fontWeight])"
    )
    text = page.evaluate("() => getComputedStyle(document.querySelector('article')).color")
    assert all(caption == [text, "400"] for caption in captions)


def test_open_to_keyboards_and_screen_readers(page):
    assert barriers(seen(page), "wcag2a", "wcag2aa", "wcag21a", "wcag21aa") == []
    assert barriers(seen(page, "dark"), "color-contrast") == []


def test_fits_a_phone(page):
    seen(page, width=390)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 391
    if barriers(page, "scrollable-region-focusable"):
        page.wait_for_timeout(600)  # the theme's script looks at the new width after a while
    assert barriers(page, "scrollable-region-focusable") == []


HELD = """fold => {
  const has = (tag) => fold.querySelector(`.cell_output ${tag}`) !== null;
  const output = has("table") ? "table" : has("img, figure") ? "figure" : fold.querySelector(".cell_output") ? "checks" : "";
  const code = fold.querySelector(".cell_input") ? "code" : "";
  return ["Show " + [output === "checks" && !code ? "output" : output, code].filter(Boolean).join(" and "),
    fold.querySelector("summary > .collapsed").textContent];
}"""


def test_a_folded_cell_says_what_it_holds(page):
    for fold in page.locator("details.hide").all():
        held, said = fold.evaluate(HELD)
        assert said == held


def test_a_slider_chooses_what_is_seen(page):
    for figure in page.locator("figure.play").all():
        slider, seen_now = figure.locator("input[type=range]"), figure.locator("[data-frame]:visible")
        frames = []
        for key in ("Home", "ArrowRight", "End"):
            slider.press(key)
            assert slider.get_attribute("aria-valuetext") == figure.locator("output").inner_text()
            frames.append({part.get_attribute("data-frame") for part in seen_now.all()})
        assert frames == [{"0"}, {"1"}, {slider.get_attribute("max")}]
        assert figure.evaluate("e => e.outerHTML.length") < 150_000


def test_search_finds_the_chapter(open_page):
    page = open_page("search")
    page.goto(page.url + "?q=helmholtz")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    titles = page.locator("#search-results li a").all_inner_texts()
    assert any("Helmholtz" in t for t in titles)


def test_animation_moves(open_page):
    page = open_page("book/06_helmholtz")
    image = page.locator(".animation img").first
    before = image.get_attribute("src")
    page.locator(".animation button[title='Last frame']").click()
    page.wait_for_timeout(200)
    assert image.get_attribute("src") != before


def test_tables_and_figures_are_there(open_page):
    page = open_page("book/06_helmholtz")
    assert page.locator("figure img").count() >= 8
    assert page.locator("article table").count() >= 1
    assert "reproduced" in page.locator("article").inner_text()
