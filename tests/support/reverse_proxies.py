"""nginx, Caddy and Traefik with the configurations of scripts/deploy/proxies: as they are, but for ports and paths."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).parents[2]
FILES = ROOT / "scripts" / "deploy" / "proxies"
TRAEFIK = ROOT / ".cache" / "proxies" / "bin"
SYSTEM = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
NAME = "a3cp.example"


@dataclass(frozen=True)
class Place:
    """What a configuration of these tests has of its own."""

    folder: Path
    port: int
    gateway: str
    at_the_top: bool

    def placed(self, name: str, listens: tuple[str, str], top: tuple[str, str]) -> str:
        """A file of scripts/deploy/proxies with this place's addresses and certificate."""
        moves = [
            listens,
            ("http://127.0.0.1:8000", self.gateway),
            ("127.0.0.1:8000", self.gateway.removeprefix("http://")),
            ("/etc/ssl/a3cp.example.pem", str(self.folder / "chain.pem")),
            ("/etc/ssl/private/a3cp.example.key", str(self.folder / "key.pem")),
        ]
        text = (FILES / name).read_text()
        for old, new in moves + [top] * self.at_the_top:
            assert old in text or old.startswith(("http", "127", "/etc")), (name, old)
            text = text.replace(old, new)
        return text


def _nginx(place: Place) -> list[str]:
    site = place.placed(
        "nginx.conf", ("listen 443", f"listen 127.0.0.1:{place.port}"), ("location /a3cp/", "location /")
    )
    if place.at_the_top:
        site = re.sub(r"    location = /a3cp \{.*?\}\n", "", site, flags=re.DOTALL)
    folder = place.folder
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder / 'nginx.pid'};\nerror_log {folder / 'log'} warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{own}{site}}}\n"
    )
    return ["nginx", "-p", str(folder), "-e", str(folder / "log"), "-c", str(folder / "nginx.conf")]


def _caddy(place: Place) -> list[str]:
    folder, port = place.folder, place.port
    certificate = f"\tbind 127.0.0.1\n\ttls {folder / 'chain.pem'} {folder / 'key.pem'}\n"
    site = place.placed("Caddyfile", (f"{NAME} {{\n", f"https://{NAME}:{port} {{\n{certificate}"), ("/a3cp*", "*"))
    log = f"log {{\n\t\toutput file {folder / 'log'}\n\t}}"
    own = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}\n\t{log}\n}}\n"
    (folder / "Caddyfile").write_text(own + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _traefik(place: Place) -> list[str]:
    folder = place.folder
    route, own = folder / "traefik-a3cp.yaml", f"\nlog: {{filePath: {folder / 'log'}}}\n"
    start = place.placed("traefik.yaml", ('":443"', f'"127.0.0.1:{place.port}"'), ("", ""))
    (folder / "traefik.yaml").write_text(start.replace("/etc/traefik/traefik-a3cp.yaml", str(route)) + own)
    route.write_text(place.placed("traefik-a3cp.yaml", ("", ""), ("PathPrefix(`/a3cp`)", "PathPrefix(`/`)")))
    return ["traefik", f"--configFile={folder / 'traefik.yaml'}"]


PROXIES: Mapping[str, Callable[[Place], list[str]]] = {"nginx": _nginx, "caddy": _caddy, "traefik": _traefik}


def installed(name: str) -> str | None:
    """The path of a proxy's program; None if this machine has none."""
    return shutil.which(name, path=f"{TRAEFIK}:{SYSTEM}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def proxy(name: str, place: Place) -> Iterator[None]:
    """Run a proxy at the place; its folder has the certificate. It answers before the block begins."""
    program, *arguments = PROXIES[name](place)
    log = place.folder / "log"
    log.touch()
    with (place.folder / "said").open("wb") as said:
        process = subprocess.Popen([str(installed(program)), *arguments], stdout=said, stderr=said)
    try:
        wait_until(
            lambda: _serves(place),
            f"{name} serves the gateway",
            unless=lambda: process.poll() is not None and (place.folder / "said").read_text() + log.read_text(),
        )
        yield
    finally:
        process.terminate()
        process.wait()
    if name == "nginx":
        assert "buffered to a temporary file" not in log.read_text()


def _serves(place: Place) -> bool:
    """Whether the gateway answers through the proxy. Traefik listens before it has read its certificate."""
    url = f"https://127.0.0.1:{place.port}{'' if place.at_the_top else '/a3cp'}/livez"
    with httpx.Client(verify=False, timeout=DEADLINE_S) as client, suppress(httpx.TransportError):
        return client.get(url, headers={"Host": NAME}, extensions={"sni_hostname": NAME}).is_success
    return False
