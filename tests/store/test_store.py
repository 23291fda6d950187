"""The store: what is saved is there again, and what cannot be used is left as it is."""

import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest

from proctor.core.changes import Changes
from proctor.core.errors import StorageFailed
from proctor.core.model import Exit, Note, Origin, Replica, ReplicaId, Run, State, Task
from proctor.core.spec import Dep, Spec, TaskType
from proctor.store.db import StoreUnusable
from proctor.store.store import Store

SPEC = Spec(
    "web",
    TaskType.DAEMON,
    "serve --port 80",
    replicas=2,
    user="nobody",
    deps=(Dep("db"),),
    env={"KEY": "value\n=%$"},
    rlimits={"nofile": (10, None)},
)
ORIGIN = Origin("/srv/proctor.toml", 1.25, Spec("web", TaskType.DAEMON, "serve"))
TASK = Task(SPEC, start_time=1.5, last_time=2.5, next_fire=None, origin=ORIGIN)
ID = ReplicaId("web", 1)
REPLICA = Replica(
    ID,
    State.STOPPING,
    wanted=True,
    asked=True,
    run=9,
    pid=123,
    ticks=456,
    exit=Exit(signal=15, cpu=0.25),
    deadline=77.5,
    since=3.0,
    started=2.5,
    restarts=4,
    reason="because",
    trigger="api",
)
RUN = Run(9, ID, "api", 2.5, 123)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "proctor.db"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def changes(**fields):
    return Changes(tasks={"web": TASK}, replicas={ID: REPLICA}, runs={9: RUN}, **fields)


def test_what_was_saved_is_loaded_again_whole(path, store):
    store.save(changes())
    store.sync()
    store.set_meta("boot", "this boot")
    store.close()

    with closing(Store(path)) as again:
        saved = again.load()
    assert saved.tasks == [(TASK, [REPLICA])]
    assert (saved.next_run, saved.boot) == (10, "this boot")


def test_a_removed_task_is_gone_with_its_replicas_but_its_runs_are_kept(store):
    store.save(changes())
    store.save(Changes(removed={"web"}))

    assert store.load().tasks == []
    assert store.runs("web") == [RUN]


def test_a_task_removed_and_added_again_in_one_save_exists(store):
    store.save(changes())
    store.save(changes(removed={"web"}))

    assert store.load().tasks == [(TASK, [REPLICA])]


def test_the_end_of_a_run_is_added_to_it_and_its_trigger_stays(store):
    store.save(changes())
    over = Run(9, ID, "other", 2.5, 123, 8.0, Exit(code=3, cpu=1.0))
    store.save(Changes(runs={9: over}))

    (run,) = store.runs("web")
    assert (run.trigger, run.ended, run.exit) == ("api", 8.0, Exit(code=3, cpu=1.0))


def test_an_end_that_was_that_of_leftovers_leaves_the_pid_on_record(store):
    store.save(changes())
    store.save(Changes(runs={9: Run(9, ID, "api", 2.5, None, 8.0, Exit(signal=15))}))

    assert [(run.pid, run.ended) for run in store.runs("web")] == [(123, 8.0)]


def ended(*numbers: int, task: str = "web") -> dict[int, Run]:
    """Runs that began at the second of their number and took half of one."""
    id = ReplicaId(task, 0)
    return {n: Run(n, id, "cron", float(n), None, n + 0.5, Exit(code=0)) for n in numbers}


def kept(store: Store, task: str = "web") -> list[int]:
    return [run.run for run in store.runs(task)]


def test_old_runs_are_pruned_and_the_newest_kept(store):
    store.save(Changes(runs=ended(*range(1, 8))))

    assert store.prune_runs("web", keep=3) == 4
    assert kept(store) == [7, 6, 5]


def test_runs_of_every_task_are_pruned_by_number_and_by_age(store):
    store.save(Changes(runs=ended(1, 6, task="rare") | ended(2, task="gone")))
    store.save(Changes(runs=ended(3, 4, 5, 7, 8, 9)))
    store.save(Changes(runs={10: Run(10, ReplicaId("long", 0), "start", 0.0, 77)}))

    assert store.prune_all_runs(4, 100, ended_before=2.6) == 4
    assert (kept(store, "rare"), kept(store, "gone")) == ([6], [])
    assert (kept(store), kept(store, "long")) == ([9, 8, 7, 5], [10])


def test_a_run_that_goes_on_is_kept_however_old_it_is_and_so_is_what_it_ended_late(store):
    live = Run(1, ReplicaId("long", 0), "start", 1.0, 77)
    late = Run(2, ReplicaId("slow", 0), "start", 2.0, None, 90.0, Exit(code=0))
    store.save(Changes(runs={1: live, 2: late} | ended(3, 4, 5)))

    assert store.prune_all_runs(9, 100, ended_before=50.0) == 2
    assert (kept(store, "long"), kept(store, "slow"), kept(store)) == ([1], [2], [5])


def test_of_many_tasks_no_more_runs_than_allowed_are_kept_in_all(store):
    for n in range(1, 21):
        store.save(Changes(runs=ended(n, task=f"job-{n}")))

    assert store.prune_all_runs(1000, 5, ended_before=0.0) == 15
    assert [n for n in range(1, 21) if kept(store, f"job-{n}")] == [16, 17, 18, 19, 20]


def test_the_mark_base_is_made_once_and_leaves_room_for_runs(path, store):
    other = Store(path.with_name("other.db"))

    with closing(Store(path)) as again:
        assert again.mark_base == store.mark_base != other.mark_base
    assert store.mark_base & 0xFFFFFFFF == 0
    assert 0 < store.mark_base < 1 << 62
    other.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path):
    path.write_bytes(b"not a database at all " * 100)
    before = path.read_bytes()

    with pytest.raises(StoreUnusable, match="not a database"):
        Store(path)
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(path, store):
    many = {n: Run(n, ID, "cron" * 50, float(n), None) for n in range(1, 500)}
    store.save(Changes(runs=many))
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    path.write_bytes(content)

    with pytest.raises(StoreUnusable, match=r"damaged|malformed"):
        Store(path)


def test_a_database_of_the_first_schema_is_brought_up_to_date(path):
    db = sqlite3.connect(path)
    db.executescript(files("proctor.store").joinpath("schema/0001_initial.sql").read_text())
    db.execute(
        "INSERT INTO event VALUES (41, 1.0, 'task.created', 'web', NULL, NULL, NULL, '', '')"
    )
    db.execute("INSERT INTO meta VALUES ('next_run', '10')")
    db.execute(
        'INSERT INTO run (run, task, "index", "trigger", attempt, started)'
        " VALUES (9, 'web', 1, 'api', 1, 2.5)"
    )
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()

    store = Store(path)
    store.save(Changes(notes=[Note(2.0, "task.removed", "web")]))

    assert [(id, note.kind) for id, note in store.events(0)] == [
        (41, "task.created"),
        (42, "task.removed"),
    ]
    assert store.load().next_run == 10
    store.close()


def test_run_ids_are_not_given_again_after_all_that_is_old_was_pruned(store):
    store.save(Changes(runs=ended(*range(1, 8))))
    store.save(Changes(removed={"web"}))
    assert store.prune_all_runs(1, 1, ended_before=1e9) == 6

    assert store.load().next_run == 8


def test_a_newer_database_is_refused(path, store):
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()

    with pytest.raises(StoreUnusable, match="newer Proctor"):
        Store(path)


def test_a_directory_in_its_place_is_refused(tmp_path):
    with pytest.raises(StoreUnusable):
        Store(tmp_path)


def test_a_save_that_fails_leaves_nothing_half_done(store):
    store.save(Changes(tasks={"web": TASK}))
    full = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {full}")
    huge = {n: Run(n, ID, "x" * 10_000, 1.0, None) for n in range(1, 100)}

    with pytest.raises(StorageFailed, match="full"):
        store.save(Changes(removed={"web"}, runs=huge))
    assert [task for task, _ in store.load().tasks] == [TASK]
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.save(Changes(removed={"web"}))
    assert store.load().tasks == []


def test_what_cannot_be_pruned_now_is_kept_until_another_time(store):
    store.save(Changes(runs=ended(*range(1, 8))))
    store._db.execute("PRAGMA query_only = 1")
    assert store.prune_runs("web", keep=3) == 0

    store._db.execute("PRAGMA query_only = 0")
    assert store.prune_runs("web", keep=3) == 4
