from __future__ import annotations

from pathlib import Path

import pytest

from proctor import config
from proctor.client.endpoint import Endpoint, default_state_dir, discover, parse_url
from proctor.client.errors import ClientError


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://10.0.0.1:99", Endpoint("10.0.0.1", 99)),
        ("http://proctor.example", Endpoint("proctor.example", 8606)),
        ("https://example.org/proctor/", Endpoint("example.org", 443, tls=True, prefix="/proctor")),
        ("localhost:80", Endpoint("localhost", 80)),
        ("http://[::1]:80", Endpoint("::1", 80)),
        ("unix:/run/p.sock", Endpoint(unix="/run/p.sock")),
        ("unix:///run/p.sock", Endpoint(unix="/run/p.sock")),
    ],
)
def test_an_address_is_a_url_or_a_sockets_path(url: str, endpoint: Endpoint) -> None:
    assert parse_url(url) == endpoint


@pytest.mark.parametrize(
    "url", ["ftp://x", "unix:p.sock", "http://", "http://x:99999", "http://[x"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="not a service's address"):
        parse_url(url)


def test_the_environment_says_where_the_service_is() -> None:
    access = discover(environ={"PROCTOR_URL": "http://h:1", "PROCTOR_TOKEN": "t"})

    assert access.endpoints == (Endpoint("h", 1),)
    assert access.token == "t"
    assert access.given


def test_what_is_passed_beats_the_environment() -> None:
    environ = {"PROCTOR_URL": "http://h:1", "PROCTOR_TOKEN": "t"}

    access = discover("http://i:2", "u", environ)

    assert (access.endpoints, access.token) == ((Endpoint("i", 2),), "u")


def test_otherwise_it_is_the_socket_in_the_state_directory_then_the_usual_port(
    tmp_path: Path,
) -> None:
    access = discover(environ={"PROCTOR_STATE_DIR": str(tmp_path)})

    assert access.endpoints == (Endpoint(unix=f"{tmp_path}/proctor.sock"), Endpoint())
    assert not access.given


def test_a_state_directory_that_cannot_be_leaves_the_port() -> None:
    access = discover(environ={"PROCTOR_STATE_DIR": "/" + "x" * 200})

    assert access.endpoints == (Endpoint(),)


@pytest.mark.parametrize("root", [True, False])
@pytest.mark.parametrize(
    "environ",
    [{}, {"PROCTOR_STATE_DIR": "~/p"}, {"PROCTOR_STATE_DIR": "p"}, {"XDG_STATE_HOME": "/x"}],
)
def test_the_default_place_is_the_one_of_the_service(
    environ: dict[str, str], root: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)

    assert default_state_dir(environ) == str(config.load(None, None, environ).state_dir)
