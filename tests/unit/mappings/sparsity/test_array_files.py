"""Arrays of model files by name, and what is wrong with the others."""

from __future__ import annotations

import builtins
import io
import json
import struct
import zipfile

import h5py
import numpy as np
import pytest
import safetensors.numpy

from stallscope.mappings.sparsity.array_files import read_array
from stallscope.simcore.errors import SpecError

VALUES = np.arange(-12.0, 12.0, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def files(tmp_path):
    """One model in every format; names as the frameworks give them."""
    np.savez(tmp_path / "model.npz", conv=VALUES, fc=VALUES[0])
    np.save(tmp_path / "one.npy", VALUES)
    safetensors.numpy.save_file(
        {"body.conv.weight": VALUES, "head.conv.weight": VALUES[:1], "fc.weight": VALUES[0]},
        tmp_path / "model.safetensors",
    )
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file["model_weights/conv/conv/kernel:0"] = VALUES
        file["model_weights/fc/fc/kernel:0"] = VALUES[0]
    inside = io.BytesIO()
    with h5py.File(inside, "w") as file:
        file["layers/conv2d/vars/0"] = VALUES
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", inside.getvalue())
    return tmp_path


@pytest.mark.parametrize(
    ("name", "entry", "source", "order"),
    [
        ("model.npz", "conv", "model.npz: conv", "own"),
        ("one.npy", None, "one.npy", "own"),
        ("model.safetensors", "body.conv.weight", "model.safetensors: body.conv.weight", "torch"),
        (
            "model.h5",
            "conv/kernel:0",
            "model.h5: model_weights/conv/conv/kernel:0",
            "keras",
        ),
        ("model.keras", None, "model.keras: layers/conv2d/vars/0", "keras"),
    ],
)
def test_an_array_is_found_by_the_end_of_its_name(files, name, entry, source, order):
    found = read_array(files / name, entry)
    assert np.array_equal(found.values, VALUES)
    assert (found.source, found.order) == (source, order)
    assert found.file.path == str(files / name)
    assert len(found.file.sha256) == 64


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("model.npz", "conf", r"x\.entry = conf: .*model.npz has 0 arrays conf; did you mean conv"),
        ("model.npz", None, "x.file = .*model.npz: holds 2 arrays: conv, fc; name one as entry"),
        ("model.safetensors", "conv.weight", "has 2 arrays conv.weight; give all of the name: "
         "body.conv.weight, head.conv.weight"),
        ("model.h5", "kernel", "has 0 arrays kernel"),
        ("none.npz", None, "cannot be read: No such file"),
        ("none.h5", None, "cannot be read: No such file"),
        ("none.keras", None, "cannot be read: No such file"),
        ("none.safetensors", None, "cannot be read: No such file"),
        ("model.pt", None, "has no known ending: .npz, .npy, .safetensors, .h5, .hdf5, .keras; "
         "save Torch's weights by safetensors.torch.save_file"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(files, name, entry, message):
    with pytest.raises(SpecError, match=message):
        read_array(files / name, entry, place="x")


@pytest.mark.parametrize(
    ("name", "message"),
    [("a.npz", "not a NumPy file"), ("a.safetensors", "not a .safetensors file"),
     ("a.h5", "not an HDF5 file"), ("a.keras", "no archive with model.weights.h5")],
)  # fmt: skip
@pytest.mark.parametrize("data", [b"", b"nothing of the kind", b"PK\x03\x04 nor this"])
def test_damaged_files_are_refused(tmp_path, name, message, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SpecError, match=message):
        read_array(tmp_path / name, "x")


def test_objects_and_texts_are_no_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object), b=np.array(["x"]))
    with pytest.raises(SpecError, match="not a NumPy file of numbers"):
        read_array(tmp_path / "a.npz", "a")
    with pytest.raises(SpecError, match="b holds <U1, no numbers"):
        read_array(tmp_path / "a.npz", "b")


def test_short_floats_that_numpy_lacks_are_read(tmp_path):
    """Three bfloat16 numbers: 1.5, 0 and -2, whose bits are the upper halves of float32's."""
    data = struct.pack("<3H", 0x3FC0, 0, 0xC000)
    head = json.dumps({"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)
    assert read_array(path).values.tolist() == [1.5, 0, -2]


@pytest.mark.parametrize(
    ("name", "package"), [("model.safetensors", "safetensors"), ("model.h5", "h5py")]
)
def test_a_missing_package_is_named(files, monkeypatch, name, package):
    real = builtins.__import__

    def without(name, *rest):
        if name == package:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    message = rf"needs the package {package}, which is not installed; pip install .stallscope\[mod"
    with pytest.raises(SpecError, match=message):
        read_array(files / name, "conv")
