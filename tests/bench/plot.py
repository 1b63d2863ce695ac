"""The plot of docs/performance.md: how long ingest takes, by the number of services."""

from __future__ import annotations

from math import log10
from pathlib import Path

from measured import WARM, Measured
from scenarios import SIZES

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 130, 44, 52
SERIES = (("ingest", "Rust", "#b7410e"), ("ingest (Python)", "Python", "#306998"))
MILLISECONDS = (10, 100, 1000, 10000)


def write(path: Path, measured: Measured) -> None:
    lines = {
        (name, latency): [(size, measured.time(f"{name}, {size}", WARM, latency).median) for size in SIZES]
        for name, *_ in SERIES
        for latency in (0, 10, 30)
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg(lines))


def x(services: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * log10(services) / log10(SIZES[-1])


def y(milliseconds: float, lowest: float = 1) -> float:
    share = (log10(milliseconds) - log10(lowest)) / (log10(MILLISECONDS[-1]) - log10(lowest))
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def svg(lines: dict) -> str:
    def text(left: float, top: float, words: str, more: str = "") -> str:
        return f'<text x="{left:.1f}" y="{top:.1f}" {more}>{words}</text>'

    title = "Time of ingest for a new notice, by the number of services"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}"'
        ' font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 24, title, 'font-size="15" font-weight="bold"'),
    ]
    for value in (1, *MILLISECONDS):
        label = f"{value:,} ms" if value < 1000 else f"{value // 1000} s"
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, y(value) + 4, label, 'text-anchor="end"'))
    for value in (1, 10, 100, 1000):
        parts.append(text(x(value), HEIGHT - BOTTOM + 20, f"{value:,}", 'text-anchor="middle"'))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(text(middle, HEIGHT - 10, "services of the notice (function already running)", 'text-anchor="middle"'))
    labels: list[tuple[float, str, str]] = []
    for name, label, color in SERIES:
        for latency, dash in ((0, "2 4"), (10, "none"), (30, "8 4")):
            points = lines[name, latency]
            path = "L".join(f"{x(size):.1f} {y(value):.1f}" for size, value in points)
            parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dash}"/>')
            labels.append((y(points[-1][1]) + 4, f"{label}, {latency} ms", color))
    last = 0.0
    for top, label, color in sorted(labels):
        last = max(top, last + 15)  # one below the other, where lines end close together
        parts.append(text(WIDTH - RIGHT + 8, last, label, f'fill="{color}"'))
    return "\n".join([*parts, "</svg>"]) + "\n"
