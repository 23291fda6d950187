"""Where a task came from: remembered until another file says what it is."""

from msgspec.structs import replace

from proctor.core.model import Origin
from proctor.core.spec import Spec, TaskType

FILE = "/srv/proctor.toml"
OTHER = "/srv/other.toml"


def change(life, *, source=None, **fields):
    spec = replace(life.task("web").spec, **fields)
    return life.ask("update", spec, source=source)


def test_a_task_made_by_a_file_knows_it_and_what_it_said(life):
    spec, now = Spec("web", TaskType.DAEMON, "serve"), life.clock.now()

    life.world.put(life.world.new_task(spec, now, source=FILE), now)

    assert life.task("web").origin == Origin(FILE, now.wall, spec)


def test_changes_by_other_ways_leave_it(life):
    life.all_up(life.add("web"))
    change(life, source=FILE, description="of the file")
    origin = life.task("web").origin

    change(life, replicas=3)
    life.all_up(life.ask("restart", life.world.ids_of("web")))
    life.next_manager()

    assert origin is not None
    assert (life.task("web").origin, origin.spec.replicas) == (origin, 1)
    assert life.task("web").spec.replicas == 3


def test_what_is_saved_first_is_what_the_update_makes(life):
    life.add("web")
    for spec in (life.task("web").spec, replace(life.task("web").spec, nice=3)):
        now = life.clock.now()
        saved = life.world.changed_task(spec, now, source=FILE)

        life.world.update(spec, now, source=FILE)

        assert life.task("web") == saved


def test_the_same_applied_again_renews_it_and_touches_nothing_else(life):
    life.all_up(life.add("web"))
    assert change(life, source=FILE) == []
    life.clock.advance(5)

    assert change(life, source=FILE) == []

    assert life.task("web").origin.at == life.clock.now().wall
    assert life.saved_tasks["web"].origin == life.task("web").origin
    assert life.reasons("task.updated") == ["source"]
    assert change(life, source=OTHER) == []
    assert life.reasons("task.updated") == ["source", "source"]
