"""What is free, by what files of control groups say, and under a limit of this process."""

import subprocess
import sys

import psutil
import pytest

from imbalens import memory
from imbalens.memory import control_groups_leave, free_memory

UNLIMITED = 9223372036854771712


def write_group(folder, *, version, limit, use, droppable=0):
    folder.mkdir(parents=True, exist_ok=True)
    names = {1: ("limit_in_bytes", "usage_in_bytes", "total_"), 2: ("max", "current", "")}
    of_limit, of_use, prefix = names[version]
    (folder / f"memory.{of_limit}").write_text(f"{limit}\n", encoding="ascii")
    (folder / f"memory.{of_use}").write_text(f"{use}\n", encoding="ascii")
    stat = f"anon 5\ninactive_file 7\n{prefix}inactive_file {droppable}\ntotal_rss 3\n"
    if version == 2:
        stat = f"anon 5\ninactive_file {droppable}\nactive_file 3\n"
    (folder / "memory.stat").write_text(stat, encoding="ascii")


def test_a_group_of_version_2_and_those_above_it_leave_what_they_do(tmp_path):
    write_group(tmp_path / "a", version=2, limit=900, use=400, droppable=50)
    write_group(tmp_path / "a/b", version=2, limit="max", use=10)
    write_group(tmp_path / "a/b/c", version=2, limit=700, use=10)
    write_group(tmp_path / "other", version=2, limit=1, use=1)
    assert sorted(control_groups_leave("0::/a/b/c\n", tmp_path)) == [550, 690]
    assert list(control_groups_leave("0::/a/b\n", tmp_path)) == [550]
    assert list(control_groups_leave("0::/\n", tmp_path)) == []


def test_a_group_of_version_1_is_found_by_its_controller(tmp_path):
    write_group(tmp_path / "memory", version=1, limit=UNLIMITED, use=100)
    write_group(tmp_path / "memory/job", version=1, limit=500, use=450, droppable=20)
    membership = "9:name=systemd:/\n4:cpu,memory:/job\n3:cpuset:/x\n0::/\n"
    assert sorted(control_groups_leave(membership, tmp_path)) == [70, UNLIMITED - 100]


def test_in_a_container_its_own_group_is_the_root(tmp_path):
    write_group(tmp_path, version=2, limit=800, use=300)
    assert list(control_groups_leave("0::/not/to/be/seen\n", tmp_path)) == [500]


@pytest.mark.parametrize("content", ["", "max\n", "many\n", "-1\n"])
def test_a_file_that_says_no_number_limits_nothing(tmp_path, content):
    write_group(tmp_path, version=2, limit=800, use=300)
    (tmp_path / "memory.max").write_text(content, encoding="ascii")
    assert list(control_groups_leave("0::/\n", tmp_path)) == []


def test_what_is_free_is_the_least_of_all(tmp_path, monkeypatch):
    (tmp_path / "membership").write_text("0::/a\n", encoding="ascii")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", tmp_path)
    assert 0 < free_memory() <= psutil.virtual_memory().total
    write_group(tmp_path / "a", version=2, limit=1000, use=400)
    assert free_memory() == 600
    write_group(tmp_path / "a", version=2, limit=1000, use=4000)
    assert free_memory() == 0
    (tmp_path / "membership").unlink()
    assert free_memory() > 1000


def test_a_limit_of_addresses_leaves_what_the_process_has_not_taken():
    pytest.importorskip("resource", reason="limits of addresses are of Unix")
    code = (
        "import resource, psutil; from imbalens.memory import free_memory;"
        "used = psutil.Process().memory_info().vms;"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY));"
        "print(free_memory())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert 2**25 < int(found.stdout) <= 2**26
