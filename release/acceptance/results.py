"""What became of the tests, by JUnit's XML as pytest writes it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

NOT_RUN, SKIPPED = "was not run", "was skipped"


@dataclass
class Results:
    """How the cases of each test ended, by its file and its name without parameters."""

    cases: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def against(self, test: str) -> str:
        """What speaks against ``test``, the pytest id of a file or of a test in it; else nothing.

        One that was skipped has shown nothing. Of a file something must have passed.
        """
        file, _, name = test.partition("::")
        names = self.cases.get(file, {})
        if name:
            names = {name: names[name]} if name in names else {}
        if not names:
            return NOT_RUN
        for each, ends in names.items():
            for bad in ("failed", "broke down"):
                if bad in ends:
                    return f"{bad} ({each})" if not name else bad
        ends = [end for each in names.values() for end in each]
        if "passed" not in ends or (name and "skipped" in ends):
            return SKIPPED
        return ""


def read(junit: Path) -> Results:
    """The results in a file.

    Raises:
        ValueError: it isn't there, or isn't JUnit's XML.
    """
    results = Results()
    try:
        root = ElementTree.parse(junit).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"{junit}: {error}") from None
    ends = {"failure": "failed", "error": "broke down", "skipped": "skipped"}
    for case in root.iter("testcase"):
        file = f"{case.get('classname', '').replace('.', '/')}.py"
        name = case.get("name", "").partition("[")[0]
        end = next((ends[child.tag] for child in case if child.tag in ends), "passed")
        results.cases[file][name].append(end)
    return results
