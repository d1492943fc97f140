"""Files: which are read, which are refused and why, and what the errors carry."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenbin.configfile import Severity, examine, from_proxy, load, read, template
from tenbin.errors import ConfigError
from tenbin.model import Address, Mode, ToBackend

GOOD = 'listen: ":8080"\nbackends: [10.0.0.1:80]\n'


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        load(path, environment={})
    return str(raised.value)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tenbin.yaml"
    path.write_text(GOOD)
    config = load(path, environment={})
    assert config.origin == str(path)
    assert config.frontends[0].listeners[0].position == f"{path}:1:9"
    assert 1 <= config.threads <= 64


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "tenbin.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(path, environment={}).frontends[0].listeners[0].position.endswith(":1:9")


def test_the_environment_is_what_was_handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_TEST_HOST", "10.0.0.1")
    path = tmp_path / "tenbin.yaml"
    path.write_text('listen: ":8080"\nbackends: ["${TENBIN_TEST_HOST}:80"]\n')
    assert "TENBIN_TEST_HOST" in refusal(path)
    assert load(path, environment={"TENBIN_TEST_HOST": "h"}).backends[0].servers[0].address == Address("h", 80)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.yaml")
    assert "is a directory" in refusal(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"# caf\xe9\n" + GOOD.encode())
    assert "not UTF-8: byte 0xe9 in line 1" in refusal(latin)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("nginx.conf", "", "nginx"),
        ("lb", "http {\n  upstream app {\n", "nginx"),
        ("lb.py", "", "Python"),
        ("lb.toml", "", "TOML"),
    ],
)
def test_other_languages_are_refused_by_name_or_content(tmp_path: Path, name: str, text: str, what: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert what in refusal(path)
    assert "Traceback" not in refusal(path)


def test_json_is_yaml(tmp_path: Path) -> None:
    path = tmp_path / "lb.json"
    path.write_text('{"listen": ":8080", "backends": ["10.0.0.1:80"]}')
    assert load(path, environment={}).backends[0].name == "default"


def test_an_error_carries_every_problem() -> None:
    with pytest.raises(ConfigError) as raised:
        read('listen: ":80800"\nthreads: 0\nbackends: [a]\n', "f", environment={}, directory=Path())
    error = raised.value
    assert [one.position for one in error.diagnostics] == ["f:1:9", "f:2:10", "f:3:12"]
    assert {one.severity for one in error.diagnostics} == {Severity.ERROR}
    assert str(error).count("\n    ^") + str(error).count(" ^") >= 3
    assert error.exit_code == 1


def test_warnings_do_not_stop(tmp_path: Path) -> None:
    path = tmp_path / "tenbin.yaml"
    path.write_text('listen: ":8080"\nbackends: [{address: "10.0.0.1:80", weight: 0}]\n')
    outcome = examine(path, environment={})
    assert outcome.config is not None
    assert [one.severity for one in outcome.warnings] == [Severity.WARNING]
    assert load(path, environment={}) == outcome.config


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / "token").write_text("0123456789abcdef0123\n")
    (tmp_path / "token").chmod(0o600)
    path = tmp_path / "tenbin.yaml"
    path.write_text(
        GOOD + "routes: [{path: /, respond: {file: page.html}}]\nadmin: {token_file: token}\nlog: access.log\n"
    )
    outcome = examine(path, environment={})
    assert outcome.diagnostics == ()
    config = outcome.config
    assert config is not None
    assert config.admin is not None
    assert config.admin.token == "0123456789abcdef0123"  # noqa: S105 - of this test alone
    assert config.access_log.target == str(tmp_path / "access.log")
    assert "0123456789abcdef" not in repr(config)


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef0123\n")
    os.chmod(tmp_path / "token", 0o644)  # noqa: PTH101 - beside its sister above
    path = tmp_path / "tenbin.yaml"
    path.write_text(GOOD + "admin: {token_file: token}\n")
    outcome = examine(path, environment={})
    assert outcome.config is None
    assert "others can read" in outcome.diagnostics[0].message


def test_a_command_line_is_a_configuration() -> None:
    config = from_proxy(":8080", ["10.0.0.1:80", "[::1]:80"])
    assert [str(server.address) for server in config.backends[0].servers] == ["10.0.0.1:80", "[::1]:80"]
    assert config.frontends[0].routes[0].action == ToBackend("default")
    assert config.admin is not None
    tcp = from_proxy("*:5432", ["db:5432"], tcp=True, algorithm="least_conn", settings={"admin": None, "threads": 3})
    assert (tcp.frontends[0].mode, tcp.admin, tcp.threads) == (Mode.TCP, None, 3)
    with pytest.raises(ConfigError) as raised:
        from_proxy("8080", ["10.0.0.1"])
    assert len(raised.value.diagnostics) == 2


def test_the_template_loads(tmp_path: Path) -> None:
    path = tmp_path / "tenbin.yaml"
    path.write_text(template())
    assert examine(path, environment={}).diagnostics == ()


def test_every_comment_of_the_template_can_be_taken_in() -> None:
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and ":" in line else line
        for line in template().splitlines()
    ]
    text = "\n".join(line for line in lines if not line.startswith(("Tenbin,", "`tenbin", "The HTTP")))
    config = read(text, "template", environment={}, directory=Path())
    assert len(config.frontends[0].routes) == 6
    assert config.watch
