"""The lines of `.gitignore` that keep data and secrets out of git."""

from __future__ import annotations

WANTED = (
    ".dango/runs/",
    ".dango/activity.log",
    ".dango/*.duckdb",
    ".dango/*.duckdb.*",
    ".dango/*.ducklake.*",
    ".dlt/secrets.toml",
    ".env",
    "__pycache__/",
)


def extended(content: bytes) -> bytes:
    """Return the file with the lines that it lacks at its end; the same bytes if it lacks none.

    Lines are compared as text: a pattern that covers a wanted one does not count, since a later line may undo it.
    """
    there = {line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").splitlines()}
    missing = [line for line in map(str.encode, WANTED) if not {line, line.rstrip(b"/")} & there]
    if not missing:
        return content
    newline = b"\r\n" if b"\r\n" in content else b"\n"
    before = [content, b"" if content.endswith(b"\n") else newline, newline] if content else []
    return b"".join([*before, b"# dango" + newline, *(line + newline for line in missing)])
