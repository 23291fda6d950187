"""Arrays: list and dictionary in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .errors import MelangError
from .plain import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .values import Cell


class Array:
    """A list and dictionary in one: elements have an index and possibly a key.

    As long as the indices are 0 to n-1 the values are in `dense`, which is the
    usual case and the one the compiled code reaches into; else they are in
    `sparse`, by index, and `dense` is empty.  `keys` leads from a key (see
    `key_of`) to an index.
    """

    __slots__ = ("dense", "keys", "next", "sparse", "watched")

    def __init__(self) -> None:
        self.dense: list[Value] = []
        self.sparse: dict[int, Value] | None = None
        self.keys: dict[Value, int] | None = None
        self.next = 0  # the next free index, kept in sparse arrays only
        self.watched: dict[int, Cell] | None = None

    @classmethod
    def from_list(cls, values: list[Value]) -> Array:
        """Return an array of these values; the list is taken over, not copied."""
        array = cls()
        array.dense = values
        return array

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[Value, Value]]) -> Array:
        """Return an array with these keys and values, set one after the other."""
        array = cls()
        for key, value in pairs:
            array.set(key, value)
        return array

    def __len__(self) -> int:
        return len(self.dense if self.sparse is None else self.sparse)

    def append(self, value: Value) -> None:
        """Add a value at the next free index."""
        if self.sparse is None:
            self.dense.append(value)
        else:
            self.sparse[self.next] = value
            self.next += 1

    def find(self, key: Value, default: Value = None) -> Value:
        """Return the element with this index or key, or the default; creates nothing."""
        if type(key) is int:
            index = key if key >= 0 else key + self.end()
            if self.sparse is not None:
                return self.sparse.get(index, default)
            return self.dense[index] if 0 <= index < len(self.dense) else default
        if self.keys is None or (index := self.keys.get(key_of(key), -1)) < 0:
            return default
        return self.at(index)

    def get(self, key: Value) -> Value:
        """Return the element as a script reads it: one that is missing is created as nil."""
        return self.at(self.touch(key))

    def set(self, key: Value, value: Value) -> None:
        """Store a value: int is an index, nil appends, anything else is a key."""
        self.put(self.touch(key), value)

    def touch(self, key: Value) -> int:
        """Return the index that `key` leads to, creating the element if it is missing."""
        if type(key) is int:
            return self._touch_index(key)
        if key is None:
            self.append(None)
            return self.end() - 1
        if self.keys is None:
            self.keys = {}
        index = self.keys.get(key := key_of(key))
        if index is None:
            index = self.keys[key] = self.end()
            self.append(None)
        return index

    def _touch_index(self, index: int) -> int:
        end = self.end()
        if index < 0:
            index += end
            if index < 0:
                raise MelangError("Invalid offset")
        if self.sparse is None:
            if index < end:
                return index
            if index == end:
                self.dense.append(None)
                return index
            self._spread()
        assert self.sparse is not None
        if index not in self.sparse:
            self.sparse[index] = None
            self.next = max(self.next, index + 1)
        return index

    def at(self, index: int) -> Value:
        """Return the element with this index, nil if there is none."""
        if self.sparse is not None:
            return self.sparse.get(index)
        return self.dense[index] if index < len(self.dense) else None

    def put(self, index: int, value: Value) -> None:
        """Store into an element that exists."""
        if self.sparse is None:
            self.dense[index] = value
        else:
            self.sparse[index] = value

    def end(self) -> int:
        """Return the next free index."""
        return len(self.dense) if self.sparse is None else self.next

    def values(self) -> list[Value]:
        """Return the values in the order of their indices (do not change the list)."""
        if self.sparse is None:
            return self.dense
        return [self.sparse[index] for index in sorted(self.sparse)]

    def indices(self) -> Iterable[int]:
        """Return the indices, in order."""
        return range(len(self.dense)) if self.sparse is None else sorted(self.sparse)

    def items(self) -> Iterator[tuple[Value, Value]]:
        """Yield key (None if it has none) and value of each element, in index order."""
        names = self.names()
        for index, value in zip(self.indices(), list(self.values()), strict=True):
            yield names.get(index), value

    def names(self) -> dict[int, Value]:
        """Return the keys by index."""
        if not self.keys:
            return {}
        return {index: plain_key(key) for key, index in self.keys.items()}

    def _spread(self) -> None:
        self.sparse = dict(enumerate(self.dense))
        self.next = len(self.dense)
        self.dense = []


class WatchedArray(Array):
    """An array one of whose elements has a watch: no shortcut may store into it."""

    __slots__ = ()

    def put(self, index: int, value: Value) -> None:
        assert self.watched is not None
        cell = self.watched.get(index)
        if cell is not None and cell.watch is not None:
            value = cell.watch(value)
        Array.put(self, index, value)


def key_of(key: Value) -> Value:
    """Return what stands for a key in `Array.keys`.

    Keys are equal if type and value are.  No int ever is a key, so bools may
    stand for themselves; reals must not, because True == 1.0.
    """
    return ("real", key) if type(key) is float else key


def plain_key(key: Value) -> Value:
    """Return the key that `key_of` was given."""
    return key[1] if type(key) is tuple else key
