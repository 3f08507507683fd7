"""The dashboard's files: open to everybody, kept by browsers for good, and unable to run what is not ours."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from sedna_gm.http import dashboard
from tests.gm.http.doors import Door

PAGE = re.compile(r'(?:href|src)="(/ui/[^"]+)"')


def test_the_page_is_at_the_root_and_names_only_what_is_there(door: Door) -> None:
    page = door.client.get("/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    named = PAGE.findall(page.text)
    assert len(named) > 5
    for address in named:
        assert door.client.get(address).status_code == 200, address


def test_a_module_imports_only_what_is_served(door: Door) -> None:
    """One that is misspelled leaves a browser with an empty page."""
    files = dashboard.load().files
    for name, file in files.items():
        for there in re.findall(r'^import .* from "([^"]+)";', file.plain.decode(errors="replace"), re.M):
            wanted = (Path("/") / name).parent.joinpath(there).resolve().relative_to("/")
            assert wanted.as_posix() in files, f"{name} imports {there}"


def test_what_a_release_is_made_of_is_kept_for_good_and_the_page_is_asked_for_again(door: Door) -> None:
    page = door.client.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    part = door.client.get(PAGE.findall(page.text)[0])
    assert "immutable" in part.headers["Cache-Control"]
    again = door.client.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_another_content_is_another_address(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="/ui/RELEASE/a.js">')
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "LICENSE").write_text("for people")
    before = dashboard.load(tmp_path)
    dashboard.load.cache_clear()
    (tmp_path / "a.js").write_text("2")
    after = dashboard.load(tmp_path)
    dashboard.load.cache_clear()
    assert before.release != after.release
    assert f"/ui/{after.release}/a.js" in after.page.plain.decode()
    assert set(after.files) == {"a.js"}


@pytest.mark.parametrize(
    "address",
    [
        "/ui/other/js/app.js",
        "/ui/{0}/js/no.js",
        "/ui/{0}/../../settings.py",
        "/ui/{0}//etc/passwd",
        "/ui/{0}/package.json",
    ],
)
def test_nothing_else_is_served(door: Door, address: str) -> None:
    found = door.client.get(address.format(dashboard.load().release))
    assert (found.status_code, found.json["reason"]) == (404, "NotFound")


def test_a_client_that_takes_gzip_gets_less_and_the_same(door: Door) -> None:
    address = f"/ui/{dashboard.load().release}/vendor/uplot/uPlot.js"
    plain, packed = door.client.get(address), door.client.get(address, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < len(plain.data) / 2
    assert gzip.decompress(packed.data) == plain.data


def test_a_page_may_run_only_what_this_door_serves_and_lie_in_no_frame(door: Door) -> None:
    headers = door.client.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_file_of_ours_makes_markup_of_text_or_has_a_script_or_a_style_inline() -> None:
    ours = {name: file for name, file in dashboard.load().files.items() if not name.startswith("vendor/")}
    risky = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bstyle=\"|\bon\w+=\""
    )
    page = dashboard.load().page.plain.decode()
    assert [name for name, file in ours.items() if risky.search(file.plain.decode(errors="replace"))] == []
    assert not risky.search(page)
    assert "<style" not in page
    assert re.findall(r"<script[^>]*>(.+?)</script>", page) == []


def test_nothing_is_fetched_from_elsewhere() -> None:
    files = {**dashboard.load().files, "index.html": dashboard.load().page}
    elsewhere = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"')]+")
    found = {
        name: elsewhere.findall(file.plain.decode(errors="replace"))
        for name, file in files.items()
        if not name.endswith(".woff2")
    }
    # The library names its own home in a comment.
    assert {name: there for name, there in found.items() if there} == {
        "vendor/uplot/uPlot.js": ["https://github.com/leeoniya/uPlot"]
    }


def test_no_module_is_crowded() -> None:
    lengths = {name: file.plain.count(b"\n") for name, file in dashboard.load().files.items() if name.startswith("js/")}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_a_module_says_why_it_exists() -> None:
    modules = {name: file.plain for name, file in dashboard.load().files.items() if name.startswith("js/")}
    assert [name for name, text in modules.items() if not text.startswith(b"// ")] == []


TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TEXTS = ("ink", "muted", "accent", "good", "warn", "bad", "held")


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_a_text_can_be_read_on_every_ground(theme: int) -> None:
    """4.5 to 1, as WCAG 2 asks at level AA; edges of controls 3 to 1."""
    tokens = {
        name: pair[theme] for name, *pair in TOKEN.findall(dashboard.load().files["style/base.css"].plain.decode())
    }

    def contrast(one: str, other: str) -> float:
        low, high = sorted(luminance(tokens[name]) for name in (one, other))
        return (high + 0.05) / (low + 0.05)

    pairs = [(text, ground) for text in TEXTS for ground in ("ground", "surface")]
    pairs += [(tone, f"{tone}-ground") for tone in ("good", "warn", "bad", "held", "accent")]
    pairs += [("ink", f"{tone}-ground") for tone in ("good", "warn", "bad", "held", "accent")] + [("ink", "sunken")]
    pairs += [("on-accent", "accent")]
    assert {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5} == {}
    assert {name: contrast("edge", name) for name in ("ground", "surface") if contrast("edge", name) < 3} == {}


def test_the_whole_page_is_small_enough_for_a_slow_link() -> None:
    """A quarter of a megabyte, once for each release; ten seconds at 200 kbit/s."""
    files = [*dashboard.load().files.values(), dashboard.load().page]
    assert sum(len(file.packed if file.packed is not None else file.plain) for file in files) < 250_000
