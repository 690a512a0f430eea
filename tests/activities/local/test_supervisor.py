"""The supervisor outlives its callers, and what it runs comes back."""

import asyncio
import sys
from pathlib import Path

import httpx
import psutil

from activities.local.home import Home
from activities.local.platform import LocalPlatform
from activities.local.programs import Program
from activities.local.supervisor import Supervisor
from tests.activities.local.conftest import SERVICE, free_port, processes_of
from tests.activities.local.waiting import until_said

NASTY = "50% \"quoted\" 'text' ; # $HOME `ls`\nand a second line"
ECHO = "import os, sys; open(sys.argv[1], 'w').write(sys.argv[2] + os.environ['SAID'])"


async def until_alive(supervisor: Supervisor, name: str, *, but: int = 0) -> int:
    async with asyncio.timeout(15):
        while True:
            state = (await supervisor.states()).get(name)
            if state is not None and state.pid not in (0, but):
                return state.pid
            await asyncio.sleep(0.05)


def is_alive(pid: int) -> bool:
    """A process that has ended but was not collected does not live."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def a_program(home: Home, name: str = "some.program") -> Program:
    command = (sys.executable, str(SERVICE))
    log = str(home.log(name))
    return Program(name=name, command=command, env={"PORT": str(free_port())}, log=log)


async def test_a_second_supervisor_attaches_to_the_first(platform: LocalPlatform) -> None:
    other = Supervisor(Home(platform.home.root))
    await other.start()

    assert await other.process_id() == await platform.supervisor.process_id()


async def test_callers_that_come_at_once_start_one(tmp_path: Path) -> None:
    several = [Supervisor(Home(tmp_path)) for _ in range(3)]
    try:
        await asyncio.gather(*(supervisor.start() for supervisor in several))
        assert len({await supervisor.process_id() for supervisor in several}) == 1
        assert len(processes_of(Home(tmp_path))) == 1
    finally:
        await several[0].shut_down()
    assert processes_of(Home(tmp_path)) == []


async def test_a_program_that_is_killed_comes_back(platform: LocalPlatform) -> None:
    supervisor, program = platform.supervisor, a_program(platform.home)
    await supervisor.ensure((program,))
    try:
        before = await until_alive(supervisor, program.name)
        await asyncio.sleep(1.1)  # what dies younger is given a pause first
        psutil.Process(before).kill()
        assert await until_alive(supervisor, program.name, but=before)
    finally:
        await supervisor.stop((program.name,))


async def test_a_stopped_program_is_forgotten(platform: LocalPlatform) -> None:
    supervisor, program = platform.supervisor, a_program(platform.home)
    await supervisor.ensure((program,))
    pid = await until_alive(supervisor, program.name)
    await supervisor.stop((program.name,))
    await supervisor.stop((program.name,))

    assert not is_alive(pid)
    files = platform.home.supervisor.glob(f"*/{program.name}.*")
    assert list(files) == []


async def test_a_program_gets_its_arguments_and_environment_as_they_are(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    heard = tmp_path / "100% heard"
    program = Program(
        name="echo",
        command=(sys.executable, "-c", ECHO, str(heard), NASTY),
        env={"SAID": NASTY},
        directory=str(tmp_path),
        log=str(platform.home.log("echo")),
    )
    await platform.supervisor.ensure((program,))
    try:
        await until_said(lambda: heard.exists() and heard.read_text() == NASTY + NASTY)
    finally:
        await platform.supervisor.stop(("echo",))


async def test_output_goes_to_the_file_of_the_manifest(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    log = tmp_path / "own.log"
    program = a_program(platform.home).model_copy(update={"append_to": str(log)})
    await platform.supervisor.ensure((program,))
    try:
        await until_said(lambda: log.exists() and "listening" in log.read_text())
    finally:
        await platform.supervisor.stop((program.name,))


async def test_a_program_that_cannot_start_does_not_stop_the_others(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    bad = Program(
        name="bad",
        command=("no-such-command",),
        directory=str(tmp_path / "missing"),
        append_to=str(tmp_path / "missing" / "too"),
        log=str(platform.home.log("bad")),
    )
    good = a_program(platform.home, "good")
    await platform.supervisor.ensure((bad,))
    await platform.supervisor.ensure((good,))
    try:
        assert await until_alive(platform.supervisor, "good")
    finally:
        await platform.supervisor.stop(("bad", "good"))


async def test_a_killed_supervisor_leaves_no_second_copies(tmp_path: Path) -> None:
    home = Home(tmp_path)
    supervisor = Supervisor(home)
    program = a_program(home)
    await supervisor.ensure((program,))
    try:
        before = await until_alive(supervisor, program.name)
        log = home.log(program.name)
        await until_said(lambda: log.exists() and "listening" in log.read_text())
        first = await supervisor.process_id()
        assert first is not None
        psutil.Process(first).kill()
        await supervisor.start()
        after = await until_alive(supervisor, program.name, but=before)
        assert not is_alive(before)
        url = f"http://127.0.0.1:{program.env['PORT']}/"
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(10):
            while True:
                try:
                    if (await http.get(url)).is_success:
                        break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        assert (await supervisor.states())[program.name].pid == after
    finally:
        await supervisor.shut_down()
    assert processes_of(home) == []


async def test_a_home_deep_in_the_file_system_works(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 30))
    supervisor = Supervisor(home)
    try:
        await supervisor.start()
        assert await supervisor.is_up()
    finally:
        await supervisor.shut_down()
        home.socket.parent.rmdir()


async def test_children_of_a_program_are_stopped_with_it(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    shell = f"sleep 1000 & echo $! > {child}; wait"
    program = Program(
        name="parent", command=("sh", "-c", shell), log=str(platform.home.log("parent"))
    )
    await platform.supervisor.ensure((program,))
    await until_said(lambda: child.exists() and bool(child.read_text().strip()))
    await platform.supervisor.stop(("parent",))

    await until_said(lambda: not is_alive(int(child.read_text())))
