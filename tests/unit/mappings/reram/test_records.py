"""Records of the best schedules: kept, never made worse, refused when they are not records."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.explore import Objective, candidate_of
from stallscope.mappings.reram.records import (
    chip_digest,
    keep_best,
    read_records,
    recorded,
)
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.reram.tile import EXAMPLE, case, tile

UPDATES = Objective.UPDATES


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.json"


def test_what_is_kept_is_found_again(path):
    """By the same layer, chip and objective; by nothing else."""
    best = candidate_of(case(EXAMPLE, "h4"))

    assert recorded(path, EXAMPLE, tile(), UPDATES) is None
    keep_best(path, EXAMPLE, tile(), UPDATES, best)

    assert recorded(path, EXAMPLE, tile(), UPDATES) == best
    assert recorded(path, EXAMPLE, tile(name="another name"), UPDATES) == best
    assert recorded(path, EXAMPLE, tile(cores=2), UPDATES) is None
    assert recorded(path, EXAMPLE, tile(), Objective.CYCLES) is None
    assert recorded(path, EXAMPLE.model_copy(update={"K": 128}), tile(), UPDATES) is None


def test_a_worse_schedule_changes_nothing(path):
    """The record is returned in its place, and the file stays as it is."""
    better, worse = candidate_of(case(EXAMPLE, "h7")), candidate_of(case(EXAMPLE, "h4"))
    keep_best(path, EXAMPLE, tile(), UPDATES, better)
    before = path.read_bytes()

    assert keep_best(path, EXAMPLE, tile(), UPDATES, worse) == better
    assert path.read_bytes() == before


def test_a_better_schedule_takes_its_place_alone(path):
    """Other layers' records stay."""
    other = ConvLayer(C=64, K=64, P=8, Q=8, R=1, S=1)
    better, worse = candidate_of(case(EXAMPLE, "h7")), candidate_of(case(EXAMPLE, "h4"))
    keep_best(path, EXAMPLE, tile(), UPDATES, worse)
    keep_best(path, other, tile(), UPDATES, candidate_of(case(other)))

    assert keep_best(path, EXAMPLE, tile(), UPDATES, better) == better
    assert [record.updates for record in read_records(path)] == [8, 1]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_writers_do_not_lose_each_others_records(path):
    """Eight at once, each with a layer of its own."""
    layers = [ConvLayer(C=64, K=64, P=size, Q=8, R=1, S=1) for size in range(1, 9)]

    def keep(layer):
        keep_best(path, layer, tile(), UPDATES, candidate_of(case(layer)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, layers))

    assert {record.layer for record in read_records(path)} == set(layers)


def test_energies_are_part_of_the_chip_where_they_matter():
    """Another table may have another best schedule; its source is no figure."""
    table = EnergyTable(source="a")

    assert chip_digest(tile(), UPDATES, table) == chip_digest(tile(), UPDATES)
    assert chip_digest(tile(), Objective.ENERGY, table) != chip_digest(tile(), Objective.ENERGY)
    assert chip_digest(tile(), Objective.ENERGY, table) == chip_digest(
        tile(), Objective.ENERGY, EnergyTable(source="b")
    )


def test_figures_of_a_record_are_made_anew(path):
    """Whoever edits a figure in the file gains nothing by it."""
    best = candidate_of(case(EXAMPLE, "h4"))
    keep_best(path, EXAMPLE, tile(), UPDATES, best)
    path.write_text(path.read_text().replace('"updates":14', '"updates":1').replace(
        '"updates": 14', '"updates": 1'
    ))  # fmt: skip

    better = candidate_of(case(EXAMPLE, "h7"))

    assert read_records(path)[0].updates == 1
    assert keep_best(path, EXAMPLE, tile(), UPDATES, better) == better


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "is not JSON"),
        ("[]", "has no key 'crossbar_schedules'"),
        ('{"program": 1}', "has no key 'crossbar_schedules'"),
        ('{"crossbar_schedules": 2, "records": []}', "crossbar_schedules = 2: .* version 1"),
        ('{"crossbar_schedules": true}', "reads version 1"),
        ('{"crossbar_schedules": 1, "records": [{"layer": 3}]}', r"records\.0\.layer"),
        ('{"crossbar_schedules": 1, "more": 1}', r"more = 1: extra inputs"),
    ],
)
def test_files_that_are_no_records_are_refused_and_left_alone(path, text, match):
    """Neither read nor overwritten."""
    path.write_text(text)

    with pytest.raises(SpecError, match=match):
        keep_best(path, EXAMPLE, tile(), UPDATES, candidate_of(case(EXAMPLE)))

    assert path.read_text() == text


def test_two_records_of_one_thing_are_refused(path):
    """Nobody could say which one holds."""
    keep_best(path, EXAMPLE, tile(), UPDATES, candidate_of(case(EXAMPLE)))
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "records": content["records"] * 2}))

    with pytest.raises(SpecError, match="two records"):
        read_records(path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """Nothing is made on the way."""
    with pytest.raises(SpecError, match="its folder is not there"):
        keep_best(
            tmp_path / "none" / "a.json", EXAMPLE, tile(), UPDATES, candidate_of(case(EXAMPLE))
        )
