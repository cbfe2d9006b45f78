"""The index of a package, and whether the package is what its index says."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from release.proof.contents import BY_NAME, REQUIRED

INDEX = "INDEX.md"
MOST_BYTES = 10_000_000
PNG = b"\x89PNG\r\n\x1a\n"
ROW = re.compile(
    r"^\| \[(?P<name>[\w.-]+)\]\([\w.-]+\) \| (?P<shows>[^|]*) \| (?P<command>(?:[^|]|\\\|)*) "
    r"\| (?P<exit>\d*) \| (?P<at>[^|]*) \| (?P<size>\d+) \| `(?P<sha256>[0-9a-f]{64})` \|$"
)
TREE = re.compile(r"^- Tree: `([0-9a-f]{64})`$", re.MULTILINE)
HEAD = """# Evidence

Made by `manage.py proof`; `manage.py proof --verify` compares each file with this index and with this tree.

- Tree: `{tree}`
- Commit: `{commit}`
- Made: {at}

*Tree* is a SHA-256 over the names and contents of all files in git but those of this folder.

| file | shows | made by | exit | at | bytes | SHA-256 |
| - | - | - | - | - | - | - |
"""  # noqa: E501


@dataclass(frozen=True)
class Entry:
    """A file of the package: how it was made, when, and its digest."""

    name: str
    command: str
    exit_code: int | None
    at: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, *, command: str, exit_code: int | None, at: str) -> Entry:
        """The entry of a file as it is now."""
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return cls(path.name, command, exit_code, at, len(content), digest)


def text(entries: Iterable[Entry], *, tree: str, commit: str, at: str) -> str:
    """The index."""
    places = {evidence.name: place for place, evidence in enumerate(REQUIRED)}
    lines = HEAD.format(tree=tree, commit=commit, at=at).splitlines()
    for entry in sorted(entries, key=lambda entry: places.get(entry.name, len(places))):
        shows = BY_NAME[entry.name].shows if entry.name in BY_NAME else ""
        command = entry.command.replace("|", "\\|")
        code = "" if entry.exit_code is None else entry.exit_code
        lines.append(
            f"| [{entry.name}]({entry.name}) | {shows} | {command} | {code} | {entry.at} "
            f"| {entry.size} | `{entry.sha256}` |"
        )
    return "\n".join([*lines, ""])


def read(index: str) -> dict[str, Entry]:
    """The entries of an index, by name."""
    return {
        found["name"]: Entry(
            found["name"],
            found["command"],
            int(found["exit"]) if found["exit"] else None,
            found["at"],
            int(found["size"]),
            found["sha256"],
        )
        for line in index.splitlines()
        if (found := ROW.match(line))
    }


def verify(folder: Path, tree: str) -> list[str]:
    """What is wrong with a package as evidence of the tree with that digest, in lines."""
    try:
        index = (folder / INDEX).read_text(encoding="utf-8")
    except OSError:
        return [f"{INDEX} isn't there"]
    except UnicodeDecodeError:
        return [f"{INDEX} isn't UTF-8"]
    entries = read(index)
    problems = []
    of = TREE.search(index)
    if not of or of[1] != tree:
        problems.append(f"it was made from another tree ({of[1][:12] if of else 'none'})")
    problems += [f"{each.name} is missing" for each in REQUIRED if each.name not in entries]
    for entry in entries.values():
        problems += [f"{entry.name} {problem}" for problem in against(folder, entry)]
    there = {path.name for path in folder.iterdir()} - {INDEX}
    problems += [f"{name} isn't in the index" for name in sorted(there - set(entries))]
    problems += duplicates(entries.values())
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if size > MOST_BYTES:
        problems.append(f"it has {size:,} bytes, more than {MOST_BYTES:,}")
    return problems


def against(folder: Path, entry: Entry) -> Iterator[str]:
    """What is wrong with one file."""
    path = folder / entry.name
    if not path.is_file():
        yield "is missing"
        return
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        yield "was altered"
    if not content.strip():
        yield "is empty"
    elif path.suffix == ".png":
        if not content.startswith(PNG):
            yield "isn't a picture"
    elif not is_utf8(content):
        yield "isn't UTF-8"
    wanted = BY_NAME[entry.name].exit_code if entry.name in BY_NAME else None
    if entry.exit_code is not None and entry.exit_code != wanted:
        yield f"ended with exit code {entry.exit_code}, not {wanted}"


def is_utf8(content: bytes) -> bool:
    """Whether it is text in UTF-8, without a mark of byte order and without null bytes, which
    UTF-16 is full of."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return "\0" not in text and not text.startswith("\ufeff")


def duplicates(entries: Iterable[Entry]) -> Iterator[str]:
    """Files that hold the same, which can't show two things."""
    same = defaultdict(list)
    for entry in entries:
        same[entry.sha256].append(entry.name)
    for names in same.values():
        if len(names) > 1:
            yield f"{', '.join(sorted(names))} hold the same"
