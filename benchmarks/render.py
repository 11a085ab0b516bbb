"""Write the tables of `benchmarks/README.md` and of the README from what is in `results`.

python -m benchmarks.render
"""

import json
import re
from pathlib import Path
from typing import Any

from matplotlib import ticker
from matplotlib.figure import Figure

from benchmarks import shape_tables
from zoojax.common import figures

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
README = FOLDER / "README.md"
FRONT = FOLDER.parent / "README.md"
MARKS = re.compile(
    r"(<!-- (?P<name>[a-z ]+), made by benchmarks/render.py -->\n).*?(<!-- end -->)", re.DOTALL
)
TITLES = {
    "simulation": "Simulation",
    "forward": "Forward pass of a batch of 32",
    "step": "Training step, a batch of 32",
    "epoch": "An epoch",
    "run": "A whole run: simulate, split, train, evaluate, calibrate",
    "ensemble": "An epoch of an ensemble, by its members",
    "cnns": "A step with each of several CNNs, in JAX",
    "pictures": "An epoch on pictures that are stored, or simulated inside the step",
    "precision": "Training step in float32 and in mixed precision",
    "where": "Where the time of a step goes, on a CPU on one core",
    "import": "Import in a new process",
    "start": "First step, and memory of steps, in a new process",
}

AIMS = {"mlp": 10.0, "rnn": 4.0, "lstm": 1.5, "cnn": 1.35}
"""How many epochs zoojax is to make on two cores in the time of one of the plain loop."""


def load() -> dict[str, dict[str, Any]]:
    """Return what was measured, by name of the file; files of another kind are left out."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    return {name: each for name, each in found.items() if "sections" in each}


def tables(name: str, results: dict[str, Any]) -> str:
    """Return all tables of one machine as Markdown."""
    about = results["machine"]
    device = about["gpu"] or f"{about['processor']}, {about['cores']} cores"
    kept = ", freed memory kept" if results.get("memory kept") else ""
    copy, product = results["ceilings"]["bytes"] / 1e9, results["ceilings"]["flops"] / 1e9
    lines = [
        f"## {device}",
        "",
        f"JAX {about['jax']}, torch {about['torch']}, {about['torch threads']} torch threads, "
        f"{about['precision']}; load before: {about['load before']}; commit {about['commit']}; "
        f"{results['rounds']} rounds{kept}; `results/{name}.json`. Ceilings measured there: "
        f"{copy:.1f} GB/s, {product:.0f} GFLOP/s.",
    ]
    for section, title in TITLES.items():
        if section in results["sections"]:
            commit = results.get("commits", {}).get(section)
            lines += ["", f"### {title}", "", *([f"Commit {commit}.", ""] if commit else [])]
            lines += table(results["sections"][section])
    return "\n".join(lines) + "\n"


def table(section: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of one table."""
    lines: list[str] = []
    for workload, found in section.items():
        columns = _columns(next(iter(found.values())))
        if not lines:
            lines = ["| | " + " | ".join(["contender", *columns]) + " |"]
            lines.append("|---" * (2 + len(columns)) + "|")
        for place, (name, row) in enumerate(found.items()):
            cells = [_cell(column, row) for column in columns]
            lines.append(f"| {'' if place else workload} | {name} | {' | '.join(cells)} |")
    return lines


def _columns(row: dict[str, Any]) -> list[str]:
    columns = {
        "ms (range)": "seconds",
        "samples/s": "samples/s",
        "times the first": "times the first",
        "of the roofline": "share",
        "first step, s": "first step",
        "next steps, ms": "step",
        "memory, MB": "memory",
        "parts": "shares",
    }
    return [title for title, key in columns.items() if key in row]


def _cell(column: str, row: dict[str, Any]) -> str:
    match column:
        case "ms (range)":
            median, low, high = (f"{1e3 * each:.3g}" for each in row["seconds"])
            return f"{median} ({low} to {high})"
        case "samples/s":
            return f"{row['samples/s']:,.0f}"
        case "times the first":
            return f"{row['times the first']:.2f}"
        case "of the roofline":
            return f"{row['share']:.0%}"
        case "next steps, ms":
            return f"{1e3 * row['step']:.1f}"
        case "parts":
            return ", ".join(f"{name} {part:.0%}" for name, part in row["shares"].items())
        case "first step, s":
            return f"{row['first step']:.1f}"
        case _:
            return f"{row['memory'] / 1e6:.0f}"


def speed(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of the project's page: samples a second of what a user waits for."""
    lines: list[str] = []
    for each in results.values():
        about, sections = each["machine"], each["sections"]
        if not {"simulation", "epoch"} <= sections.keys():
            continue
        device = about["gpu"] or f"{about['cores']} CPU cores"
        device += ", memory kept" if each.get("memory kept") else ""
        names = list(next(iter(sections["epoch"].values())))
        lines += ["", f"| {device} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
        rows = {"simulation, 224 px": sections["simulation"]["pictures of 224 px"]}
        rows |= {f"training, {name}": row for name, row in sections["epoch"].items()}
        for title, row in rows.items():
            cells = (f"{row[n]['samples/s']:,.0f}" if n in row else "—" for n in names)
            lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines[1:] or ["These figures are pending."]) + "\n"


def aims(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of what was aimed at beside what the CPU reaches in zoojax and zootorch."""
    lines: list[str] = []
    for each in results.values():
        if each["machine"]["gpu"] or "epoch" not in each["sections"]:
            continue
        kept = ", memory kept" if each.get("memory kept") else ""
        heading = f"{each['machine']['cores']} cores{kept}"
        lines += [
            "",
            f"| {heading} | aim, zoojax | zoojax | best of zootorch |",
            "|---|---|---|---|",
        ]
        rows = {"simulation": (3.5, *each["sections"].get("simulation", {}).values())}
        rows |= {
            f"epoch, {name}": (AIMS[name.partition(",")[0]], row)
            for name, row in each["sections"]["epoch"].items()
        }
        for name, (aim, *found) in rows.items():
            if found:
                ours, theirs = (_most(found[0], backend) for backend in ("zoojax", "zootorch"))
                lines.append(f"| {name} | {aim} | {ours:.2f} | {theirs:.2f} |")
    return "\n".join(lines[1:]) + "\n"


def _most(found: dict[str, dict[str, float]], backend: str) -> float:
    """Return how many times the plain loop's speed the fastest contender of a backend has."""
    return max(row["times the first"] for name, row in found.items() if name.startswith(backend))


def draw(results: dict[str, Any]) -> Figure:
    """Draw how many times the plain loop's epochs both backends make."""
    epochs = results["sections"]["epoch"]
    names = [name for name in next(iter(epochs.values())) if name != "plain"]
    figure = Figure(figsize=(8, 1 + 0.55 * len(epochs)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(names)
    for place, name in enumerate(names):
        ratios = [each[name]["times the first"] for each in epochs.values()]
        ys = [i + place * height for i in range(len(epochs))]
        bars = axes.barh(ys, ratios, height, label=name)
        axes.bar_label(bars, fmt="%.2g", padding=2, bbox={"fc": "white", "ec": "none", "pad": 0})
    axes.axvline(1, color="black", linewidth=1, linestyle="--", label="plain")
    axes.set_yticks([i + 0.4 - height / 2 for i in range(len(epochs))], list(epochs))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axes.set_xlabel("epochs in the time of one of the plain loop")
    axes.legend(loc="lower right")
    return figure


def with_tables(text: str) -> str:
    """Return the text of a page with the tables in their places."""
    found = load()
    summaries = shape_tables.load(RESULTS / "shapes")
    made = {
        "results": "\n".join(tables(name, each) for name, each in found.items()),
        "speed": speed(found),
        "aims": aims(found),
        "shapes": shape_tables.overview(summaries),
        "shapes in full": shape_tables.in_full(summaries),
    }
    return MARKS.sub(lambda match: match[1] + made[match["name"]] + match[3], text)


def main() -> None:
    """Write the tables and the figures."""
    for page in (README, FRONT):
        page.write_text(with_tables(page.read_text()))
    for name, results in load().items():
        if "epoch" in results["sections"]:
            figures.save_figure(draw(results), RESULTS / f"{name}.png")


if __name__ == "__main__":
    main()
