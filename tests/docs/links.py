"""Follows every link of every page inside the repository: `python -m tests.docs.links`.

A link to a heading needs that heading, an address elsewhere needs https. Whether anything answers
there is not asked: a check of the code must not depend on somebody else's server.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("terraform/**/*.md"),
                *ROOT.glob("lambda/**/*.md")])  # fmt: skip
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_BARE = re.compile(r"<((?:https?|mailto):[^>\s]+)>")
_FENCE = re.compile(r"^(`{3,}).*?^\1`*$", re.M | re.S)
_CODE = re.compile(r"`[^`\n]+`")


def broken(page: Path) -> list[str]:
    """What is wrong with a page's links, a line each."""
    return [f"{target}: {wrong}" for target in _targets(page) if (wrong := _problem(page, target))]


def _targets(page: Path) -> Iterator[str]:
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    yield from _LINK.findall(text)
    yield from _BARE.findall(text)


def _problem(page: Path, target: str) -> str:
    url = urlsplit(target)
    if url.scheme:
        return "" if url.scheme in ("https", "mailto") else f"{url.scheme} is not https"
    there = (page.parent / unquote(url.path)).resolve() if url.path else page
    if not there.is_relative_to(ROOT):
        return "leads out of the repository"
    if not there.exists():
        return "no such file"
    if url.fragment and url.fragment not in anchors(there):
        return "no such heading"
    return ""


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as a Markdown viewer makes them."""
    if page.suffix != ".md":
        return set()
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: dict[str, int] = {}
    for head in re.findall(r"^#+ +(.+?) *#*$", text, re.M):
        name = re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-")
        found[name] = found.get(name, -1) + 1
        if found[name]:
            found[f"{name}-{found[name]}"] = 0
    return set(found)


def main() -> int:
    """Print what is broken; exit code 1 if anything is."""
    wrong = [f"{page.relative_to(ROOT)}: {text}" for page in PAGES for text in broken(page)]
    for line in wrong:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
