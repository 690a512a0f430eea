import contextlib
import socket
from pathlib import Path

import pytest

from activities.local.ports import LOOPBACK, is_free
from worker.stack import ports
from worker.stack.ports import Ports, StackFileError


def test_ports_are_chosen_once_for_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert ports.read(home) is None
    first = ports.claim(home, usual=False)
    assert ports.claim(home, usual=True) == first
    assert ports.read(home) == first
    assert [path.name for path in home.iterdir()] == ["stack.json"]


def test_chosen_ports_differ_and_stay_clear_of_outgoing_connections() -> None:
    chosen = list(ports.choose(usual=False).model_dump().values())
    assert len(set(chosen)) == len(chosen)
    assert all(port in ports.FREE_RANGE for port in chosen)


def test_a_usual_port_that_is_taken_is_replaced() -> None:
    usual = Ports()
    with socket.socket() as taken:
        with contextlib.suppress(OSError):
            # Where somebody else holds it already, it is taken all the same.
            taken.bind((LOOPBACK, usual.loadtester))
            taken.listen()
        assert not is_free(usual.loadtester)
        assert ports.choose(usual=True).loadtester in ports.FREE_RANGE


def test_a_broken_stack_file_says_what_to_do(tmp_path: Path) -> None:
    ports.path_of(tmp_path).write_text("{")
    with pytest.raises(StackFileError, match="remove it and run `serinus up` again"):
        ports.read(tmp_path)
