"""Which backend computes."""

import os
import subprocess
import sys
import threading

import pytest

from hornbook.backend import Ops, available_backends, get_backend, select, use_backend
from hornbook.errors import ConfigError


class OtherOps(Ops):
    """A second backend to choose from."""

    name = "other"


@pytest.fixture
def _two_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "BACKENDS", {"other": OtherOps, "numpy": Ops})


def run(setting: str | None, code: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "HORNBOOK_BACKEND"}
    if setting is not None:
        environment["HORNBOOK_BACKEND"] = setting
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


class TestEnvironment:
    @pytest.mark.parametrize("setting", [None, "", "numpy"])
    def test_the_variable_chooses(self, setting: str | None) -> None:
        result = run(setting, "import hornbook.backend as b; print(b.get_backend().name)")
        assert result.stdout == ("numpy" if setting else available_backends()[0]) + "\n"

    def test_an_unknown_name_is_a_config_error_at_the_first_use(self) -> None:
        code = (
            "import hornbook.backend as b\n"
            "from hornbook.errors import ConfigError\n"
            "for _ in range(2):\n"
            "    try: b.get_backend()\n"
            "    except ConfigError as error: print(error)\n"
        )
        line = f"HORNBOOK_BACKEND: expected one of {', '.join(available_backends())}, got 'cuda'\n"
        assert run("cuda", code).stdout == 2 * line


@pytest.mark.usefixtures("_two_backends")
class TestUseBackend:
    def test_it_holds_inside_of_the_block(self) -> None:
        before = get_backend()
        with use_backend("other") as ops:
            assert ops.name == "other"
            assert get_backend() is ops
        assert get_backend() is before

    def test_blocks_nest(self) -> None:
        with use_backend("other") as outer:
            with use_backend("numpy"):
                assert get_backend().name == "numpy"
            assert get_backend() is outer

    def test_an_error_ends_the_block(self) -> None:
        before = get_backend()
        with pytest.raises(ZeroDivisionError), use_backend("other"):
            raise ZeroDivisionError
        assert get_backend() is before

    def test_an_unknown_name_is_a_config_error_and_changes_nothing(self) -> None:
        before = get_backend()
        with pytest.raises(ConfigError, match="use_backend: expected one of other, numpy, got 'cuda'"):
            use_backend("cuda").__enter__()
        assert get_backend() is before

    def test_other_threads_keep_theirs(self) -> None:
        default, seen = get_backend(), []
        with use_backend("other"):
            thread = threading.Thread(target=lambda: seen.append(get_backend()))
            thread.start()
            thread.join()
        assert seen == [default]

    def test_the_fastest_comes_first(self) -> None:
        assert available_backends() == ["other", "numpy"]
