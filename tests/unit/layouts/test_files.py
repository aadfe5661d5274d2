import zipfile

import pytest

from recsys.core.errors import DataError
from recsys.layouts import load_layout
from recsys.layouts.files import files_of


def test_names_are_found_by_their_last_part_the_shortest_first(in_folder):
    files = files_of(in_folder({"deep/er/U.DATA": b"", "deep/u.data": b"", "other/data": b""}))
    assert files.find("u.data") == "deep/u.data"
    assert files.find("missing", "data") == "other/data"
    assert files.find("missing") is None
    with pytest.raises(DataError, match="no file 'missing' or 'gone'"):
        files.need("missing", "gone")


def test_what_archivers_and_desktops_add_is_left_out(in_zip, in_folder):
    assert files_of(in_zip({"a/x.csv": b"", "__MACOSX/a/._x.csv": b"", ".DS_Store": b""})).names == ("a/x.csv",)
    assert files_of(in_folder({"a/x.csv": b"", ".DS_Store": b""})).names == ("a/x.csv",)


def test_a_member_that_points_outside_is_read_and_never_written(tmp_path, data_sets):
    path = tmp_path / "inner" / "evil.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in data_sets["movielens-100k"].items():
            archive.writestr(f"../../{name}", content)
    before = sorted(tmp_path.rglob("*"))
    assert len(load_layout("auto", path)["events"].collect()) == 2
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["cut.zip", "cut.tar.gz"])
def test_a_damaged_archive_is_told_in_one_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 or so")
    with pytest.raises(DataError, match="not a readable archive.*fetch it again") as caught:
        load_layout("auto", path)
    assert "\n" not in str(caught.value)


def test_a_cut_gzip_is_told_in_one_line(in_folder, data_sets):
    content = data_sets["amazon-2014"]["reviews_Books_5.json.gz"]
    path = in_folder({"reviews_Books_5.json.gz": content[:-20]})
    with pytest.raises(DataError, match="cannot be read at 'reviews_Books_5"):
        load_layout("auto", path)["events"].collect()


def test_a_zip_with_a_wrong_checksum_inside_is_told(in_zip):
    path = in_zip({"u.data": b"1\t2\t3\t4\n" * 5, "u.item": b"x", "u.user": b"x"})
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("u.data").header_offset + 30 + len("u.data")
    raw[place + 2] ^= 0xFF
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match=r"cannot be read at 'u\.data'"):
        load_layout("movielens-100k", path)["events"].collect()
