"""What the scanner finds in files that programs write, and what it leaves alone."""

import base64
import gzip
import io
import json
import random
import resource
import time
import zipfile
import zlib
from urllib.parse import quote

import pytest

from dango_action.credentials import scanner as scanner_module
from dango_action.credentials.forms import Known
from dango_action.credentials.scanner import Hit, Scanner

SECRET = "k4na\"ry's %/+é<&> \\ vAlue"
NOISE = random.Random(3).randbytes(5000)
PEM = "-----BEGIN PRIVATE KEY-----\r\nMIIEvQ%\"IBADANBg'kqhkiG9w0\r\nBAQEFAASCBKcwggSj%0AgEAAoIB\r\n-----END PRIVATE KEY-----\r\n"


def zipped(data, name="a", method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def paths(data, secret=SECRET, **options):
    return [hit.path for hit in Scanner.of([Known(path="p", text=secret)], **options).scan(data, "f")]


WHOLE = SECRET.encode()
PACKED = {
    "raw": WHOLE,
    "url": quote(SECRET).encode(),
    "json": json.dumps({"a": SECRET}).encode(),
    "repr": repr(SECRET).encode(),
    "base64": base64.b64encode(b"user:" + WHOLE),
    "urlsafe base64": base64.urlsafe_b64encode(b"us:" + WHOLE),
    "hex": WHOLE.hex().encode(),
    "zlib": zlib.compress(WHOLE),
    "zlib, fast": zlib.compress(WHOLE, 1),
    "zlib, best": zlib.compress(WHOLE, 9),
    "gzip": gzip.compress(WHOLE),
    "cut off gzip": gzip.compress(WHOLE + NOISE)[:-20],
    "zip": zipped(WHOLE),
    "stored in a zip": zipped(WHOLE, method=zipfile.ZIP_STORED),
    "zip in a zip": zipped(zipped(WHOLE)),
    "zlib in base64": base64.b64encode(zlib.compress(json.dumps({"a": SECRET}).encode())),
    "zlib in base64 behind a word": b"state-" + base64.b64encode(zlib.compress(WHOLE)),
    "zlib in lines of base64": base64.encodebytes(zlib.compress(NOISE + WHOLE)),
    "zlib in lines of base64 in JSON": json.dumps(
        base64.encodebytes(zlib.compress(NOISE + WHOLE)).decode()
    ).encode(),
    "zlib in base64 in gzip": gzip.compress(b'{"state": "' + base64.b64encode(zlib.compress(WHOLE)) + b'"}'),
    "base64 four times": base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(WHOLE)))),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_a_value_is_found_in_every_form_and_in_what_is_packed(packed):
    assert paths(packed) == ["p"]
    assert paths(b"before " + packed + b" behind") == ["p"]
    assert paths(NOISE + b"\0" + packed + b"\0" + NOISE) == ["p"]


@pytest.mark.parametrize(
    "packed",
    [PEM.encode(), PEM.replace("\r\n", "\n").encode(), json.dumps(PEM).encode(), *(line.encode() for line in PEM.splitlines()[1:3])],
)  # fmt: skip
def test_a_key_of_several_lines_is_found_whole_and_by_line(packed):
    assert paths(b"x " + packed, PEM) == ["p"]
    assert paths(zlib.compress(packed), PEM) == ["p"]


@pytest.mark.parametrize(
    "near",
    [
        WHOLE[:-1],
        WHOLE.swapcase(),
        base64.b64encode(WHOLE[:-3]),
        zlib.compress(WHOLE[1:]),
        zipped(WHOLE[:-1]),
        b"-----BEGIN PRIVATE KEY-----",
    ],
)
def test_what_only_resembles_a_value_is_not_found(near):
    assert paths(near) == []
    assert paths(b"-----BEGIN PRIVATE KEY-----", PEM) == []


def test_a_short_value_is_found_only_as_a_word_and_a_setting_never():
    assert paths(b"the latest tests", "test") == []
    assert paths(b"the test", "test") == ["p"]
    known = [Known(path="p", text=SECRET, setting=True)]
    assert list(Scanner.of(known).scan(WHOLE, "f")) == []


def test_each_value_is_told_once_and_never_shown():
    known = [Known(path="a", text=SECRET), Known(path="b", text=SECRET), Known(path="c", text="another secret")]
    scanner = Scanner.of(known)

    hits = list(scanner.scan(WHOLE * 3, "log"))

    assert hits == [Hit(file="log", path="a"), Hit(file="log", path="b")]
    assert str(hits[0]) == "log holds a"
    assert "vAlue" not in repr(scanner)


@pytest.mark.parametrize("packed", ["raw", "zip", "zlib", "zlib in base64", "zlib in lines of base64"])
def test_a_file_is_searched_over_the_edges_of_windows(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(scanner_module, "_WINDOW", 700)
    scanner = Scanner.of([Known(path="p", text=SECRET)])
    file = tmp_path / "f"
    for before in range(0, 1400, 23):
        file.write_bytes(b" " * before + PACKED[packed] + b" " * 900)
        assert list(scanner.scan_file(file)) == [Hit(file="f", path="p")], before


def test_a_short_value_at_the_edge_of_a_window_is_seen_with_its_surroundings(monkeypatch):
    monkeypatch.setattr(scanner_module, "_WINDOW", 100)
    for before in range(300):
        assert paths(b" " * before + b"xtest1" + b" " * 300, "test") == []
        assert paths(b" " * before + b"test" + b" " * 300, "test") == ["p"]


@pytest.mark.parametrize("bomb", [zlib.compress(bytes(1 << 28), 9), zipped(zipped(bytes(1 << 28)))])
def test_a_bomb_ends_and_is_told(bomb):
    begun = time.monotonic()

    assert list(Scanner.of([Known(path="p", text=SECRET)], 1 << 22).scan(bomb, "f")) == [Hit(file="f", path="")]
    assert time.monotonic() - begun < 20


def test_what_is_packed_but_cannot_be_read_is_told():
    locked = bytearray(zipped(NOISE))
    locked[6] |= 1
    assert paths(bytes(locked)) == [""]
    assert paths(zipped(NOISE, method=zipfile.ZIP_BZIP2)) == [""]
    assert str(Hit(file="f", path="")) == "f could not be searched whole"


def test_random_bytes_are_searched_in_reasonable_time_and_little_memory(tmp_path):
    file = tmp_path / "f"
    with file.open("wb") as stream:
        for seed in range(10):
            stream.write(random.Random(seed).randbytes(1_000_000))
    scanner = Scanner.of([Known(path=f"p{n}", text=f"{n} {SECRET}") for n in range(300)])
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert list(scanner.scan_file(file)) == []
    assert time.monotonic() - begun < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB, on Linux
