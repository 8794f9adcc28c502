"""Putting the page together: a folder in, one file out that needs nothing else.

The template escapes whatever it is given, names of the user's files included; a policy in the page
forbids every load from elsewhere and every script but the page's own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from stallscope.options import read_window
from stallscope.report.outputs import check_free, write_file
from stallscope.report.page.chain import chain_lines
from stallscope.report.page.counts import component_energies, level_table, network_table, ports
from stallscope.report.page.hovering import hover_data
from stallscope.report.page.imbalance import work_map
from stallscope.report.page.over_time import over_time
from stallscope.report.page.palette import STATES, TONES, letter, ramp, tone
from stallscope.report.page.reading import Recorded, Run, read_folder
from stallscope.report.page.stacks import parts, summary, unit_lines
from stallscope.report.page.timeline import timeline
from stallscope.report.tables import crossbar_lines, energy, percent, seconds, whole
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.columns import MULTIPLYING

__all__ = ["page_text", "report_folder"]

PAGE = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"


def report_folder(
    folder: Path, *, out: Path | None = None, window: str | None = None, force: bool = False
) -> Path:
    """Write the page of a run.

    Args:
        folder: The ``--out`` folder of the run.
        out: The file to write; None: ``report.html`` in the folder.
        window: Cycles of the timeline as ``A:B``; None: some around the middle of the run.
        force: Whether the file may be replaced.

    Returns:
        The file written.

    Raises:
        SpecError: The folder holds no run, or the file is there already.
    """
    cycles = None if window is None else read_window(window)
    place = folder / PAGE if out is None else out
    check_free(place, force=force)
    text = page_text(read_folder(folder), cycles)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_file(place, lambda partial: partial.write_text(text, encoding="utf-8"))
    return place


def page_text(recorded: Recorded, window: tuple[int, int] | None = None) -> str:
    """Return the page.

    Args:
        recorded: What a run's folder holds.
        window: Cycles of the timeline; None: some around the middle of the run.

    Raises:
        SpecError: The window is not in the trace, or the extra is not installed.
    """
    environment = _environment()
    run, trace = recorded.run, recorded.trace
    if window is not None and trace is None:
        asked = f"{window[0]}:{window[1]}"
        raise _refused("--window", asked, "needs a trace", "run again with --trace full")
    components = [] if run is None else _components(run)
    if trace is not None:
        components += sorted({price[0] for price in trace.meta.prices} - set(components))
        components += ["leakage"] if trace.meta.leakage_pj_per_cycle else []
    time = None if trace is None else over_time(trace, components)
    shown = None if trace is None else timeline(trace, window)
    script = (_TEMPLATES / "hover.js").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    template = environment.get_template("page.html")
    text: str = template.render(
        run=run,
        trace=trace,
        meta=None if trace is None else trace.meta,
        name=_name(recorded),
        chain=[] if trace is None else chain_lines(trace),
        time=time,
        window=shown,
        hover=hover_data(time, shown, components),
        components=components,
        ramps={mode: ramp(len(components), mode) for mode in ("light", "dark")},
        script=script,
        digest=digest,
        **({} if run is None else _figures(run)),
    )
    return text


def _figures(run: Run) -> Mapping[str, Any]:  # Any: what the template reads
    levels, networks = level_table(run), network_table(run)
    causes = {"fill": run.fill_causes, "drain": run.drain_causes}
    return {
        "ratio": run.cycles / run.analytical.cycles,
        "summary": summary(run),
        "stack": parts(run.cycle_stack, causes),
        "pes": parts(run.pe_stack),
        "pe_cycles": sum(run.pe_stack.values()),
        "levels": levels,
        "networks": networks,
        "differences": levels.differences + networks.differences,
        "ports": ports(run),
        "units": unit_lines(run.units),
        "energies": component_energies(run),
        "crossbars": [] if run.reram is None else crossbar_lines(run.reram.model_dump()),
        "work": None if run.sparsity is None else work_map(run.sparsity),
        "files": list(zip(run.inputs.files, run.inputs.sha256, strict=False)),
        "room": {
            (level.name, tensor): level.capacity_words
            for level in run.levels
            for tensor in level.tensors
        },
    }


def _components(run: Run) -> list[str]:
    """Levels and networks from the outermost to the innermost, then the MACs."""
    names: dict[str, None] = {}
    networks = [network.name for network in run.networks]
    for level in run.levels:
        names[level.name] = None
        names |= {name: None for name in networks if name.startswith(f"{level.name} ")}
    names |= dict.fromkeys(networks)
    names[run.compute.name] = None
    priced = {line.component for line in run.ledger}
    order = [name for name in names if name in priced]
    return order + sorted(priced - set(order))


def _name(recorded: Recorded) -> str:
    if recorded.run is not None:
        return recorded.run.name
    return "" if recorded.trace is None else recorded.trace.meta.name


def _environment() -> Any:  # Any: the package is an extra
    try:
        import jinja2  # the extra
    except ImportError as error:
        remedy = "pip install 'stallscope[report]'"
        raise _refused("report", "", "needs the extra [report]: jinja2", remedy) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "whole": whole, "percent": percent, "energy": energy, "seconds": seconds, "tone": tone,
        "letter": letter, "arrow": _arrow, "share": _share,
    }  # fmt: skip
    environment.globals |= {"tones": TONES, "states": STATES, "multiplying": MULTIPLYING}
    return environment


def _share(value: float) -> str:
    """Write a share; one that would be rounded to nothing as what it is less than."""
    return "< 0.1 %" if 0 < value < 0.0005 else percent(value)


def _arrow(name: str) -> str:
    return name.replace("->", " → ")


def _refused(place: str, value: str, rule: str, remedy: str) -> SpecError:
    return SpecError([Fault(place=place, value=value, rule=rule, remedy=remedy)])
