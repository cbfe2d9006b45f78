"""Links of the documents: each leads to a file that is there, and to a heading of that name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

INDEX = "docs/README.md"
EVIDENCE = "docs/proof"  # made of a tree after all else, so nothing in the tree can lead to it
LINK = re.compile(
    r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)"
)
HEADING = re.compile(r"^#{1,6}\s+(?P<words>.+?)\s*#*$")
FENCE = re.compile(r"^\s*(```|~~~)")
CODE = re.compile(r"`[^`]*`")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def markdown(base: Path) -> list[Path]:
    """The documents of the tree: those at its top, and all below ``docs``."""
    return sorted([*base.glob("*.md"), *(base / "docs").rglob("*.md")])


def broken(base: Path) -> list[str]:
    """Links that lead nowhere, and documents that the index of ``docs`` doesn't lead to."""
    anchors: dict[Path, set[str]] = {}
    problems = []
    reached = set()
    for document in markdown(base):
        where = document.relative_to(base).as_posix()
        for number, target in links(document.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            file = (document.parent / unquote(path)).resolve() if path else document
            if where == INDEX:
                reached.add(file)
            if not file.exists():
                problems.append(f"{where}:{number}: {target} isn't there")
            elif not file.is_relative_to(base.resolve()):
                problems.append(f"{where}:{number}: {target} leads out of the tree")
            elif anchor and file.suffix == ".md":
                if file not in anchors:
                    anchors[file] = headings(file.read_text(encoding="utf-8"))
                if anchor not in anchors[file]:
                    problems.append(f"{where}:{number}: {target}: no such heading")
    return [*problems, *unreached(base, reached)]


def unreached(base: Path, reached: set[Path]) -> Iterator[str]:
    """Documents that the index names neither themselves nor by their folder."""
    for document in (base / "docs").rglob("*.md"):
        file = document.resolve()
        if document == base / INDEX or base / EVIDENCE in document.parents:
            continue
        if not reached & {file, *file.parents}:
            yield f"{INDEX} doesn't lead to {document.relative_to(base).as_posix()}"


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines that aren't in a fenced block, with their numbers."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def links(text: str) -> Iterator[tuple[int, str]]:
    """Where the links of a document lead within the tree, with the numbers of their lines."""
    # A link may be broken over lines; its line is the one that it begins on.
    lines = dict(prose(text))
    joined = "\n".join(CODE.sub("", lines.get(n, "")) for n in range(1, max(lines, default=0) + 1))
    for found in LINK.finditer(joined):
        if not ELSEWHERE.match(found["target"]):
            yield joined.count("\n", 0, found.start()) + 1, found["target"]


def headings(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    anchors = set()
    for _, line in prose(text):
        if found := HEADING.match(line):
            words = LINK.sub(lambda link: link[0][1:].partition("]")[0], found["words"])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return anchors
