"""The page shows the figures of result.json, escapes them, loads nothing, and says what lacks."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stallscope.options import read_window
from stallscope.report.page import report_folder
from stallscope.report.page.chain import chain_lines
from stallscope.report.page.reading import read_folder
from stallscope.report.page.writing import page_text
from stallscope.simcore.errors import SpecError

EVIL = "<script>alert(1)</script>"
EMPTY_ELEMENTS = {"meta", "link", "br", "path", "img", "input", "hr"}


class Page(HTMLParser):
    """What a browser would make of the page: elements, text, and whether tags match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(folder: Path, window: tuple[int, int] | None = None) -> Page:
    return Page(page_text(read_folder(folder), window))


def document_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def change(folder: Path, **changes: object) -> None:
    document = document_of(folder) | changes
    (folder / "result.json").write_text(json.dumps(document))


def test_the_figures_are_those_of_the_result(run: Path) -> None:
    document, text = document_of(run), page_of(run).text
    figures = [document["cycles"], document["analytical"]["cycles"], document["problem"]["macs"]]
    figures += document["cycle_stack"].values()
    figures += document["pe_stack"].values()
    figures += [*document["fill_causes"].values(), *document["drain_causes"].values()]
    for unit in document["units"].values():
        figures += [unit["busy"], unit["idle"], sum(unit["waiting"].values())]
    for level in document["levels"]:
        for tensor in level["tensors"].values():
            figures += [tensor[key] for key in ("tile_words", "reads", "fills", "updates")]
    for network in document["networks"]:
        for tensor in network["tensors"].values():
            figures += [tensor["words_in"], tensor["deliveries"]]
    for figure in figures:
        assert not figure or f" {figure:,} " in text.replace(".", " ").replace(";", " "), figure
    ratio = document["cycles"] / document["analytical"]["cycles"]
    assert f"{ratio:.3f}" in text
    assert f"bound by {document['analytical']['bound_by']}" in text
    for name, share in document["cycle_stack"].items():
        assert not share or f"{100 * share / document['cycles']:.1f} %" in text, name
    for digest in document["inputs"]["sha256"]:
        assert digest in text
    for sentence in document["assumptions"]:
        assert sentence in text


def test_equal_counts_are_said_to_be_equal_and_others_are_marked(run: Path) -> None:
    assert "All of them are equal." in page_of(run).text
    analytical = document_of(run)["analytical"]
    analytical["levels"][0]["tensors"]["Inputs"]["reads"] += 1000
    change(run, analytical=analytical)
    page = page_of(run)
    assert "1 figure differs and is marked" in page.text
    marked = [tag for tag, given in page.elements if "differs" in (given.get("class") or "")]
    assert marked == ["span", "td"]
    assert "≠ 1,032" in page.text


def test_names_of_the_user_are_text(tmp_path: Path, tiny: Path, record) -> None:
    evil = f"{EVIL}\"'&</style>"
    text = tiny.read_text().replace("name: tiny", f"name: '{EVIL}'")
    for name in ("GLB", "Weights", "MAC", "DRAM"):
        text = text.replace(name, f"'{EVIL}{name}'")
    tiny.write_text(text)
    run = tmp_path / "run"
    stack = record(run, tiny)["cycle_stack"]
    change(run, assumptions=[evil], accelerator=evil, stallscope=evil, rules={evil: evil},
           cycle_stack={evil: stack.pop("compute")} | stack)  # fmt: skip
    text = page_text(read_folder(run))
    page = Page(text)
    assert "<script>alert" not in text
    assert text.count("</style>") == 1
    assert f"{EVIL}GLB" in page.text
    assert [given.get("type") for tag, given in page.elements if tag == "script"] == [
        "application/json",
        None,
    ]
    names = [lane["name"] for lane in json.loads(page.scripts[0])["units"]["lanes"]]
    assert names[0] == f"{EVIL}MAC"


def test_a_case_named_like_a_script_is_a_heading(tmp_path: Path, tiny: Path, record) -> None:
    tiny.write_text(tiny.read_text().replace("name: tiny", f"name: '{EVIL}'"))
    record(tmp_path / "run", tiny)
    text = page_text(read_folder(tmp_path / "run"))
    assert f"<h1>{EVIL}</h1>" not in text
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in text


def test_nothing_is_loaded_from_elsewhere(layer: Path) -> None:
    text = page_text(read_folder(layer))
    page = Page(text)
    assert not re.findall(r"https?:|url\(|@import|//[a-z]", re.sub(r"^ *//.*$| // .*$", "", text,
                                                                 flags=re.MULTILINE))  # fmt: skip
    for tag, given in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = given.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, value)
    policies = [given["content"] for _, given in page.elements if "http-equiv" in given]
    assert [(policy or "").split(";")[0] for policy in policies] == ["default-src 'none'"]


def test_the_page_of_a_layer_is_small(layer: Path) -> None:
    assert len(page_text(read_folder(layer)).encode()) < 300_000


def test_equal_folders_give_equal_pages(run: Path) -> None:
    assert page_text(read_folder(run)) == page_text(read_folder(run))


def test_without_a_trace_the_page_says_how_to_get_one(run: Path) -> None:
    for file in (run / "trace").iterdir():
        file.unlink()
    (run / "trace").rmdir()
    page = page_of(run)
    assert "--trace full" in page.text
    assert "Where the cycles go" in page.text
    assert not [tag for tag, _ in page.elements if tag in ("svg", "script")]
    with pytest.raises(SpecError, match="--window = 1:9: needs a trace; run again with --trace"):
        page_of(run, (1, 9))


def test_a_trace_of_a_window_shows_what_was_recorded(tmp_path: Path, tiny: Path, record) -> None:
    record(tmp_path / "run", tiny, level="window", window=(20, 60))
    text = page_of(tmp_path / "run").text
    assert "Cycles 20 to 60 were recorded." in text
    assert "Words held are shown for traces of all units from cycle 0 on" in text


def test_without_energies_there_is_no_power(tmp_path: Path, tiny: Path, record) -> None:
    tiny.write_text(tiny.read_text().split("energy:")[0])
    record(tmp_path / "run", tiny)
    page = page_of(tmp_path / "run")
    assert "no energy table" in page.text
    assert "Power" not in page.text


def test_leakage_and_networks_have_power_too(tmp_path: Path, tiny: Path, record) -> None:
    text = tiny.read_text().replace("area: 1000", "leak: 0.5")
    link = "network: {bandwidth: 4, hop_latency: 1, ingress_energy: 3}"
    tiny.write_text(text.replace("write_bandwidth: 4}", f"write_bandwidth: 4, {link}}}"))
    document = record(tmp_path / "run", tiny)
    network = document["networks"][1]["name"]
    assert {network, "GLB"} <= {line["component"] for line in document["ledger"]}
    page = page_of(tmp_path / "run")
    series = json.loads(page.scripts[0])["power"]["lanes"][0]["series"]
    assert {network, "leakage", "DRAM", "MAC"} <= {one["label"] for one in series}


def stop(folder: Path) -> None:
    """Make the trace that of a run that stopped."""
    place = folder / "trace" / "trace.json"
    place.write_text(place.read_text().replace('"is_complete": true', '"is_complete": false'))


def test_a_deadlocked_run_is_said_to_be_one(run: Path) -> None:
    stop(run)
    cycles = document_of(run)["cycles"]
    assert f"stopped in a deadlock at cycle {cycles:,}." in page_of(run).text
    (run / "result.json").unlink()
    page = page_of(run)
    assert "It left no result" in page.text
    assert "What every unit does" in page.text
    assert "Counts" not in page.text


def test_a_deadlock_before_anything_moved_is_a_page_too(run: Path) -> None:
    import pyarrow.parquet

    stop(run)
    (run / "result.json").unlink()
    trace = run / "trace"
    meta = json.loads((trace / "trace.json").read_text())
    (trace / "trace.json").write_text(json.dumps(meta | {"cycles": 0, "rows": 0, "repeats": 0}))
    for name in ("events", "repeats"):
        table = pyarrow.parquet.read_table(trace / f"{name}.parquet")
        pyarrow.parquet.write_table(table.slice(0, 0), trace / f"{name}.parquet")
    assert "nothing had moved yet" in page_of(run).text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "result.json").unlink(), "holds no result.json"),
        (lambda run: (run / "result.json").write_text("{"), "result.json.*is damaged: invalid"),
        (lambda run: (run / "result.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda run: change(run, cycles="many"), r"result.json.cycles = .*: is damaged: input"),
        (lambda run: change(run, cycles=1), "cycle_stack does not sum to cycles"),
        (lambda run: change(run, schema=9), "result.json.schema = .*: is damaged"),
        (lambda run: change(run, name="other"), "of another run than result.json: name differ"),
        (lambda run: (run / "result.json").write_text('{"layers": [], "total": {}}'),
         "is a network's result; the page explains one simulated case"),
        (lambda run: (run / "trace" / "trace.json").unlink(), "holds no trace.json"),
        (lambda run: (run / "trace" / "trace.json").write_text("{}"), "not a trace of a version"),
        (lambda run: (run / "trace" / "events.parquet").write_bytes(b"PAR1"), "is no whole"),
        (lambda run: (run / "trace" / "events.parquet").unlink(), "is no whole Parquet file"),
        (lambda run: (run / "trace" / "repeats.parquet").write_bytes(
            (run / "trace" / "events.parquet").read_bytes()), "is damaged: "),
    ],
)  # fmt: skip
def test_what_is_missing_or_damaged_is_named(run: Path, damage, message: str) -> None:
    damage(run)
    with pytest.raises(SpecError, match=message):
        report_folder(run)
    assert not (run / "report.html").exists()


def test_an_estimate_is_refused(run: Path) -> None:
    document = document_of(run)
    del document["cycle_stack"]
    (run / "result.json").write_text(json.dumps(document))
    with pytest.raises(SpecError, match="is no simulation's result; the page explains one"):
        report_folder(run)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is not a folder; name the --out folder of a run"):
        report_folder(tmp_path / "nowhere")


def test_older_results_have_no_accelerator_and_no_capacities(run: Path) -> None:
    document = document_of(run)
    del document["accelerator"]
    for level in document["levels"]:
        del level["capacity_words"]
    (run / "result.json").write_text(json.dumps(document))
    assert "Storage levels" in page_of(run).text


def test_the_file_is_replaced_only_when_asked(run: Path) -> None:
    assert run / "report.html" == report_folder(run)
    with pytest.raises(SpecError, match="exists; name another file or give --force"):
        report_folder(run)
    first = (run / "report.html").read_bytes()
    report_folder(run, force=True)
    assert first == (run / "report.html").read_bytes()
    assert [run / "report.html"] == [path for path in run.iterdir() if path.suffix == ".html"]
    with pytest.raises(SpecError, match="is a folder; name a file"):
        report_folder(run, out=run)


@pytest.mark.parametrize("text", ["", "5", "a:b", "-1:5", "5:", "²:5"])
def test_a_window_is_two_cycles(text: str) -> None:
    with pytest.raises(SpecError, match="is not a range of cycles; give A:B, as 1000:5000"):
        read_window(text)


def test_a_window_holds_cycles_of_the_run(run: Path) -> None:
    assert read_window("1:9") == (1, 9)
    with pytest.raises(SpecError, match="holds no cycle; give A smaller than B"):
        read_window("9:9")
    with pytest.raises(SpecError, match="must lie within the cycles recorded"):
        report_folder(run, window="999999:1000000")
    assert "Cycles 10 to 30, slice by slice" in page_of(run, (10, 30)).text


def test_without_the_extra_it_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(SpecError, match=r"needs the extra \[report\]: jinja2; pip install 'stall"):
        report_folder(run)


def test_the_page_says_what_took_the_time(run: Path) -> None:
    """The stretches shown, and the line for the rest, sum to the run."""
    trace = read_folder(run).trace
    assert trace is not None
    lines = chain_lines(trace)
    assert sum(line.amount for line in lines) == trace.cycles
    text = page_of(run).text
    assert "What took the time" in text
    assert lines[0].because in text
