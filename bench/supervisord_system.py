"""supervisord, driven by XML-RPC over its Unix socket, with the settings that are fastest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xmlrpc.client import dumps, loads

from systems import Load, System
from tools import PEERS, Http, answers_a_second, request

CONFIG = """
[unix_http_server]
file={folder}/s
[supervisord]
nodaemon=true
user=root
loglevel=warn
logfile={folder}/log
pidfile={folder}/pid
childlogdir={folder}
minfds=20000
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

PROGRAM = """
[program:{name}]
command={command}
numprocs={replicas}
process_name=%(process_num)d
autostart=false
autorestart={restart}
startsecs=0
startretries=1000
redirect_stderr=true
stdout_logfile={output}
stdout_logfile_maxbytes=0
"""


class Supervisord(System):
    """It runs what its configuration names, so the loads are in there from the start."""

    name = "supervisord"

    def command(self) -> list[str]:
        self._http: Http | None = None
        config = self.folder / "conf"
        programs = "".join(self._program(load) for load in self.loads.values())
        config.write_text(CONFIG.format(folder=self.folder) + programs)
        return [str(PEERS / "bin/supervisord"), "-c", str(config)]

    def connect(self) -> None:
        self._http = Http(str(self.folder / "s"))
        self._call("getState")

    def disconnect(self) -> None:
        if self._http is not None:
            self._http.close()

    def start(self, name: str) -> None:
        self._call("startProcessGroup", name, False)

    def stop(self, name: str) -> None:
        self._call("stopProcessGroup", name, True)

    def count_ended(self, names: Sequence[str]) -> int:
        return sum(info["statename"] == "EXITED" for info in self._call("getAllProcessInfo"))

    def exit_is_known(self, name: str) -> bool:
        return bool(self._call("getProcessInfo", f"{name}:0")["statename"] == "EXITED")

    def output_files(self, name: str, index: int) -> list[Path]:
        return [self.folder / f"{name}-{index}"]

    def listings_a_second(self, clients: int) -> float:
        asked = _call_request("getAllProcessInfo")
        return answers_a_second(str(self.folder / "s"), asked, clients)

    def _program(self, load: Load) -> str:
        output = f"{self.folder}/{load.name}-%(process_num)d" if load.keep_output else "NONE"
        return PROGRAM.format(
            name=load.name,
            command=shlex.join(load.argv),
            replicas=load.replicas,
            restart="true" if load.restart else "false",
            output=output,
        )

    def _call(self, method: str, *arguments: object) -> Any:
        assert self._http is not None
        self._http.send(_call_request(method, *arguments))
        return loads(self._http.receive().decode())[0][0]


def _call_request(method: str, *arguments: object) -> bytes:
    body = dumps(arguments, f"supervisor.{method}").encode()
    return request("POST", "/RPC2", body, "text/xml")
