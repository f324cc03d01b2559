"""A server that plays GitHub for one repository: its REST API, its artifact service and the blob store behind it.

It is strict: whatever a client does that GitHub's documentation does not name is refused *and* noted in
`violations`. It is small: it has what the tests need, in the shapes of the documentation, and no more.
"""

from github.peer import GitHub
from github.store import Artifact, Comment, Run

__all__ = ["Artifact", "Comment", "GitHub", "Run"]
