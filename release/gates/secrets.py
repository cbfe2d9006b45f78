"""Secrets in the tree and in its history: what looks like one and isn't a known example."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from release.gates.context import Context
from release.gates.gate import Failed, Missing, NotRun

# Each by what only a secret looks like, so that a finding is worth a look. Examples in tests have
# words in them, which a random key hasn't.
PATTERNS = {
    "a live key of Stripe": re.compile(r"\b[sr]k_live_[0-9A-Za-z]{10,}"),
    "a test key of Stripe": re.compile(r"\b[sr]k_test_[0-9A-Za-z]{24,}"),
    "a webhook's signing secret": re.compile(r"\bwhsec_[0-9A-Za-z+/=]{24,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "a key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[oprsu]_[0-9A-Za-z]{36}|github_pat_\w{40,})"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    "a password in an address": re.compile(
        r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"`<>{}$%]+:(?P<secret>[^\s/@'\"`<>{}$%]{3,})@[\w.-]"
    ),
    "a key of Django": re.compile(r"\bSECRET_KEY\s*=\s*['\"]?(?P<secret>[^\s'\"]{50,})"),
}
# Any of them has one of these in it: a line without is passed over at once.
HINT = re.compile(
    r"_live_|_test_|whsec_|PRIVATE KEY|AKIA|ASIA|gh[oprsu]_|github_pat_|xox|://|SECRET_KEY"
)
# What stands where a reader is to put their own, and what tests hide to see that it stays hidden.
EXAMPLES = frozenset({"password", "secret", "hush", "rk_live_0123456789"})


@dataclass(frozen=True)
class Finding:
    """Where something looks like a secret. The words show only how it begins."""

    where: str
    what: str
    begins: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.begins}…)"


def found_in(line: str, where: str) -> Iterator[Finding]:
    """What looks like a secret in one line."""
    if not HINT.search(line):
        return
    for what, pattern in PATTERNS.items():
        for found in pattern.finditer(line):
            secret = found.groupdict().get("secret") or found[0]
            if secret not in EXAMPLES:
                yield Finding(where, what, secret[:8])


def in_tree(base: Path) -> Iterator[Finding]:
    """Findings in all files that git has or would take."""
    listed = git(base, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in sorted(set("".join(listed).split("\0")) - {""}):
        try:
            text = (base / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # gone, or no text
        for number, line in enumerate(text.splitlines(), 1):
            yield from found_in(line, f"{name}:{number}")


def in_history(base: Path) -> Iterator[Finding]:
    """Findings in all lines that a commit on the way to this one has added."""
    commit = name = ""
    # Of a merge what is in none of its parents.
    log = git(base, "log", "--patch", "--cc", "--unified=0", "--no-color", "--no-ext-diff")
    for line in log:
        if line.startswith("commit "):
            commit = line[7:17]
        elif line.startswith("+++ "):
            name = line[4:].strip().removeprefix("b/")
        elif line.startswith("+"):
            yield from found_in(line[1:], f"{commit}:{name}")


def git(base: Path, *arguments: str) -> Iterator[str]:
    """The lines that git prints, as they come.

    Raises:
        NotRun: this is no clone, or there is no git.
    """
    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        raise NotRun(Missing.HISTORY, "there is no git here") from None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        yield from process.stdout
        said = process.stderr.read().strip()
    if process.returncode:
        raise NotRun(Missing.HISTORY, said or f"git exits with {process.returncode}")


def secrets(context: Context) -> str:
    """Look through tree and history."""
    if "true" in "".join(git(context.base, "rev-parse", "--is-shallow-repository")):
        raise NotRun(Missing.HISTORY, "this clone has no history: git fetch --unshallow")
    refuse(in_tree(context.base))
    refuse(in_history(context.base))
    count = "".join(git(context.base, "rev-list", "--count", "HEAD")).strip()
    return f"none in the tree, none in {count} commits"


def refuse(findings: Iterable[Finding]) -> None:
    """Raise :class:`Failed` if there is one."""
    if found := list(dict.fromkeys(map(str, findings))):
        raise Failed("\n".join(found))
