"""The tables that commands write into documents."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from pathlib import Path


def table(header: list[str], rows: Iterable[list]) -> str:
    """A table in Markdown. All columns but the first are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def processor() -> str:
    """The name of the processor."""
    cpu = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpu.read_text()) if cpu.exists() else None
    return model[1] if model else platform.machine()


def replace(document: Path, command: str, sections: dict[str, str]) -> None:
    """Replaces what a command has written into a document, between its markers."""
    written = document.read_text()
    for name, body in sections.items():
        between = re.compile(rf"(<!-- {command}: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        written, found = between.subn(lambda marked, body=body: f"{marked[1]}{body}\n{marked[2]}", written)
        if found != 1:
            raise RuntimeError(f"{document.name} has {found} places for the table {name}; expected 1")
    document.write_text(written)
