"""A request becomes a Spec and a Spec a request, without loss."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proctor.api.schemas import SpecLimits, TaskRequest, shown, to_request, to_spec
from proctor.api.schemas.to_request import with_secrets_of
from proctor.core import spec as core

NOW = 1_700_000_000.0
LIMITS = SpecLimits()

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
words = texts.filter(bool)
paths = texts.map(lambda text: "/" + text)
seconds = st.floats(0, 1e6)
some_seconds = st.floats(0.001, 1e6)
counts = st.integers(1, 1000)
sizes = st.none() | st.integers(1, 2**62)
variables = st.from_regex(r"[A-Z_]{1,12}", fullmatch=True)
signals = st.sampled_from(["TERM", "INT", "HUP", "USR1", "RTMIN"])


def lists(values: st.SearchStrategy, least: int = 0) -> st.SearchStrategy:
    return st.lists(values, min_size=least, max_size=3, unique=True).map(tuple)


def optional(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


targets = {
    "exec": words,
    "http": st.sampled_from(["http://localhost", "https://[::1]:8443/a?b=c"]),
    "tcp": st.sampled_from(["localhost:1", "[::1]:65535", "10.0.0.1:80"]),
    "log_line": st.sampled_from(["ready", "^a.*b$"]),
    "notify": st.just(""),
    "file": paths,
}
checks = st.sampled_from(list(core.CheckKind)).flatmap(
    lambda kind: st.builds(
        core.Check,
        st.just(kind),
        targets[kind.value],
        some_seconds,
        some_seconds,
        counts,
        counts,
        seconds,
    )
)
untils = st.sampled_from([until for until in core.Until if until is not core.Until.LOG_LINE])
deps = st.builds(core.Dep, names, untils, st.none(), st.booleans()) | st.builds(
    core.Dep, names, st.just(core.Until.LOG_LINE), st.sampled_from(["up", "a+"]), st.booleans()
)
policies = st.builds(
    core.RestartPolicy,
    st.sampled_from(list(core.RestartWhen)),
    st.floats(1, 10),
    seconds,
    st.floats(0, 1),
    seconds,
    optional(counts),
    some_seconds,
    optional(counts),
)
crons = st.sampled_from(["0 4 * * *", "*/5 * * * *", "@daily", "30 0 22 * * 1-5"])
schedules = st.builds(
    core.Schedule,
    crons,
    st.sampled_from([None, "Europe/Berlin", "UTC"]),
    st.none(),
    st.sampled_from(list(core.Overlap)),
    counts,
    st.sampled_from(list(core.CatchUp)),
    seconds,
    lists(st.tuples(crons, some_seconds)),
)
rlimits = st.one_of(
    st.tuples(st.none(), st.none()),
    st.integers(0, 99).map(lambda n: (n, n)),
    st.tuples(st.integers(0, 9), st.none() | st.integers(9, 99)),
)


@st.composite
def specs(draw: st.DrawFn) -> core.Spec:
    kind = draw(st.sampled_from(list(core.TaskType)))
    schedule = core.Schedule()
    if kind is core.TaskType.CRON:
        schedule = draw(schedules)
    elif kind is not core.TaskType.DAEMON:
        schedule = core.Schedule(at=draw(optional(st.floats(0, 4e9))))
    script = kind.is_script
    fields: dict[str, st.SearchStrategy] = {
        "cmd": words if script else words | st.tuples(words, texts),
        "replicas": st.integers(1, 10_000),
        "description": texts,
        "namespace": names,
        "labels": st.dictionaries(names, texts, max_size=3),
        "enabled": st.booleans(),
        "user": optional(words),
        "group": optional(words),
        "groups": optional(lists(words)),
        "env": st.dictionaries(variables, texts, max_size=3),
        "env_files": st.lists(paths, max_size=3).map(tuple),
        "inherit_env": st.booleans() | lists(variables),
        "secret_env": lists(variables),
        "cwd": optional(paths),
        "umask": optional(st.integers(0, 0o777)),
        "nice": optional(st.integers(-20, 19)),
        "oom_score_adj": optional(st.integers(-1000, 1000)),
        "rlimits": st.dictionaries(st.sampled_from(["nofile", "core"]), rlimits),
        "limits": st.builds(core.Limits, sizes, st.none(), optional(st.floats(0.1, 64)), sizes).map(
            lambda limits: limits if (limits.pids or 1) < 10**6 else core.Limits()
        ),
        "stdin": st.sampled_from(["null", "pipe", "/dev/zero"]),
        "tty": st.booleans(),
        "isolate": st.booleans(),
        "interpreter": optional(paths),
        "sockets": st.lists(
            st.builds(
                core.Socket, names, st.sampled_from(["localhost:80", "/run/a"]), st.booleans()
            ),
            max_size=3,
            unique_by=lambda socket: socket.name,
        ).map(tuple),
        "output": st.builds(
            core.Output, sizes, sizes, optional(some_seconds), st.booleans(), st.booleans()
        ),
        "deps": lists(deps),
        "interval": seconds,
        "restart_policy": optional(policies),
        "timeout": optional(some_seconds),
        "pool": optional(names),
        "priority": st.integers(-1000, 1000),
        "success_codes": lists(st.integers(0, 255), 1).map(lambda codes: tuple(sorted(codes))),
        "essential": st.booleans(),
        "watch": optional(
            st.builds(
                core.Watch,
                st.lists(paths, min_size=1, max_size=3).map(tuple),
                st.lists(words, max_size=2).map(tuple),
                st.lists(words, max_size=2).map(tuple),
                seconds,
                st.booleans(),
            )
        ),
        "readiness": optional(checks),
        "liveness": optional(checks),
        "startup": optional(checks),
        "stop_signals": st.lists(signals, min_size=1, max_size=3).map(tuple),
        "stop_timeout": seconds,
        "stop_command": optional(words),
        "rolling": counts,
    }
    rest = draw(st.fixed_dictionaries(fields))
    return core.Spec(name=draw(names), type=kind, schedule=schedule, **rest)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(specs())
def test_a_spec_survives_the_way_to_the_wire_and_back(spec: core.Spec) -> None:
    body = msgspec.json.encode(to_request(spec))

    request = msgspec.json.decode(body, type=TaskRequest)

    assert to_spec(request, LIMITS, NOW) == spec


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(specs())
def test_a_spec_that_was_loaded_is_shown_as_the_one_that_was_saved(spec: core.Spec) -> None:
    """What is left out of JSON goes by identity, and a loaded 10.0 is not the default's 10.0."""
    loaded = msgspec.json.decode(msgspec.json.encode(spec), type=core.Spec)

    assert msgspec.json.encode(to_request(loaded)) == msgspec.json.encode(to_request(spec))


def test_what_has_its_default_is_not_shown() -> None:
    spec = core.Spec(name="a", type=core.TaskType.DAEMON, cmd=("true",))
    loaded = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(spec)), type=core.Spec)

    assert set(msgspec.to_builtins(to_request(loaded))) == {"name", "type", "cmd"}


def test_every_field_of_a_spec_is_one_of_the_request() -> None:
    renamed = {
        "replicas": "replica",
        "stop_signals": "stop_signal",
        "restart_policy": "restart",
        "schedule": "cron",
    }
    wire = {field.name for field in msgspec.structs.fields(TaskRequest)}

    for name in core.Spec.__annotations__:
        assert renamed.get(name, name) in wire


def test_every_field_is_described() -> None:
    _, schemas = msgspec.json.schema_components([TaskRequest])

    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            assert field.get("description"), (schema["title"], name)


def parse(**fields: object) -> core.Spec:
    body = {"name": "a", "type": "once", "cmd": "x", **fields}
    return to_spec(msgspec.convert(body, TaskRequest), LIMITS, NOW)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (5, 5.0),
        ("+30s", NOW + 30),
        ("+1.5m", NOW + 90),
        ("+2h", NOW + 7200),
        ("+1d", NOW + 86_400),
        ("+7", NOW + 7),
        ("2030-01-01T00:00:00Z", 1_893_456_000.0),
        ("2030-01-01T01:00:00+01:00", 1_893_456_000.0),
    ],
)
def test_a_moment_is_given_in_several_ways(given: object, seconds: float) -> None:
    assert parse(at=given).schedule.at == seconds


@pytest.mark.parametrize(
    ("given", "size"),
    [(1, 1), ("64M", 64 << 20), ("1.5GiB", 3 << 29), ("100", 100), ("2kB", 2048), ("1T", 1 << 40)],
)
def test_a_size_may_have_a_unit(given: object, size: int) -> None:
    assert parse(limits={"memory_max": given}).limits.memory_max == size


def test_a_restart_policy_may_be_one_word_or_leave_the_when_to_the_type() -> None:
    assert parse(restart="on-failure").restart.when is core.RestartWhen.ON_FAILURE
    assert parse(restart={"retries": 3}).restart.when is core.RestartWhen.ON_FAILURE
    assert parse(type="daemon", restart={"factor": 2}).restart.when is core.RestartWhen.ALWAYS


def test_a_cron_task_without_an_expression_fires_each_minute_but_not_if_it_has_a_moment() -> None:
    assert parse(type="cron").schedule.cron == "* * * * *"
    assert parse(type="cron", at=5).schedule.cron is None


def test_values_of_secret_variables_are_not_shown() -> None:
    env = {
        "PORT": "1",
        "DB_PASSWORD": "x",
        "MY_TOKEN": "x",
        "API_KEY": "x",
        "URL": "x",
        "PWD": "/",
        "DB_PWD": "x",
    }

    spec = parse(env=env, secret_env=["URL"])

    hidden = {name for name, value in shown(spec).env.items() if value == "***"}
    assert hidden == {"DB_PASSWORD", "MY_TOKEN", "API_KEY", "URL", "DB_PWD"}
    assert with_secrets_of(shown(spec), spec).env == env


def test_no_text_with_a_pattern_is_an_alternative_to_a_list_or_a_dict() -> None:
    """msgspec 0.22 reads wild memory then, and crashes."""
    todo: list[object] = [msgspec.inspect.type_info(TaskRequest)]
    unions = 0
    while todo:
        kind = todo.pop()
        match kind:
            case msgspec.inspect.UnionType(types=types):
                unions += 1
                plain = [t.type if isinstance(t, msgspec.inspect.Metadata) else t for t in types]
                patterned = [t for t in plain if getattr(t, "pattern", None) is not None]
                containers = msgspec.inspect.ListType | msgspec.inspect.DictType
                assert not (patterned and any(isinstance(t, containers) for t in plain))
                todo += types
            case msgspec.inspect.StructType(fields=fields):
                todo += [field.type for field in fields]
            case msgspec.inspect.ListType(item_type=inner) | msgspec.inspect.Metadata(type=inner):
                todo.append(inner)

    assert unions > 20
