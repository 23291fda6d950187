"""What became different, piled up."""

from proctor.core.changes import Changes
from proctor.core.model import Replica, ReplicaId, Task
from proctor.core.spec import Spec, TaskType

ID = ReplicaId("web", 0)
TASK = Task(Spec("web", TaskType.DAEMON, "web"), 0.0)


def changes(**fields):
    made = Changes()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_no_change_is_no_change():
    assert not changes()
    assert changes(dropped={ID})


def test_of_one_thing_only_the_last_form_counts():
    pile = changes(tasks={"web": TASK}, replicas={ID: Replica(ID)})
    pile.merge(changes(replicas={ID: Replica(ID, run=5)}))

    assert pile.replicas[ID].run == 5


def test_what_is_removed_takes_its_replicas_along():
    other = ReplicaId("db", 0)
    pile = changes(tasks={"web": TASK}, replicas={ID: Replica(ID), other: Replica(other)})
    pile.merge(changes(removed={"web"}))

    assert (pile.tasks, list(pile.replicas), pile.removed) == ({}, [other], {"web"})


def test_a_replica_that_comes_again_is_not_dropped():
    pile = changes(dropped={ID})
    pile.merge(changes(replicas={ID: Replica(ID)}))

    assert pile.dropped == set()
