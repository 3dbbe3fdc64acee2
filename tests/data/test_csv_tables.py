import pytest

from imbalens.data.csv_tables import read_rows
from imbalens.errors import InputError


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_path_may_be_long_and_other_values_may_not(tmp_path):
    path = write(tmp_path / "t.csv", "file,group", f"{'a/' * 2000}b.png,x")
    ((_, values),) = read_rows(path, ("file", "group"), long=("file",))
    assert values == (f"{'a/' * 2000}b.png", "x")
    with pytest.raises(InputError, match=r"line 2: found '.*\(4,005 .*at most 255 "):
        list(read_rows(path, ("file", "group")))
    write(path, "file,group", f"{'a/' * 3000}b.png,x")
    with pytest.raises(InputError, match=r"\(6,005 characters\); allowed: at most 4,096 printabl"):
        list(read_rows(path, ("file", "group"), long=("file",)))


def test_blanks_around_the_names_of_columns_do_not_count(tmp_path):
    path = write(tmp_path / "t.csv", "file, group ,more", "a.png, x,y")
    assert [values for _, values in read_rows(path, ("group", "file"))] == [(" x", "a.png")]
    write(path, "group, group", "x,y")
    with pytest.raises(InputError, match="has several columns 'group'"):
        list(read_rows(path, ("group",)))
