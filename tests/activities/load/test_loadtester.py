import asyncio
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.activities.load.conftest import Target, eventually
from worker.loadtester.disk import StateError
from worker.loadtester.server import LoadTesterOptions, build, listen

CANARY = {"name": "shop", "namespace": "default"}


@asynccontextmanager
async def running(state: Path, **fields: object) -> AsyncGenerator[httpx.AsyncClient]:
    options = LoadTesterOptions.model_validate({"port": 0, "state": state, **fields})
    server = build(options)
    with listen(options) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            await serving


@pytest_asyncio.fixture
async def tester(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async with running(tmp_path / "state") as client:
        yield client


def a_task(command: str, task_type: str = "bash", **metadata: str) -> dict[str, object]:
    return {**CANARY, "metadata": {"type": task_type, "cmd": command, **metadata}}


async def newest(client: httpx.AsyncClient) -> dict[str, object]:
    """The last task, once it has ended."""
    async with asyncio.timeout(20):
        while True:
            found: list[dict[str, object]] = (await client.get("/tasks")).json()
            if found and found[0]["state"] != "running":
                return found[0]


@pytest.mark.parametrize("kind", ["gate", "rollback"])
async def test_a_gate_is_closed_until_opened_and_again_after_closing(
    tester: httpx.AsyncClient, kind: str
) -> None:
    answers = [
        (await tester.post(f"/{kind}/{verb}", json=CANARY)).status_code
        for verb in ("check", "open", "check", "close", "check")
    ]
    assert answers == [403, 202, 200, 202, 403]


async def test_gates_and_rollbacks_of_canaries_are_independent(tester: httpx.AsyncClient) -> None:
    await tester.post("/gate/open", json=CANARY)
    other = {"name": "shop", "namespace": "other"}
    assert (await tester.post("/rollback/check", json=CANARY)).status_code == 403
    assert (await tester.post("/gate/check", json=other)).status_code == 403


async def test_gates_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await client.post("/gate/open", json=CANARY)
    async with running(tmp_path) as client:
        assert (await client.post("/gate/check", json=CANARY)).status_code == 200


async def test_a_gate_that_cannot_be_kept_is_not_opened(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with running(state) as client:
        state.write_text("a file where the folder should be")
        answer = await client.post("/gate/open", json=CANARY)
        assert (answer.status_code, "gates.json" in answer.text) == (500, True)
        assert (await client.post("/gate/check", json=CANARY)).status_code == 403


def test_a_damaged_state_file_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "gates.json").write_text('{"gate": 5}')
    with pytest.raises(StateError, match=r"gates\.json"):
        build(LoadTesterOptions(state=tmp_path))


@pytest.mark.parametrize(
    ("path", "status"), [("/gate/approve", 200), ("/gate/halt", 403), ("/healthz", 200)]
)
async def test_fixed_answers_need_no_body(
    tester: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await tester.get(path)).status_code == status
    assert (await tester.post(path)).status_code == status


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({**CANARY}, "metadata"),
        (a_task("true", "concord"), "concord"),
        (a_task("true", "ngrinder"), "ngrinder"),
        (a_task("true", "terraform"), "terraform"),
        (a_task(" "), "cmd"),
        ({"metadata": {"cmd": "true"}}, "name"),
        ({**CANARY, "metadata": {"cmd": 5}}, "metadata.cmd"),
    ],
)
async def test_a_request_without_a_task_is_refused_readably(
    tester: httpx.AsyncClient, body: dict[str, object], named: str
) -> None:
    answer = await tester.post("/", json=body)
    assert answer.status_code == 400
    assert named in answer.text
    assert (await tester.get("/tasks")).json() == []


async def test_a_body_that_is_no_json_is_refused(tester: httpx.AsyncClient) -> None:
    assert (await tester.post("/", content="name=shop")).status_code == 400
    assert (await tester.post("/gate/open", content="")).status_code == 400


async def test_a_web_page_cannot_start_a_command(tester: httpx.AsyncClient) -> None:
    headers = {"Origin": "http://page.test", "Content-Type": "text/plain"}
    answer = await tester.post("/", content=json.dumps(a_task("true")), headers=headers)
    assert answer.status_code == 403
    assert (await tester.get("/tasks")).json() == []


async def test_only_matching_namespaces_are_served(tmp_path: Path) -> None:
    async with running(tmp_path, namespace_regexp="^team-") as client:
        allowed = {"name": "shop", "namespace": "team-a"}
        assert (await client.post("/gate/open", json=allowed)).status_code == 202
        assert (await client.post("/gate/open", json=CANARY)).status_code == 403
        assert (await client.post("/", json=a_task("true"))).status_code == 403


@pytest.mark.parametrize(
    ("task", "status", "text"),
    [
        (a_task("echo out"), 200, ""),
        (a_task("echo out", returnCmdOutput="true"), 200, "out\n"),
        (a_task("echo why >&2; exit 3"), 500, "why\n"),
        (a_task("exit 3"), 500, "failed: exit 3"),
        (a_task("[[ a == a ]]"), 200, ""),
    ],
)
async def test_a_bash_task_answers_how_it_ended(
    tester: httpx.AsyncClient, task: dict[str, object], status: int, text: str
) -> None:
    answer = await tester.post("/", json=task)
    assert (answer.status_code, answer.text) == (status, text)


async def test_a_missing_program_is_named(
    tester: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = await tester.post("/", json=a_task("test shop", "helmv3"))
    assert answer.status_code == 500
    assert "helm cannot be started" in answer.text


async def test_arguments_of_kubectl_are_split_as_a_shell_would(
    tester: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "kubectl", 'printf "<%s>" "$@"', monkeypatch)
    task = a_task("get pod -l 'app in (a, b)'", "kubectl", returnCmdOutput="true")
    assert (await tester.post("/", json=task)).text == "<get><pod><-l><app in (a, b)>"


def a_program(
    folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch, *others: str
) -> None:
    """Make it the only program in the path, beside `others`."""
    for other in ("sh", *others):
        found = shutil.which(other)
        assert found is not None
        (folder / other).symlink_to(found)
    program = folder / name
    program.write_text(f"#!{folder}/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


async def test_a_cmd_task_is_answered_at_once_and_its_failure_is_seen_later(
    tester: httpx.AsyncClient,
) -> None:
    answer = await tester.post("/", json=a_task("echo gone wrong; exit 7", "cmd"))
    assert answer.status_code == 202
    outcome = await newest(tester)
    assert (outcome["state"], outcome["exit_code"]) == ("failed", 7)
    assert outcome["output"] == "gone wrong\n"


async def test_a_hey_line_without_hey_is_run_by_the_built_in_generator(
    tester: httpx.AsyncClient, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = f"hey -n 20 -c 2 -m POST -d 'x y' {target.url}/cart"
    answer = await tester.post("/", json={**CANARY, "metadata": {"cmd": line}})
    assert answer.status_code == 202
    outcome = await newest(tester)
    assert outcome["state"] == "done"
    assert isinstance(report := outcome["report"], dict)
    assert (report["requests"], report["statuses"]) == (20, {"200": 20})
    assert target.seen == [("POST", "/cart", "x y")] * 20


async def test_a_hey_option_the_generator_lacks_is_refused_by_name(
    tester: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = await tester.post("/", json=a_task("hey -h2 http://shop.test", "cmd"))
    assert answer.status_code == 400
    assert "-h2" in answer.text


async def test_a_hey_line_is_run_by_hey_where_it_is_installed(
    tester: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "hey", 'echo "$@"', monkeypatch)
    await tester.post("/", json=a_task("hey -h2 http://shop.test", "cmd"))
    assert (await newest(tester))["output"] == "-h2 http://shop.test\n"


async def test_the_same_cmd_task_is_not_started_while_it_runs(
    tester: httpx.AsyncClient, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    task = a_task(f"until [ -e {go} ]; do sleep 0.05; done", "cmd")
    for _ in range(3):
        assert (await tester.post("/", json=task)).status_code == 202
    assert len((await tester.get("/tasks")).json()) == 1
    go.touch()
    await newest(tester)
    await tester.post("/", json=task)
    assert len((await tester.get("/tasks")).json()) == 2


async def test_a_task_that_takes_too_long_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with running(tmp_path / "state", timeout=2) as client:
        answer = await client.post("/", json=a_task(waiting(pids)))
        assert answer.status_code == 500
        assert "timed out" in answer.text
    await eventually(lambda: ended(pids))


def ended(pids: Path) -> bool:
    """A zombie has ended: an orphan that nobody reaps, where tests run without an init."""
    try:
        return all(
            psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
            for pid in pids.read_text().split()
            if psutil.pid_exists(int(pid))
        )
    except psutil.NoSuchProcess:
        return ended(pids)


def waiting(pids: Path) -> str:
    """A command that says which processes it consists of, and then does not end."""
    return f"sleep 1000 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait"


async def test_a_caller_that_leaves_takes_its_command_along(
    tester: httpx.AsyncClient, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    call = asyncio.create_task(tester.post("/", json=a_task(waiting(pids))))
    await eventually(pids.exists)
    call.cancel()
    assert (await newest(tester))["state"] == "cancelled"
    await eventually(lambda: ended(pids))


async def test_stopping_the_load_tester_leaves_no_command_behind(tmp_path: Path) -> None:
    pids, also = tmp_path / "pids", tmp_path / "also"
    async with running(tmp_path / "state") as client:
        await client.post("/", json=a_task(waiting(pids), "cmd"))
        headers = {"Idempotency-Key": "k"}
        call = asyncio.create_task(client.post("/", json=a_task(waiting(also)), headers=headers))
        await eventually(lambda: pids.exists() and also.exists())
        call.cancel()
    await eventually(lambda: ended(pids) and ended(also))


async def test_a_repeated_key_gets_the_first_answer_and_starts_nothing(
    tester: httpx.AsyncClient, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    task = a_task(f"echo x >> {ran}; echo why; exit 1")
    answers = [
        await tester.post("/", json=task, headers={"Idempotency-Key": "k"}) for _ in range(3)
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(500, "why\n")}
    assert ran.read_text() == "x\n"


async def test_a_retry_joins_the_run_that_its_caller_left(
    tester: httpx.AsyncClient, tmp_path: Path
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    command = f"echo x >> {ran}; until [ -e {go} ]; do sleep 0.05; done; echo end"
    task, headers = a_task(command, returnCmdOutput="true"), {"Idempotency-Key": "k"}
    first = asyncio.create_task(tester.post("/", json=task, headers=headers))
    await eventually(ran.exists)
    first.cancel()
    retries = [asyncio.create_task(tester.post("/", json=task, headers=headers)) for _ in "ab"]
    go.touch()
    assert [answer.text for answer in await asyncio.gather(*retries)] == ["end\n", "end\n"]
    assert ran.read_text() == "x\n"


async def test_a_key_is_remembered_over_a_restart(tmp_path: Path) -> None:
    ran, headers = tmp_path / "ran", {"Idempotency-Key": "k"}
    task = a_task(f"echo x >> {ran}; echo kept", returnCmdOutput="true")
    for _ in range(2):
        async with running(tmp_path / "state") as client:
            assert (await client.post("/", json=task, headers=headers)).text == "kept\n"
    assert ran.read_text() == "x\n"


async def test_a_keyed_task_cut_off_by_a_restart_is_not_run_again(tmp_path: Path) -> None:
    pids, headers = tmp_path / "pids", {"Idempotency-Key": "k"}
    task = a_task(waiting(pids))
    async with running(tmp_path / "state") as client:
        call = asyncio.create_task(client.post("/", json=task, headers=headers))
        await eventually(pids.exists)
        call.cancel()
    pids.unlink()
    async with running(tmp_path / "state") as client:
        answer = await client.post("/", json=task, headers=headers)
        assert (answer.status_code, "restarted" in answer.text) == (500, True)
    assert not pids.exists()


async def test_a_key_used_for_another_task_is_refused(tester: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    await tester.post("/", json=a_task("true"), headers=headers)
    assert (await tester.post("/", json=a_task("false"), headers=headers)).status_code == 422


async def test_a_keyed_task_does_not_start_when_its_key_cannot_be_kept(tmp_path: Path) -> None:
    state, ran = tmp_path / "state", tmp_path / "ran"
    task, headers = a_task(f"touch {ran}"), {"Idempotency-Key": "k"}
    async with running(state) as client:
        state.write_text("a file where the folder should be")
        assert (await client.post("/", json=task, headers=headers)).status_code == 500
        assert not ran.exists()
        state.unlink()
        assert (await client.post("/", json=task, headers=headers)).status_code == 200
        assert ran.exists()


async def test_tasks_that_ended_are_counted(tester: httpx.AsyncClient) -> None:
    await tester.post("/", json=a_task("true"))
    text = (await tester.get("/metrics")).text
    assert 'serinus_loadtester_tasks_total{state="done",type="bash"} 1.0' in text


async def test_the_last_hundred_tasks_are_kept(tester: httpx.AsyncClient) -> None:
    for number in range(103):
        await tester.post("/", json=a_task(f"true {number}"))
    kept = (await tester.get("/tasks")).json()
    assert [task["command"] for task in kept] == [f"true {n}" for n in range(102, 2, -1)]
