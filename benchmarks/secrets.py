"""What sealed secrets add to a run: 300 of them read and opened, imports included, beside other ways of keeping.

`python -P benchmarks/secrets.py --rounds 21`. Each contender is a whole process; they take turns, and the first
does only what every run does: it reads sources.yml. Times are wall-clock milliseconds beyond that one's, in the
same round; the machine may be busy, so quote the median.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from dango_action.credentials.document import SECRETS_FILE
from dango_action.credentials.keys import PrivateKey
from dango_action.credentials.sealed import seal

MOST = 150  # milliseconds

BASE = """
from pathlib import Path
from dango_action.config.parse import read as read_sources
from dango_action.credentials import document, keys, sealed
read_sources(Path("."))
"""
SEALED = f"""{BASE}
found = document.read(Path("."))
opened, problems = sealed.open_entries(found.entries, keys.KeyRing.of(Path("key").read_text()), found.entries)
assert len(opened) == COUNT and not problems
"""
PARSED = f"""{BASE}
assert len(document.read(Path(".")).entries) == COUNT
"""
# How dlt itself reads its secrets.toml.
TOML = f"""{BASE}
import tomlkit
assert len(tomlkit.parse(Path("secrets.toml").read_text())["sources"]) == COUNT
"""
# The whole document under one symmetric key: nobody could add a secret without being able to read all others.
SYMMETRIC = f"""{BASE}
import json
from cryptography.fernet import Fernet
assert len(json.loads(Fernet(Path("fernet.key").read_bytes()).decrypt(Path("fernet").read_bytes()))) == COUNT
"""
CONTENDERS = {
    "sources.yml alone": BASE,
    "sealed secrets, opened": SEALED,
    "sealed secrets, only parsed": PARSED,
    "secrets.toml in the clear, by tomlkit": TOML,
    "one Fernet token for all": SYMMETRIC,
}


def write(folder: Path, count: int) -> None:
    """Write the same secrets in every contender's way."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - it is one contender's

    key, now = PrivateKey.generate(), datetime.now(UTC)
    values = {("sources", f"shop_{number}", "api_key"): f"sk_live_{number:032}" for number in range(count)}
    lines = (f"  {'.'.join(path)}: {seal(value, path, key.public, now)}\n" for path, value in values.items())
    (folder / ".dango").mkdir()
    (folder / ".dango/sources.yml").write_text("sources: []\n")
    (folder / SECRETS_FILE).write_text(f"version: 1\nkey: {key.public.text}\nsecrets:\n{''.join(lines)}")
    (folder / "key").write_text(key.text())
    sections = (f'[sources.{path[1]}]\n{path[2]} = "{value}"\n' for path, value in values.items())
    (folder / "secrets.toml").write_text("".join(sections))
    symmetric = Fernet.generate_key()
    (folder / "fernet.key").write_bytes(symmetric)
    text = "{" + ",".join(f'"{".".join(path)}":"{value}"' for path, value in values.items()) + "}"
    (folder / "fernet").write_bytes(Fernet(symmetric).encrypt(text.encode()))


def milliseconds(program: str, folder: Path) -> float:
    """Run a program once and return how long its process took."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", program], cwd=folder, check=True)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure everything, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="counted rounds, after one that is not")
    parser.add_argument("--secrets", type=int, default=300)
    wish = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), wish.secrets)
        for _ in range(wish.rounds + 1):
            for contender, program in CONTENDERS.items():
                times[contender].append(milliseconds(program.replace("COUNT", str(wish.secrets)), Path(name)))
    base, *others = ((contender, taken[1:]) for contender, taken in times.items())
    print(f"{wish.secrets} secrets, {wish.rounds} rounds; {base[0]}: median {statistics.median(base[1]):.0f} ms")
    own = [taken - without for taken, without in zip(others[0][1], base[1], strict=True)]
    for contender, taken in others:
        added = [with_it - without for with_it, without in zip(taken, base[1], strict=True)]
        line = f"  {contender:<40} adds {statistics.median(added):6.1f} ms (median)   min {min(added):6.1f}"
        if added == own:
            met = statistics.median(added) < MOST
            print(f"{line}   target: under {MOST} ms, {'met' if met else 'MISSED'}")
        else:
            print(f"{line}   {statistics.median(added) / statistics.median(own):5.2f} x the first")


if __name__ == "__main__":
    main()
