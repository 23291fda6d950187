"""The wire's structs: a body is decoded once, and its rules are here."""

from .expected import EXPECTED as EXPECTED
from .task import NamedTaskRequest as NamedTaskRequest
from .task import SeedTaskRequest as SeedTaskRequest
from .task import TaskRequest as TaskRequest
from .to_request import shown as shown
from .to_request import to_request as to_request
from .to_spec import SpecLimits as SpecLimits
from .to_spec import to_spec as to_spec
