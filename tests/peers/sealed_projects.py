"""Projects with secrets, and the sources that show which value they have got."""

import subprocess

from commands import DANGO

API = """
import dlt, os

@dlt.source
def source(api_key: str = dlt.secrets.value, region: str = "none"):
    yield dlt.resource([{"key": api_key, "region": region}], name="seen")
"""
GOOGLE = """
import dlt
from dlt.sources.credentials import GcpOAuthCredentials, GcpServiceAccountCredentials

@dlt.source
def source(credentials: GcpOAuthCredentials | GcpServiceAccountCredentials = dlt.secrets.value, customer: str = "none"):
    yield dlt.resource([{"id": credentials.client_id, "of": credentials.project_id, "customer": customer}], name="seen")
"""


def keep_secret(project, path, value, *arguments):
    """Seal a value, in a project that has a key of its own."""
    if not (project.path / ".dango/secrets.enc.yml").exists():
        (project.path / ".dango").mkdir(exist_ok=True)
        assert project.dango("secrets", "init").code == 0
    done = subprocess.run(
        [DANGO, "secrets", "set", path, *arguments],
        cwd=project.path,
        env=project.environ(),
        input=value,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
