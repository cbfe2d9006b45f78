"""``manage.py release VERSION``: see that a version is ready, and tag it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from release import releasing
from release.acceptance import claims
from release.gates import report
from release.gates.context import context
from release.gates.registry import GATES, select
from release.gates.running import run
from release.tree import NoTree, git


class Command(BaseCommand):
    help = (
        "Check changelog, version and claims, run all gates up to the version's milestone, and tag "
        "the commit that is checked out. Pushes nothing."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tag", metavar="VERSION", help="Like v0.2-m2-ops-control or v1.0.1.")
        parser.add_argument(
            "--ci",
            nargs="+",
            type=Path,
            default=[],
            metavar="FILE",
            help="JUnit's XML that CI's runs of the gates left for this commit, for those that "
            "couldn't be run here.",
        )
        parser.add_argument(
            "--despite",
            nargs="+",
            default=[],
            metavar="ID",
            help="Claims and gates that need not hold; the tag says so for ever.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Do all of it but the tag.")

    def handle(self, **options: Any) -> None:
        base: Path = settings.BASE_DIR
        try:
            self.release(base, **options)
        except (releasing.NotReady, claims.BadClaims, NoTree) as error:
            raise CommandError(str(error)) from None

    def release(self, base: Path, **options: Any) -> None:
        version = releasing.Version.parse(options["tag"])
        despite = set(options["despite"])
        found = claims.read(base).claims
        refuse(releasing.against_tree(base, version))
        refuse(releasing.against_claims(found, version, despite))
        commit = git(base, "rev-parse", "HEAD")
        passed = releasing.passed_in(options["ci"], commit)
        width = max(len(gate.name) for gate in GATES)
        ended = []
        with context(strict=True) as shared:
            for result in run(select(milestone=version.milestone), shared):
                ended.append(result)
                self.stdout.write(report.line(result, width))
                self.stdout.flush()
        refuse(releasing.against_gates(ended, passed, despite))
        refuse(releasing.against_tree(base, version))  # nothing that ran has changed it
        text = releasing.notes((base / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        if options["dry_run"]:
            self.stdout.write(f"{version.tag} is ready.")
            return
        said = releasing.message(version, text, ended, despite)
        git(base, "tag", "--annotate", version.tag, "--message", said, commit)
        self.stdout.write(f"{version.tag} is {commit}. Push it: git push origin {version.tag}")


def refuse(problems: list[str]) -> None:
    """Raise :class:`releasing.NotReady` if there is one."""
    if problems:
        raise releasing.NotReady("\n".join(problems))
