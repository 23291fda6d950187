"""Library `mq`: queues between scripts, which share nothing else."""

from __future__ import annotations

from collections import deque

from ..builtin import Builtin, builtin
from ..errors import MelangError
from ..plain import Value
from ..scheduler import TIMEOUT
from ._args import string, wrong_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..coroutine import Coroutine
    from ..scheduler import Scheduler

RESOURCE = "mq"
TURN = 0.01  # the original looks at its timeouts so often; it makes the order of events


class Queue:
    """A queue: its messages, who waits for one, and the inboxes of its subscribers.

    Either there are no messages or nobody waits.
    """

    __slots__ = ("inboxes", "messages", "waiting")

    def __init__(self) -> None:
        self.messages: deque[Value] = deque()
        self.waiting: dict[Coroutine, None] = {}  # longest first
        self.inboxes: dict[Coroutine, deque[Value]] = {}


def _queue(scheduler: Scheduler, name: bytes) -> Queue:
    queues: dict[bytes, Queue] = scheduler.resources.setdefault(RESOURCE, {})
    queue = queues.get(name)
    if queue is None:
        queue = queues[name] = Queue()
    return queue


def post(scheduler: Scheduler, name: bytes, value: Value) -> None:
    """Put a message into a queue."""
    queue = _queue(scheduler, name)
    while queue.waiting:
        co = next(iter(queue.waiting))
        del queue.waiting[co]
        if scheduler.wake(co, (value,)):
            return
    queue.messages.append(value)


@builtin(3)
def send(co: Coroutine, name: Value, value: Value, topic: Value) -> Value:
    """Send a message to one receiver, or to all subscribers."""
    key = string(name, 1)
    if type(value) not in (int, float, bool, bytes):
        raise MelangError("Invalid type of argument 2")
    if topic is not None and type(topic) is not bool:
        wrong_type(3)
    if not topic:
        post(co.scheduler, key, value)
        return None
    queue = _queue(co.scheduler, key)
    for subscriber, inbox in queue.inboxes.items():
        if subscriber in queue.waiting and co.scheduler.wake(subscriber, (value,)):
            del queue.waiting[subscriber]
        else:
            inbox.append(value)
    return None


@builtin(2)
def recv(co: Coroutine, name: Value, microseconds: Value) -> Value:
    """Return the next message, nil if none comes in time."""
    key = string(name, 1)
    if microseconds is not None and (type(microseconds) is not int or microseconds <= 0):
        wrong_type(2)
    queue = _queue(co.scheduler, key)
    inbox = queue.inboxes.get(co)
    if inbox:
        return inbox.popleft()
    if queue.messages:
        return queue.messages.popleft()
    queue.waiting[co] = None
    timeout = None if microseconds is None else microseconds / 1_000_000
    try:
        received = co.scheduler.suspend(co, timeout)
    finally:
        queue.waiting.pop(co, None)
    return None if received is TIMEOUT else received[0]


@builtin(1)
def subscribe(co: Coroutine, name: Value) -> Value:
    """Receive the topic messages of a queue from now on."""
    queue = _queue(co.scheduler, string(name, 1))
    if co not in queue.inboxes:
        queue.inboxes[co] = deque()
        co.on_end(lambda: _leave(queue, co))
    return None


def _leave(queue: Queue, co: Coroutine) -> None:
    queue.inboxes.pop(co, None)


@builtin(1)
def unsubscribe(co: Coroutine, name: Value) -> Value:
    """Receive no more topic messages of a queue."""
    _queue(co.scheduler, string(name, 1)).inboxes.pop(co, None)
    return None


FUNCTIONS: dict[bytes, Builtin] = {
    function.name: function for function in (send, recv, subscribe, unsubscribe)
}
