"""Writing files whole or not at all. How text is read is tested where it is used."""

import os
import stat
import threading

import pytest

from lessonlib.common.files import replacing, write_whole


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "board.json"
    path.write_text("the old text", encoding="utf-8")
    return path


def alone(path) -> bool:
    """No draft is left beside the file."""
    return list(path.parent.iterdir()) == [path]


def test_text_and_bytes_are_written_as_they_are(path):
    write_whole(path, "žluťoučký\n")
    assert path.read_bytes() == "žluťoučký\n".encode()
    write_whole(path, b"\x00\xff\r\n")
    assert path.read_bytes() == b"\x00\xff\r\n" and alone(path)


def test_a_new_file_is_made_but_no_folder(tmp_path):
    write_whole(tmp_path / "new.txt", "text")
    assert (tmp_path / "new.txt").read_text(encoding="utf-8") == "text"
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "new.txt", "text")


@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError("power cut"), KeyboardInterrupt()])
def test_what_stood_there_stays_when_writing_fails(path, monkeypatch, call, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(call, fail)
    with pytest.raises(type(error)):
        write_whole(path, "the new text")
    assert path.read_text(encoding="utf-8") == "the old text" and alone(path)


def test_a_block_that_fails_leaves_nothing(path):
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half a text")
        assert path.read_text(encoding="utf-8") == "the old text"
        raise ZeroDivisionError
    assert path.read_text(encoding="utf-8") == "the old text" and alone(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let everyone make links")
def test_a_link_stays_a_link_and_its_file_is_written(path, tmp_path):
    """Training files and decision records are written whole since the rooms were made. A link in
    their place, to a folder that is backed up, became a file, and the file it led to grew old.
    """
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link.json"
    link.symlink_to(path)
    write_whole(link, "the new text")
    assert link.is_symlink() and path.read_text(encoding="utf-8") == "the new text"
    assert alone(link)


def test_half_a_surrogate_pair_is_refused_before_anything_is_written(path):
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud83d")
    assert path.read_text(encoding="utf-8") == "the old text" and alone(path)


def test_a_very_long_name_does_not_become_too_long(tmp_path):
    path = tmp_path / ("n" * 250)
    write_whole(path, "text")
    assert alone(path)


def test_readers_see_the_old_or_the_new_text_and_nothing_between(path):
    texts = ["a" * 300_000, "b" * 300_000]
    write_whole(path, texts[0])
    writers = [threading.Thread(target=write_whole, args=(path, text)) for text in texts * 5]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_text(encoding="utf-8") in texts
    assert alone(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_private_file_can_be_read_by_this_user_only(tmp_path):
    old = os.umask(0o022)
    try:
        write_whole(tmp_path / "key", "secret", private=True)
        write_whole(tmp_path / "board", "scores")
    finally:
        os.umask(old)
    rights = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("key", "board")}
    assert rights == {"key": 0o600, "board": 0o644}
