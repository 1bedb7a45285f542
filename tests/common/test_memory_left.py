"""How much memory is left, where a container or a hub allows less than the machine has."""

from __future__ import annotations

import pytest

from lessonlib.common import memory_left

GB = 10**9


def group(folder, version, limit, used, kept=0):
    """The files of one control group, as the kernel shows them."""
    most, now, line = memory_left.FILES[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / most).write_text(f"{limit}\n", encoding="utf-8")
    (folder / now).write_text(f"{used}\n", encoding="utf-8")
    (folder / "memory.stat").write_text(f"cache 5\n{line} {kept}\nother 7\n", encoding="utf-8")


@pytest.fixture
def left(tmp_path):
    """left(membership) -> bytes that the groups under tmp_path leave."""

    def ask(membership):
        (tmp_path / "self").write_text(membership, encoding="utf-8")
        return memory_left.left_in_groups(tmp_path / "groups", tmp_path / "self")

    ask.groups = tmp_path / "groups"
    return ask


def test_the_limit_of_a_hub_counts_less_what_is_used(left):
    group(left.groups / "user.slice/ann", 2, 3 * GB, 2 * GB)
    assert left("0::/user.slice/ann\n") == 1 * GB


def test_copies_of_files_are_given_back_when_asked(left):
    group(left.groups / "ann", 2, 3 * GB, 2 * GB, kept=GB)
    assert left("0::/ann\n") == 2 * GB


def test_the_narrowest_of_all_groups_above_decides(left):
    group(left.groups / "room/ann", 2, "max", 1 * GB)
    group(left.groups / "room", 2, 4 * GB, 7 * GB // 2)
    group(left.groups, 2, 16 * GB, 4 * GB)
    assert left("0::/room/ann\n") == GB // 2


def test_version_1_has_other_files_and_a_large_number_for_no_limit(left):
    group(left.groups / "memory/ann", 1, 2 * GB, 1 * GB, kept=GB // 4)
    group(left.groups / "memory", 1, 9223372036854771712, 9 * GB)
    assert left("4:memory:/ann\n1:cpu:/ann\n0::/\n") == GB + GB // 4


def test_in_a_container_the_hosts_path_is_not_there(left):
    group(left.groups / "memory", 1, 2 * GB, 1 * GB)
    assert left("4:cpu,memory:/docker/4f2a\n") == GB


def test_more_in_use_than_allowed_leaves_nothing(left):
    group(left.groups / "ann", 2, GB, 2 * GB)
    assert left("0::/ann\n") == 0


def test_without_a_limit_or_without_groups_the_machine_decides(left, monkeypatch):
    group(left.groups / "ann", 2, "max", GB)
    assert left("0::/ann\n") is None
    assert memory_left.left_in_groups(left.groups / "none", left.groups / "none") is None
    monkeypatch.setattr(memory_left, "left_in_groups", lambda: None)
    assert memory_left.available_memory() > 10**8
    monkeypatch.setattr(memory_left, "left_in_groups", lambda: 7)
    assert memory_left.available_memory() == 7
