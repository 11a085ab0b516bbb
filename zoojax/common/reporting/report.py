"""What a comparison found: one page that needs no other file, and a table for the terminal."""

import base64
import html
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from rich import box
from rich.table import Table
from rich.text import Text

from zoojax.common.storage.files import version, write_whole

Verdict = Literal["identical", "within rounding", "DIFFERS", "—"]
"""Bit for bit; difference <= allowed; difference > allowed; for information only."""

# Words shown, colour in the terminal, class in the page. Never colour alone: symbol and words
# say the same on paper, in a log file and to a colour-blind reader.
VERDICT_STYLES: dict[str, tuple[str, str, str]] = {
    "identical": ("✓ identical", "green", "good"),
    "within rounding": ("✓ within rounding", "green", "good"),
    "DIFFERS": ("✗ DIFFERS", "bold red", "bad"),
    "—": ("· for information", "dim", "info"),
}

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

HEADINGS = ("quantity", "JAX", "PyTorch", "difference", "allowed", "verdict")

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --soft: #5c5c63; --line: #d9d9de;
  --page: #ffffff; --band: #f5f5f7; --good: #176b3a; --bad: #b3261e; --bad-band: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececee; --soft: #a3a3ab; --line: #3a3a40;
  --page: #18181b; --band: #232327; --good: #6fd19a; --bad: #ff8a80; --bad-band: #43201e; } }
body { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .6rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
.lead { max-width: 46rem; margin: 0 0 1rem; } .summary { font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); border-bottom-width: 2px; } tbody th { font-weight: 500; }
.rows td { font-variant-numeric: tabular-nums; }
.rows thead th, .rows td:nth-child(n+4) { white-space: nowrap; }
.good { color: var(--good); } .info { color: var(--soft); }
.bad { color: var(--bad); font-weight: 700; } tr.differs { background: var(--bad-band); }
figure { margin: 1.2rem 0 2rem; break-inside: avoid; }
figure img { display: block; max-width: 100%; max-height: 46rem; margin: 0 auto; padding: .5rem;
  box-sizing: border-box; background: #ffffff; border: 1px solid var(--line); border-radius: 6px; }
figcaption { margin-top: .5rem; color: var(--soft); font-size: .9rem; text-align: center; }
.settings { width: auto; } .settings tbody th { color: var(--soft); padding-right: 2rem; }
.settings th.group { color: var(--ink); font-weight: 700; padding-top: 1.1rem; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 42rem) {
  .rows thead { display: none; }
  .rows tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: .8rem;
    padding: .6rem .5rem; border-bottom: 1px solid var(--line); }
  .rows th, .rows td { border: 0; padding: .1rem 0; }
  .rows th { grid-column: 1 / -1; font-weight: 700; }
  .rows td:empty { display: none; } .rows td:last-child { grid-column: 1 / -1; }
  .rows td::before { content: attr(data-label) ": "; color: var(--soft); font-weight: 400; }
}
@media print {
  :root { color-scheme: light; --ink: #000000; --soft: #444444; --line: #bbbbbb;
    --page: #ffffff; --good: #0b4f28; --bad: #8c1d18; --bad-band: #eeeeee; }
  body { padding: 0; font-size: 10pt; } table { font-size: 8pt; } th, td { padding: .25rem .4rem; }
  tr { break-inside: avoid; } h2, th.group { break-after: avoid; } figure img { max-height: 23rem; }
}
"""


class Row(NamedTuple):
    """One quantity of a comparison, each part written as it should be read.

    Attributes:
        name: what was compared.
        jax: its value in zoojax.
        torch: its value in zootorch.
        difference: how far apart they are; empty where that has no meaning.
        allowed: the largest difference that counts as rounding; empty likewise.
        verdict: "identical", "within rounding", "DIFFERS", or "—" for information only.
    """

    name: str
    jax: str
    torch: str
    difference: str
    allowed: str
    verdict: Verdict


def judge(difference: float, allowed: float) -> Verdict:
    """Return the verdict on a difference; one that is not a number is a difference."""
    if difference == 0:
        return "identical"
    return "within rounding" if abs(difference) <= allowed else "DIFFERS"


def summarise(rows: Sequence[Row]) -> str:
    """Count the verdicts in words: "9 identical, 7 within rounding, 0 differ"."""
    counts = Counter(row.verdict for row in rows)
    same, close, far = (counts[verdict] for verdict in get_args(Verdict)[:3])
    return f"{same} identical, {close} within rounding, {far} differ{'s' if far == 1 else ''}"


def table(rows: Sequence[Row]) -> Table:
    """Return the rows as a table for a terminal of 100 columns.

    Long cells fold. Where output is not a terminal, rich assumes 80 columns: give its
    console ``width=100`` there.

    Raises:
        ValueError: when a verdict is none of the four.
    """
    _check_verdicts(rows)
    result = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        # The verdict and the numbers it rests on stay whole; names and values may fold.
        result.add_column(heading, overflow="fold", no_wrap=heading in HEADINGS[3:])
    for row in rows:
        shown, style, _ = VERDICT_STYLES[row.verdict]
        # Text, because a cell such as "[3, 64, 64]" must not be read as markup.
        cells = [Text(cell) for cell in row[:-1]]
        result.add_row(*cells, Text(shown, style=style))
    result.caption, result.caption_justify = Text(summarise(rows)), "left"
    return result


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    lead: str,
    rows: Sequence[Row],
    figures: Mapping[str, str | os.PathLike[str]],
    settings: Mapping[str, Any],
) -> Path:
    """Write a comparison as one HTML page that holds its figures and loads nothing.

    Args:
        path: where to write; its folder must exist and a file there is replaced, whole or
            not at all.
        title: the page's title.
        lead: a paragraph under it.
        rows: what was compared.
        figures: PNG files by caption, in the order to show.
        settings: what was run; a mapping within it becomes a group of its own.

    Returns:
        The path written.

    Raises:
        ValueError: when a verdict is none of the four, or a figure is not a PNG file.
        OSError: when a figure cannot be read or the page cannot be written.
    """
    _check_verdicts(rows)
    name = html.escape(title)
    page = f"""<!DOCTYPE html>
<html lang="en"><head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{STYLE}</style>
</head><body>
<h1>{name}</h1>
<p class="lead">{html.escape(lead)}</p>
<p class="summary">{html.escape(summarise(rows))}</p>
{_rows_html(rows)}
<h2>Figures</h2>
{"".join(_figure_html(caption, Path(png)) for caption, png in figures.items())}
<h2>Settings</h2>
<table class="settings"><tbody>{"".join(_settings_html(settings))}</tbody></table>
<footer>zooparity {html.escape(version())}</footer>
</body></html>
"""
    return write_whole(path, page.encode())


def _check_verdicts(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.verdict not in VERDICT_STYLES:
            allowed = ", ".join(get_args(Verdict))
            raise ValueError(f"verdict must be one of {allowed}, got {row.verdict!r} ({row.name})")


def _rows_html(rows: Sequence[Row]) -> str:
    heads = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
    lines = [f'<table class="rows"><thead><tr>{heads}</tr></thead>\n<tbody>']
    for row in rows:
        shown, _, kind = VERDICT_STYLES[row.verdict]
        values = "".join(
            f'<td data-label="{heading}">{html.escape(cell)}</td>'
            for heading, cell in zip(HEADINGS[1:-1], row[1:-1], strict=True)
        )
        verdict = f'<td data-label="verdict" class="{kind}">{shown}</td>'
        start = '<tr class="differs">' if kind == "bad" else "<tr>"
        lines.append(f'{start}<th scope="row">{html.escape(row.name)}</th>{values}{verdict}</tr>')
    return "\n".join([*lines, "</tbody></table>"])


def _figure_html(caption: str, png: Path) -> str:
    content = png.read_bytes()
    if not content.startswith(PNG_SIGNATURE):
        raise ValueError(f"figure {str(png)!r} is not a PNG file")
    text = html.escape(caption)
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>\n"
    )


def _settings_html(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    # Plain values first: after a group's heading they would seem to belong to it.
    for name, value in sorted(settings.items(), key=lambda item: isinstance(item[1], Mapping)):
        if isinstance(value, Mapping):
            label = html.escape(f"{prefix}{name}")
            yield f'<tr><th class="group" colspan="2" scope="rowgroup">{label}</th></tr>\n'
            yield from _settings_html(value, f"{prefix}{name}, ")
        else:
            label = html.escape(str(name))
            is_list = isinstance(value, (list, tuple))
            shown = ", ".join(map(str, value)) if is_list else str(value)
            yield f'<tr><th scope="row">{label}</th><td>{html.escape(shown)}</td></tr>\n'
