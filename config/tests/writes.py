"""Which functions write to the database, and whether an audit row goes with it: from the source.

Read from the syntax alone, so it errs on the safe side: whatever a function mentions it may call, a
class that it mentions may run each of its methods, and a statement whose table isn't named may
write to any. A write is *audited* where the function that makes it, or each way that leads to it
from outside, passes one that calls ``auditlog.services.record``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

RECORDS = {"auditlog.services.record", "auditlog.services.record_all"}
# Methods of a model, a manager or a queryset that write.
WRITES = {
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "save",
    "delete",
    "set_password",
}
STATEMENT = re.compile(r'\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|COPY)\s+"?([\w{]+)')


# The names of the parts on it, from outside to the one that writes.
Way = tuple[str, ...]


@dataclass
class Part:
    """A function, a method, or a constant of a module, under its dotted name."""

    name: str
    writes: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)


class Source:
    """The parts of all modules of some packages."""

    def __init__(
        self, texts: Mapping[str, str], tables: Iterable[str], sets: Iterable[str]
    ) -> None:
        """``texts`` has the source of each module; ``tables`` are those that matter, and ``sets``
        the names of fields that hold many rows (``groups``)."""
        self.tables, self.sets = set(tables), set(sets)
        self.modules = set(texts)
        self.parts: dict[str, Part] = {}
        for module, text in texts.items():
            self.read(module, ast.parse(text))
        self.methods: dict[str, set[str]] = defaultdict(set)
        for name in self.parts:
            self.methods[name.rpartition(".")[0]].add(name)
        self.mentions = {name: self.known(part.mentions) for name, part in self.parts.items()}
        self.mentioned_by: dict[str, set[str]] = defaultdict(set)
        for name, mentions in self.mentions.items():
            for other in mentions:
                self.mentioned_by[other].add(name)

    def read(self, module: str, tree: ast.Module) -> None:
        names = imported(module, tree)
        for node in tree.body:
            for name, within, owner in parts_of(node):
                part = self.parts.setdefault(f"{module}.{name}", Part(f"{module}.{name}"))
                self.look_through(part, within, module, owner, names)
                names.setdefault(name.partition(".")[0], f"{module}.{name.partition('.')[0]}")

    def look_through(
        self, part: Part, within: ast.AST, module: str, owner: str, names: Mapping[str, str]
    ) -> None:
        local = {**names}
        for node in ast.walk(within):
            if isinstance(node, ast.ImportFrom | ast.Import):
                local |= imported(module, ast.Module([node], []))
        for node in ast.walk(within):
            match node:
                case ast.Constant(value=str(text)):
                    part.writes |= {t for t in STATEMENT.findall(text) if t in self.tables}
                case ast.JoinedStr():
                    text = "".join(
                        str(value.value) if isinstance(value, ast.Constant) else "{"
                        for value in node.values
                    )
                    part.writes |= {t for t in STATEMENT.findall(text) if "{" in t}
                case ast.Call(func=ast.Attribute()):
                    if wrote := self.written(node):
                        part.writes.add(wrote)
            match node:
                case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=attr) if owner:
                    part.mentions.add(f"{module}.{owner}.{attr}")
                case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in local:
                    part.mentions.add(f"{local[name]}.{attr}")
                case ast.Name(id=name):
                    part.mentions.add(local.get(name, f"{module}.{name}"))

    def written(self, call: ast.Call) -> str:
        """What a call of a method writes, as the source has it; empty where nothing."""
        assert isinstance(call.func, ast.Attribute)
        of, method = ast.unparse(call.func.value), call.func.attr
        last = of.rpartition(".")[2]
        if (
            method in WRITES
            or (method in {"create", "acreate"} and ("objects" in of or "manager" in of))
            or (method == "update" and call.keywords and not call.args)
            or (method in {"add", "set", "remove", "clear"} and last in self.sets)
        ):
            return f"{of}.{method}"
        return ""

    def known(self, mentions: Iterable[str]) -> set[str]:
        """The parts among what is mentioned; of a class, all of its methods."""
        found: set[str] = set()
        for name in mentions:
            if name in self.parts or name in RECORDS:
                found.add(name)
            if name not in self.modules:
                found |= self.methods.get(name, set())
        return found

    def records(self, name: str) -> bool:
        """Whether the part makes an audit row, itself or by a function that does nothing else."""
        return any(
            other in RECORDS or (bool(self.mentions[other] & RECORDS) and not self.writes(other))
            for other in self.mentions[name]
        )

    def writes(self, name: str) -> bool:
        """Whether the part, or anything that it may call, writes."""
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            part = ahead.pop()
            if part not in seen and part not in RECORDS:
                if self.parts[part].writes:
                    return True
                seen.add(part)
                ahead += self.mentions[part]
        return False

    def unaudited(self, declared: Collection[str] = ()) -> Iterator[tuple[Part, Way]]:
        """Each part that writes, with each way that leads to it without an audit row: from what
        nothing mentions, or from what is ``declared`` not to need one."""
        for name, part in self.parts.items():
            if part.writes:
                for way in self.ways_to(name, declared):
                    yield part, way

    def ways_to(self, name: str, declared: Collection[str]) -> Iterator[Way]:
        """One way for each part from which one gets there."""
        seen: set[str] = set()
        ahead: list[Way] = [(name,)]
        while ahead:
            way = ahead.pop()
            if way[0] in seen or self.records(way[0]):
                continue
            seen.add(way[0])
            above = self.mentioned_by[way[0]] - {way[0]}
            if not above or way[0] in declared:
                yield way
            else:
                ahead += [(part, *way) for part in sorted(above)]


def imported(module: str, tree: ast.Module) -> dict[str, str]:
    """What the module's imports make its names stand for."""
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            names |= {one.asname: one.name for one in node.names if one.asname}
    return names


def parts_of(node: ast.stmt) -> Iterator[tuple[str, ast.AST, str]]:
    """The parts that a statement of a module makes: name, what is in it, and its class if any."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, node, ""
        case ast.ClassDef(name=name):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{name}.{inner.name}", inner, name
                else:
                    yield f"{name}.body", inner, name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name, node, ""
        case _:
            yield "body", node, ""


def modules(root: Path, packages: Iterable[str]) -> dict[str, str]:
    """The source of each module of the packages, less tests and migrations."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            relative = path.relative_to(root).with_suffix("")
            if not {"tests", "migrations"} & set(relative.parts):
                parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
                found[".".join(parts)] = path.read_text()
    return found
