"""Whatever happens to a repository, each commit that was seen is one row."""

from git_history import Repository
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = settings(derandomize=True, deadline=None)


def branch(git):
    name = f"branch-{len(git('branch', '--list').split())}"
    git("checkout", "--quiet", "-b", name)
    git.commit(f"On {name}", date=1_500_000_000)


def merge(git):
    branches = git("branch", "--format=%(refname)").split()
    git("merge", "--quiet", "--strategy=ours", "--allow-unrelated-histories", "-m", "Merge", *branches)


STEPS = {
    "commit": lambda git: git.commit(f"Commit {len(git.history('--all'))}"),
    "branch": branch,
    "merge": merge,
    "amend": lambda git: git("commit", "--quiet", "--amend", "--allow-empty", "--message=Amended"),
    "main": lambda git: git("checkout", "--quiet", "main"),
    "back": lambda git: git(
        "reset", "--quiet", "--hard", git("rev-list", "--first-parent", "--max-parents=0", "HEAD")
    ),
}


# Not shrunk: an example takes seconds.
@settings(EXAMPLES, max_examples=3, phases=[Phase.generate])
@given(rounds=st.lists(st.lists(st.sampled_from(list(STEPS)), min_size=2, max_size=6), min_size=3, max_size=4))
def test_after_any_events_each_commit_seen_is_one_row(new_repository, new_warehouse, rounds):
    git, warehouse = new_repository(), new_warehouse()
    git.commit("Root")
    seen = set()
    for steps in rounds:
        for step in steps:
            STEPS[step](git)
        warehouse.sync("git_history", repository=str(git.folder), resources=["commits"])
        seen.update(git.history())

        assert warehouse.column("select hash from raw_git_history.commits order by 1") == sorted(seen)


@st.composite
def histories(draw):
    """Return parents and date of each commit, oldest first; the known heads, and the one to load."""
    size = draw(st.integers(1, 25))
    commits = []
    for number in range(size):
        parents = st.lists(st.integers(max(0, number - 4), number - 1), min_size=1, max_size=3, unique=True)
        commits.append((draw(parents) if number else [], draw(st.integers(1, 9)) * 100_000_000))
    head = st.integers(0, size - 1)
    return commits, draw(st.lists(head, max_size=3)), draw(head)


def reach(commits, heads):
    reached, todo = set(), list(heads)
    while todo:
        number = todo.pop()
        if number not in reached:
            reached.add(number)
            todo.extend(commits[number][0])
    return reached


@settings(EXAMPLES, max_examples=40)
@given(history=histories())
def test_unseen_commits_are_those_that_no_known_head_reaches_whatever_their_dates(new_repository, history):
    commits, known, head = history
    git = new_repository("--bare")
    hashes = git.import_history(commits)

    look = Repository(str(git.folder))
    unseen = list(look.unseen(hashes[head], [hashes[number] for number in known]))

    assert sorted(unseen) == sorted(hashes[number] for number in reach(commits, [head]) - reach(commits, known))
    kept = [hashes.index(kept) for kept in look.maximal([hashes[number] for number in [head, *known]])]
    assert reach(commits, kept) == reach(commits, [head, *known])
    assert not any(number in reach(commits, [other]) for number in kept for other in kept if other != number)
