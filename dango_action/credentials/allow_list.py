"""The environment of a source's process: an allow-list, so that a bare `API_KEY` reaches nobody by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

# What programs need to run at all, to find the network, and to print; none of it is a secret of a source.
PROXIES = frozenset(
    {
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "all_proxy",
    }
)  # fmt: skip
# Of the bucket that state is kept in, by its cloud's own names; they are no source's unless it names them.
BUCKETS = re.compile(r"(AWS|AZURE|GOOGLE)_\w*(KEY|TOKEN|SECRET|CONNECTION_STRING)")
BASE = PROXIES | frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "LANG", "LANGUAGE", "TMPDIR",
        "NO_PROXY", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
        "CI", "GITHUB_ACTIONS", "RUNNER_OS",
        "PYTHONDONTWRITEBYTECODE",
        "COVERAGE_PROCESS_CONFIG",  # coverage.py measures workers too
    }
)  # fmt: skip
# dlt's settings of the run itself: buffers, workers, request time-outs, log level.
BASE_PREFIXES = (
    "LC_",
    "EXTRACT__",
    "NORMALIZE__",
    "LOAD__",
    "DATA_WRITER__",
    "RUNTIME__LOG_",
    "RUNTIME__REQUEST_",
)
_OURS = "DANGO_"
FIXED = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DLT_DISABLE_PLUGINS": "true",  # a plugin could replace the run context, and with it where secrets come from
    "PYTHONUNBUFFERED": "1",
}


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that every process of ours may have."""
    kept = {key: value for key, value in environ.items() if key in BASE or key.startswith(BASE_PREFIXES)}
    return {**kept, **FIXED}


def is_own(variable: str, source: str, named: Container[str] = ()) -> bool:
    """Tell whether a source may see a variable: one of its own sections, or one that its configuration names.

    What belongs to this tool, its private keys among it, no configuration can hand to a source.
    """
    section = source.upper()
    own = variable.upper().startswith((f"SOURCES__{section}__", f"{section}__"))
    return own or (variable in named and not variable.startswith(_OURS))
