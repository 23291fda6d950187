"""A world without processes or time, for tests of what decides: ours and plugin authors'."""

from .fakes import FakeClock, FakeKeeper, FakeProcess, FakeStore, never
from .sim import Sim

__all__ = ["FakeClock", "FakeKeeper", "FakeProcess", "FakeStore", "Sim", "never"]
