import h5py
import numpy as np
import pytest

from imbalens.store.hdf5_links import find_foreign

VALUES = np.arange(6, dtype=np.uint8)


@pytest.fixture
def file(tmp_path):
    """Return a file with datasets of its own, beside another file."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["group/values"] = VALUES
        other["values"] = VALUES
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["values"] = VALUES
        file["group/values"] = VALUES
        file["group/up"] = h5py.SoftLink("/values")
        file["soft"] = h5py.SoftLink("/group")
        file["near"] = h5py.SoftLink("group/./up")
        file["foreign"] = h5py.ExternalLink("other.h5", "/values")
        file["group/foreign"] = h5py.ExternalLink("other.h5", "/group")
        file["hop"] = h5py.SoftLink("/soft/foreign/values")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["circle"] = h5py.SoftLink("/circle")
        file["wide0"] = h5py.SoftLink(".")
        for i in range(15):
            file[f"wide{i + 1}"] = h5py.SoftLink("/".join([f"wide{i}"] * 99))
        yield file


@pytest.mark.parametrize(
    "name", ["values", "/values", "group/values", "group/up", "soft/values", "soft/up", "near"]
)
def test_what_is_in_the_file_is_not_foreign(file, name):
    assert (file[name][:] == VALUES).all()
    assert find_foreign(file, name) is None
    assert find_foreign(file["group"], f"/{name}") is None


@pytest.mark.parametrize("name", ["nothing", "group", "group/none", "values/x", "dangling", "a/b"])
def test_what_is_no_dataset_is_not_foreign(file, name):
    assert find_foreign(file, name) is None


@pytest.mark.parametrize("name", ["foreign", "group/foreign/values", "soft/foreign/values", "hop"])
def test_a_link_that_leaves_the_file_is_found(file, name):
    assert (file[name][:] == VALUES).all()
    assert find_foreign(file, name) == "is a link to another file, 'other.h5'"


@pytest.mark.parametrize("name", ["circle", "wide15"])
def test_links_come_to_an_end(file, name):
    assert find_foreign(file, name) == "is found through more than 16 links"


def test_a_link_that_a_program_defines_is_not_followed(file, monkeypatch):
    def unknown(*_, **__):
        raise TypeError("Unknown link type")

    monkeypatch.setattr(h5py.Group, "get", unknown)
    assert find_foreign(file, "values") == "is a link of unknown kind ('values')"


def test_the_bytes_of_another_file_are_found(file, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    secret = str(tmp_path / "secret")
    file.create_dataset("text", (6,), "uint8", external=[(secret, 0, 6)])
    assert file["text"][:].tobytes() == b"secret"
    assert find_foreign(file, "text") == f"is stored in another file, {secret!r}"


@pytest.mark.parametrize("source", ["other.h5", "gone.h5", "."])
def test_a_virtual_dataset_is_found_with_or_without_its_source(file, source):
    layout = h5py.VirtualLayout((6,), "uint8")
    layout[:] = h5py.VirtualSource(source, "values", (6,), "uint8")
    file.create_virtual_dataset("virtual", layout)
    assert find_foreign(file, "virtual") == "is a virtual dataset, made of others"


def test_values_that_were_never_written_are_found(file):
    file.create_dataset("late", (2**40,), "uint8")
    assert find_foreign(file, "late") == "was never written"
    part = file.create_dataset("part", (2, 7), "uint8", chunks=(1, 3), compression="gzip")
    assert find_foreign(file, "part") == "was never written in 6 of its 6 chunks"
    part[0] = 0
    assert find_foreign(file, "part") == "was never written in 3 of its 6 chunks"
    part[1] = 0
    assert find_foreign(file, "part") is None


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (np.empty((0, 3)), {"maxshape": (None, 3)}),
        (np.empty((0, 3)), {}),
        (np.zeros((300, 300)), {"chunks": (7, 90)}),
        (np.zeros((300, 300)), {}),
        (["a", ""], {}),
        (7, {}),
        (h5py.Empty("f"), {}),
    ],
)
def test_whatever_was_written_whole_is_not_foreign(file, content, options):
    file.create_dataset("whole", data=content, **options)
    assert find_foreign(file, "whole") is None
