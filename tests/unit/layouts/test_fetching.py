import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.layouts import fetch, fetching, known, load_layout

CONTENT = bytes(range(256)) * 5000


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        state = self.server.state
        wanted = self.headers.get("Range")
        state["requests"].append((self.path, wanted))
        content, mark = state["content"], state["mark"]
        if state["status"] != 200:
            self.send_error(state["status"])
            return
        first = 0
        if wanted and state["ranges"] and self.headers.get("If-Range") == mark:
            first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if first >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if mark:
            self.send_header("ETag", mark)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : first + state["cut"]] if state["cut"] else content[first:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        service.state = {"content": CONTENT, "mark": '"one"', "status": 200, "cut": 0, "ranges": True, "requests": []}
        service.address = f"http://127.0.0.1:{service.server_port}/files/ml-1m.zip"
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


@pytest.fixture
def right_md5(monkeypatch):
    """Make the content of the server the one that is expected of MovieLens 1M."""
    info = known.layout_info("movielens-1m")
    fields = {name: getattr(info, name) for name in known.LayoutInfo.__dataclass_fields__}
    fields["md5"] = hashlib.md5(CONTENT).hexdigest()
    monkeypatch.setattr(fetching, "layout_info", lambda _: known.LayoutInfo(**fields))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_under_its_name_with_progress(server, right_md5, tmp_path):
    told = []
    path = fetch("movielens-1m", tmp_path / "new", url=server.address, progress=told.append)
    assert path == tmp_path / "new" / "ml-1m.zip"
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["ml-1m.zip"]
    assert told[0].done == 0
    assert (told[-1].done, told[-1].total, told[-1].unit) == (len(CONTENT), len(CONTENT), "bytes")
    assert [step.done for step in told] == sorted(step.done for step in told)


def test_a_file_that_is_there_is_not_fetched_again(server, right_md5, tmp_path):
    fetch("movielens-1m", tmp_path, url=server.address)
    fetch("movielens-1m", tmp_path, url=server.address)
    assert len(server.state["requests"]) == 1


def test_a_broken_download_goes_on_where_it_stopped(server, right_md5, tmp_path):
    server.state["cut"] = 700_000
    with pytest.raises(DataError, match="broke off after 700,000 of 1,280,000 bytes.*goes on from there"):
        fetch("movielens-1m", tmp_path, url=server.address)
    assert names(tmp_path) == ["ml-1m.zip.part", "ml-1m.zip.part.etag"]
    server.state["cut"] = 0
    told = []
    path = fetch("movielens-1m", tmp_path, url=server.address, progress=told.append)
    assert path.read_bytes() == CONTENT
    assert server.state["requests"][1][1] == "bytes=700000-"
    assert (told[0].done, told[-1].total) == (700_000, len(CONTENT))
    assert names(tmp_path) == ["ml-1m.zip"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server, tmp_path):
    server.state["cut"] = 700_000
    with pytest.raises(DataError):
        fetch("movielens-latest", tmp_path, url=server.address)
    server.state.update(cut=0, content=CONTENT[::-1], mark='"two"')
    assert fetch("movielens-latest", tmp_path, url=server.address).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("without", [{"ranges": False}, {"mark": None}, {"mark": 'W/"weak"'}])
def test_a_server_that_cannot_go_on_sends_the_whole(without, server, right_md5, tmp_path):
    server.state.update(without, cut=700_000)
    with pytest.raises(DataError):
        fetch("movielens-1m", tmp_path, url=server.address)
    server.state["cut"] = 0
    assert fetch("movielens-1m", tmp_path, url=server.address).read_bytes() == CONTENT


def test_a_part_that_is_whole_already_becomes_the_file(server, right_md5, tmp_path):
    (tmp_path / "ml-1m.zip.part").write_bytes(CONTENT)
    (tmp_path / "ml-1m.zip.part.etag").write_text('"one"')
    assert fetch("movielens-1m", tmp_path, url=server.address).read_bytes() == CONTENT
    assert names(tmp_path) == ["ml-1m.zip"]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server, right_md5, tmp_path):
    (tmp_path / "ml-1m.zip.part").write_bytes(CONTENT + b"more")
    (tmp_path / "ml-1m.zip.part.etag").write_text('"one"')
    assert fetch("movielens-1m", tmp_path, url=server.address).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_nothing_stays(server, tmp_path):
    with pytest.raises(DataError, match="c4d9eecfca2ab87c1945afe126590906 was expected for movielens-1m"):
        fetch("movielens-1m", tmp_path, url=server.address)
    assert names(tmp_path) == []


def test_a_wrong_file_that_is_there_is_told_and_kept(server, tmp_path):
    (tmp_path / "ml-1m.zip").write_bytes(b"mine")
    with pytest.raises(DataError, match="remove it and fetch again"):
        fetch("movielens-1m", tmp_path, url=server.address)
    assert (tmp_path / "ml-1m.zip").read_bytes() == b"mine"


def test_a_missing_file_says_where_to_look(server, tmp_path):
    server.state["status"] = 404
    with pytest.raises(NotFoundError, match=r"answers 404 .*see https://grouplens\.org"):
        fetch("movielens-1m", tmp_path, url=server.address)
    server.state["status"] = 503
    with pytest.raises(RecsysError, match="answers 503"):
        fetch("movielens-1m", tmp_path, url=server.address)
    assert names(tmp_path) == []


def test_offline_gives_one_clear_line(server, tmp_path):
    server.server_close()
    server.shutdown()
    with pytest.raises(RecsysError, match=r"127\.0\.0\.1:\d+ cannot be reached .*needs the network") as caught:
        fetch("movielens-1m", tmp_path, url=server.address, timeout=2)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/y.zip", "http://host/", "http:///x.zip", "C:\\x.zip", "http://h/.."]
)
def test_only_web_addresses_of_files_are_fetched(url, tmp_path):
    with pytest.raises(ArgumentError, match="http or https"):
        fetch("movielens-1m", tmp_path, url=url)


def test_names_are_checked_and_amazon_needs_a_category(tmp_path):
    with pytest.raises(NotFoundError, match="did you mean"):
        fetch("movielens-2m", tmp_path)
    with pytest.raises(ArgumentError, match="consists of many files"):
        fetch("amazon-2018", tmp_path)


def test_what_was_fetched_can_be_loaded(server, tmp_path, in_zip, data_sets):
    server.state["content"] = in_zip(data_sets["movielens-25m"]).read_bytes()
    path = fetch("movielens-latest", tmp_path / "downloads", url=server.address.replace("ml-1m", "ml-latest"))
    assert len(load_layout("movielens-latest", path)["events"].collect()) == 2
