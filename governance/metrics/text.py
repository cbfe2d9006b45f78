"""Prometheus' text format, version 0.0.4:
https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "countinghouse_"
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Metric:
    """A family of samples: each its suffix (that of a histogram's parts), its labels, its value."""

    name: str
    help: str
    samples: list[tuple[str, Labels, float]] = field(default_factory=list)
    kind: str = "gauge"

    def add(self, value: float, *, suffix: str = "", **labels: str) -> None:
        self.samples.append((suffix, labels, value))


def exposition(metrics: Iterable[Metric]) -> str:
    """All of them as Prometheus reads them."""
    return "".join(f"{line}\n" for metric in metrics for line in lines(metric))


def lines(metric: Metric) -> Iterator[str]:
    name = PREFIX + metric.name
    yield f"# HELP {name} {escaped(metric.help)}"
    yield f"# TYPE {name} {metric.kind}"
    for suffix, labels, value in metric.samples:
        said = ",".join(f'{key}="{escaped(text, quote=True)}"' for key, text in labels.items())
        yield f"{name}{suffix}{'{' + said + '}' if said else ''} {value}"


def escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
