"""`sedna up`: what the person types and sees; one function wires the folder, the children and the waiting."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import click

from sedna.cli.client import GlobalManager
from sedna.cli.errors import CommandError
from sedna.cli.proving import Proof, proof_for
from sedna.cli.up import configs, restarting, waiting
from sedna.cli.up.children import Child, stop
from sedna.cli.up.configs import Setup

# A worker may take its 30 seconds of grace to end; the LocalController waits for it.
LC_STOP_SECONDS = 45.0
GM_STOP_SECONDS = 15.0


@click.command("up")
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=".", show_default=True,
    help="Folder that holds everything: configuration, state, images, logs.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the GlobalManager: 9000; 0 takes a free one.")
@click.option("--lc-port", type=click.IntRange(0, 65535), help="Port of the LocalController: 9100; 0 takes a free one.")
@click.option("--node", help="Name of this machine's node: edge-node.")
def up(folder: Path, port: int | None, lc_port: int | None, node: str | None) -> None:
    """Start everything on this machine.

    A GlobalManager and a LocalController run until Ctrl-C; one that dies is started again.

    Everything they keep is in one folder; starting again in the same folder goes on where it stopped. The options
    count when a folder is used first; later its gm.yml and lc.yml do.
    """
    folder = folder.absolute()
    commands = _installed("sedna-gm"), _installed("sedna-lc")
    stopping, hurry = threading.Event(), threading.Event()
    with _one_per_folder(folder), _signals(stopping, hurry):
        setup = configs.prepare(folder, port=port, lc_port=lc_port, node=node, check=_require_free_ports)
        _run(setup, commands, stopping, hurry)


def _require_free_ports(setup: Setup) -> None:
    if setup.gm_config.exists():
        gm_remedy = f"change `listen` in {setup.gm_config}, and `gm` in {setup.lc_config} accordingly"
    else:
        gm_remedy = "choose another with --port N (0: any that is free)"
    if setup.lc_config.exists():
        lc_remedy = f"change `listen` in {setup.lc_config}"
    else:
        lc_remedy = "choose another with --lc-port N (0: any that is free)"
    waiting.require_free(setup.gm_listen, "GlobalManager", f"Is another `sedna up` running? Stop it, or {gm_remedy}.")
    waiting.require_free(setup.lc_listen, "LocalController", f"Is another `sedna up` running? Stop it, or {lc_remedy}.")


def _run(setup: Setup, commands: tuple[str, str], stopping: threading.Event, hurry: threading.Event) -> None:
    gm_command, lc_command = commands
    gm = GlobalManager(setup.server, proof=_proof(setup))
    with ExitStack() as running:
        running.callback(gm.close)

        def begin(title: str, command: list[str], log: str, stop_seconds: float) -> Child:
            child = Child(title, command, setup.logs / log, setup.folder, stop_seconds=stop_seconds)
            running.callback(stop, child, hurry, _say)
            return child

        click.echo(f"Starting the GlobalManager on {setup.server} ...")
        serve = [gm_command, "serve", "--config", str(setup.gm_config)]
        manager = begin("GlobalManager", serve, "gm.log", GM_STOP_SECONDS)
        if waiting.until_ready([manager], lambda: waiting.answers(gm), "the GlobalManager is not ready", stopping):
            click.echo(f"Starting the LocalController of node {setup.node} ...")
            run = [lc_command, "run", "--config", str(setup.lc_config)]
            controller = begin("LocalController", run, "lc.log", LC_STOP_SECONDS)
            if waiting.until_ready(
                [manager, controller],
                lambda: waiting.node_is_ready(gm, setup.node, setup.lc_listen),
                f"the node {setup.node} is not Ready",
                stopping,
            ):
                click.echo(_welcome(setup))
            restarting.keep_running([manager, controller], stopping, _say)
        _say("Stopping; what is stored stays in the folder ...")
    _say("Stopped. `sedna up` in the same folder goes on from here.")


def _proof(setup: Setup) -> Proof:
    """Who starts this, for the question whether the node is Ready; nobody where nobody is asked."""
    if not setup.asks:
        return Proof()
    proof = proof_for(setup.server)
    if not proof.token:
        raise CommandError(
            f"{setup.gm_config} does not say `auth: none`, so say who you are, by SEDNA_TOKEN_FILE or KUBECONFIG."
            f" A token: sedna-gm token create NAME --role admin --config {setup.gm_config}"
        )
    return proof


def _say(text: str) -> None:
    """Tell the person; a terminal that was closed meanwhile must not keep us from stopping in order."""
    with suppress(OSError):
        click.echo(text)


def _welcome(setup: Setup) -> str:
    folder = shlex.quote(str(setup.folder))
    lines = [
        "",
        f"Sedna is up in {setup.folder}. Ctrl-C stops it.",
        f"  GlobalManager    {setup.server}   log: {setup.logs / 'gm.log'}",
        f"  LocalController  {setup.node}, on {setup.lc_listen}   log: {setup.logs / 'lc.log'}",
        f"  Dashboard        {setup.server}/",
        "",
        "Next, in another terminal:",
        f"  cd {folder}",
        f"  export SEDNA_SERVER={setup.server} KUBECONFIG={folder}/kubeconfig",
        "  sedna image build YOUR_CODE -t NAME:TAG    # the code that your job runs",
        "  sedna apply -f job.yaml                    # or: kubectl create -f job.yaml",
        f"                                             # or: curl {setup.server}/manifests"
        " -H 'Content-Type: application/yaml' --data-binary @job.yaml",
        "  sedna get ilj -w                           # or: kubectl get ilj -w",
    ]
    return "\n".join(lines)


def _installed(command: str) -> str:
    """Return the daemon's path: the one installed beside this command, else the one on PATH."""
    beside = Path(sys.executable).parent / command
    found = str(beside) if beside.exists() else shutil.which(command)
    if not found:
        raise CommandError(f"{command} is not installed here. Install it: pip install 'sedna-metal[gm,lc]'.")
    return found


@contextmanager
def _one_per_folder(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".up.lock").open("w")
    except OSError as error:
        raise CommandError(f"cannot use {folder}: {error.filename or ''}: {error.strerror}.") from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(f"another `sedna up` is running in {folder}.") from error
        yield


@contextmanager
def _signals(stopping: threading.Event, hurry: threading.Event) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into the stop event; a second one ends the children at once.

    SIGHUP comes when the terminal is closed. The daemons read their settings again at theirs, but they are in
    sessions of their own and never get it. Who starts us with nohup wants it ignored, and so it stays.
    """

    def told(_number: int, _frame: FrameType | None) -> None:
        (hurry if stopping.is_set() else stopping).set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, told) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
