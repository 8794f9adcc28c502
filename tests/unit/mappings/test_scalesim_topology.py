"""SCALE-Sim's topology tables: both forms, what files of theirs look like, and what is named.

The rows are in the form of tables that come with SCALE-Sim 1 to 3: a missing last comma, rows of
commas only, columns of somebody's spreadsheet, tabs, a name twice. Figures: SCALE-Sim 3.0.0 gives
28x28 by 1x1 at stride 2 an output of 15x15 (3 600 words of 16 filters, measured).
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stallscope.catalog import load_network, network_of
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.scalesim import Form, KeptWeights, Topology, read_topology
from stallscope.simcore.errors import SpecError

CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"  # noqa: E501 (the header as it is)


def written(folder: Path, text: str, name: str = "net.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def read(folder: Path, text: str, form: Form | None = None) -> Topology:
    return read_topology(written(folder, text), form)


def faults(folder: Path, text: str) -> list[str]:
    file = written(folder, text)
    with pytest.raises(SpecError) as raised:
        read_topology(file)
    return [str(fault).removeprefix(f"{file}:") for fault in raised.value.faults]


def test_a_convolution_table(tmp_path: Path) -> None:
    found = read(
        tmp_path, CONV + "Conv1, 227, 227, 11, 11, 3, 96, 4,\nFC, 1, 1, 1, 1, 9216, 10, 1,\n"
    )
    assert found.form is Form.CONV
    assert found.network.name == "net"
    first, second = found.network.layers
    assert first.name == "Conv1"
    assert first.shape == ConvLayer(C=3, K=96, P=55, Q=55, R=11, S=11, stride=4)
    assert second.shape == ConvLayer(C=9216, K=10, P=1, Q=1, R=1, S=1)
    assert (found.network.notes, found.ignored, found.sparsity) == ((), (), ())


def test_a_product_table(tmp_path: Path) -> None:
    found = read(tmp_path, "Layer,M,N,K\nQKT,1024,512,64\nAV, 8, 9, 10,\n")
    assert found.form is Form.GEMM
    assert [layer.shape for layer in found.network.layers] == [
        GemmLayer(M=1024, N=512, K=64), GemmLayer(M=8, N=9, K=10),
    ]  # fmt: skip


def test_spreadsheets_leave_blank_rows_and_columns(tmp_path: Path) -> None:
    text = (
        CONV.strip() + ",,Eh,Ew\r\n,,,,,,,,,,\r\n\r\nConv1,224,224,7,7,3,64,1,,,110,x\r\n"
        "\tConv2,56,56,1,1,64,64,1\r\nConv3,56,56,3,3,64,64,1,#dw\r\n"
    )
    found = read(tmp_path, text)
    assert [layer.name for layer in found.network.layers] == ["Conv1", "Conv2", "Conv3"]
    ignored = [(one.field, one.value) for one in found.ignored]
    assert ignored == [("column 9", "#dw"), ("Eh", "110"), ("Ew", "x")]
    assert found.network.notes[1] == (
        f"{tmp_path / 'net.csv'}:4: Eh (110) is ignored: past the columns that SCALE-Sim reads of "
        "a conv table"
    )


def test_a_column_of_many_rows_is_named_once(tmp_path: Path) -> None:
    rows = "".join(f"c{index},9,9,3,3,1,1,1,note\n" for index in range(5))
    (one,) = read(tmp_path, CONV + rows).ignored
    assert (one.field, one.value) == ("column 9", "5 rows")


def test_outputs_round_up_as_scale_sims_do_and_say_so(tmp_path: Path) -> None:
    found = read(tmp_path, CONV + "a, 28, 28, 1, 1, 64, 16, 2,\nb, 27, 27, 1, 1, 64, 16, 2,\n")
    up, even = found.network.layers
    assert isinstance(up.shape, ConvLayer)
    assert isinstance(even.shape, ConvLayer)
    assert up.shape.K * up.shape.P * up.shape.Q == 3600
    assert even.shape.K * even.shape.P * even.shape.Q == 3136
    assert up.assumptions == (
        "15x15 outputs by SCALE-Sim's rule, which rounds up; rounding down gives 14x14. The last "
        "windows reach 1 rows and 1 columns past the input, which are stored and moved",
    )
    assert even.assumptions == ()
    assert found.network.notes == (f"{tmp_path / 'net.csv'}:2: a: {up.assumptions[0]}",)


@given(size=st.integers(1, 60), filter_size=st.integers(1, 12), stride=st.integers(1, 6))
def test_outputs_are_what_the_rule_says(size: int, filter_size: int, stride: int) -> None:
    expected = -(-(size - filter_size + stride) // stride)
    row = f"a,{size},{size},{filter_size},{filter_size},1,1,{stride}"
    with TemporaryDirectory() as folder:
        if expected < 1:
            assert all(
                "is larger than the input" in one for one in faults(Path(folder), CONV + row)
            )
            return
        (layer,) = read(Path(folder), CONV + row).network.layers
    assert isinstance(layer.shape, ConvLayer)
    assert expected == layer.shape.P
    assert bool(layer.remarks) == (expected != (size - filter_size) // stride + 1)
    assert layer.shape.input_rows <= size or layer.remarks


def test_a_name_with_dp_is_depthwise(tmp_path: Path) -> None:
    (layer,) = read(tmp_path, CONV + "Conv2_DP, 14, 14, 3, 3, 32, 1, 1,\n").network.layers
    assert layer.shape == ConvLayer(C=32, K=32, P=12, Q=12, R=3, S=3, groups=32)
    assert layer.remarks == (
        "DP in its name: 32 groups of one channel, which SCALE-Sim runs as 32 layers",
    )


@pytest.mark.parametrize(
    "row", ["CONV_1, 5, 5, 3, 3, 2, 6, 1, 2:4,", "CONV_1,5,5,3,3,2,6,1, 2 : 4"]
)
def test_kept_weights_are_named_and_not_modelled(tmp_path: Path, row: str) -> None:
    found = read(tmp_path, CONV.strip() + " Sparsity,\n" + row)
    assert found.sparsity == (KeptWeights(layer="CONV_1", kept=2, of=4),)
    assert found.network.layers[0].remarks == (
        "2:4 sparsity of the weights is ignored: run as dense",
    )
    assert found.ignored == ()


def test_all_weights_kept_is_nothing_to_say(tmp_path: Path) -> None:
    found = read(tmp_path, "Layer, M, N, K, Sparsity,\nG, 3, 5, 16, 4:4,\n")
    assert (found.sparsity, found.network.notes) == ((), ())


def test_a_name_that_comes_twice_is_numbered(tmp_path: Path) -> None:
    found = read(tmp_path, "Layer,M,N,K\nG,1,1,1\nG (2),2,1,1\nG,3,1,1\nG,4,1,1\n")
    assert [layer.name for layer in found.network.layers] == ["G", "G (2)", "G (3)", "G (4)"]
    assert "G is there already, here it is G (3)" in found.network.notes[0]


def test_a_table_without_a_header_keeps_its_first_layer(tmp_path: Path) -> None:
    conv = read(tmp_path, "a,9,9,3,3,1,1,1,\nb,9,9,3,3,1,1,1,\n")
    assert (conv.form, len(conv.network.layers)) == (Form.CONV, 2)
    assert (
        "the first row is a layer, which SCALE-Sim would take for a header"
        in (conv.network.notes[0])
    )
    assert read(tmp_path, "a,9,9,3\n").form is Form.GEMM


def test_the_form_can_be_said(tmp_path: Path) -> None:
    found = read(tmp_path, "what,x,y,z,and,more,,,\na,9,8,7,6,5,4,3,\n", Form.GEMM)
    assert found.network.layers[0].shape == GemmLayer(M=9, N=8, K=7)
    assert len(found.ignored) == 4


def test_every_fault_comes_with_its_line(tmp_path: Path) -> None:
    rows = "a,9,9,3,3,1,1\nb,9,0,3,3,x,1,1\n,9,9,3,3,1,1,1\nc,2,9,3,3,1,1,1\nd,9,9,3,3,1,1,1,5:4\n"
    assert faults(tmp_path, CONV + rows) == [
        "2: a.Strides: is missing: a row of a conv table has a name and 7 figures",
        "3: b.IFMAP Width = 0: needs a whole number >= 1",
        "3: b.Channels = x: needs a whole number >= 1",
        "4: layer.name: needs a name",
        "5: c.Filter Height = 3: is larger than the input of 2; enlarge the input",
        "6: d.Sparsity = 5:4: needs N:M with 1 <= N <= M; such as 2:4",
    ]


NO_ROW = "row has 0 figures: a convolution has 7, a matrix product M, N and K"


@pytest.mark.parametrize(("text", "rule"), [
    ("", "1: file: has no layers; give rows: conv1"),
    (CONV, "1: file: has no layers"),
    ("a,1,2\n", "1: file: row has 2 figures: a convolution has 7, a matrix product M, N and K"),
    ("l;M;N\na;1;2\n", f"2: file: {NO_ROW}; separate columns with commas"),
    ("l\tM\tN\na\t1\t2\n", f"2: file: {NO_ROW}; separate columns with commas"),
    ("\nLayer,M,K,N\na,1,2,3\n", "2: file: the header says M, K, N, SCALE-Sim reads M, N, K"),
])  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, rule: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert fault.startswith(rule)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_topology(tmp_path / "absent.csv")
    binary = tmp_path / "net.csv"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match=r"net.csv:1: file: is not UTF-8"):
        read_topology(binary)


def test_a_network_may_be_such_a_table(tmp_path: Path) -> None:
    file = written(tmp_path, "Layer,M,N,K\nG,1,2,3\n", "Small.CSV")
    network = load_network(network_of(str(file)))
    assert (network.name, network.macs) == ("Small", 6)
    assert network.files[0].path == str(file)
