"""No message shows a secret, whatever is wrong around it; to look for them takes one look at the text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile import render
from tenbin.configfile.reader import examine_text
from tenbin.configfile.secrets import find, hide, is_secret

if TYPE_CHECKING:
    from pathlib import Path

MARK = "S3cr3tM4rker"
LONG = f"{MARK}-{MARK}"
GOOD = 'listen: ":8080"\nbackends: ["10.0.0.1:80"]\n'

BROKEN = [
    f'admin: {{address: "127.0.0.1:8404", token: {LONG}, tokn: x}}',
    f"admin: {{tokens: {LONG}}}",
    f"admin: {{password: {LONG}, x: 1}}",
    f"admin:\n  token: {MARK}\n",
    f"admin:\n  token: [{LONG}]\n",
    f"admin:\n  token: |\n    {LONG}\n    é\n",
    f'admin:\n  token: "{LONG}\\x00"\n',
    f'admin: {{token: "{LONG}',
    f"admin: {{token: '{LONG}', address: [}}",
    f"admin:\n  token {LONG}\n",
    f"admin: {{token {LONG}}}",
    f"admin: {{token={LONG}}}",
    f"admin:\n\ttoken: {LONG}\n",
    f"admin:\n  token: {LONG}: more\n",
    f"admin:\n  token: {LONG}\n  token: {LONG}\n",
    f"admin:\n  token: !secret {LONG}\n",
    f"admin:\n  token: &t {LONG}\n  address: *t\n",
    "admin:\n  token: ${SHORT}\n",
    "admin:\n  token: ${LONG} é\n",
    "admin: {token: '${LONG}', tokn: '${LONG}'}\n",
    "admin:\n  token: ${NUMBER}\n",
    f"admin:\n  token: ${{UNSET:-{MARK}}}\n",
    f"admin: {{token: {LONG}, token_file: x}}",
    f"admin: {{read_token: {LONG}, read_token_file: x}}",
    f"routes: [{{prefix: /, request: {{set: {{Authorization: Bearer {LONG}, 'a b': x}}}}}}]",
    f"routes:\n  - {{prefix: /, request: {{set: {{X-Api-Key: '{LONG}\\n', 'a b': x}}}}}}",
    f"secret: {LONG}",
    f"admin: {{tokn: {LONG}}}",
    f"admin:\n  toekn: {LONG}",
    f"admin:\n  read-token: {LONG}",
    f"admin:\n  pasword : {LONG}",
    f"admin: {{token: {LONG}}} # once {LONG}\nx: 1 # and {LONG}",
]


@pytest.mark.parametrize("text", BROKEN)
def test_no_message_shows_it(text: str, tmp_path: Path) -> None:
    environment = {"SHORT": MARK, "LONG": LONG, "NUMBER": "123456789012345678901234"}
    outcome = examine_text(GOOD + text + "\n", "tenbin.yaml", environment=environment, directory=tmp_path)
    assert outcome.config is None
    shown = render(outcome.diagnostics) + repr(outcome.diagnostics)
    assert MARK not in shown
    assert environment["NUMBER"] not in shown


def test_a_right_file_holds_it_and_shows_it_nowhere(tmp_path: Path) -> None:
    text = GOOD + f"admin: {{token: {LONG}, read_token: {LONG}r}}\n"
    config = examine_text(text, "tenbin.yaml", environment={}, directory=tmp_path).config
    assert config is not None
    assert config.admin is not None
    assert (config.admin.token, config.admin.read_token) == (LONG, f"{LONG}r")
    assert MARK not in repr(config)


def test_everything_else_keeps_its_place() -> None:
    text = f"a: 1\ntoken: {LONG} # why\nb: {{secret: 'x''y', c: 2}}\nd: \"token\"\n"
    hidden = hide(text)
    assert len(hidden) == len(text)
    assert hidden.replace("*", "") == 'a: 1\ntoken:  # why\nb: {secret: , c: 2}\nd: "token"\n'
    assert [is_secret(key) for key in ("token", "X-Api-Key", "token_file", "cookie", "key")] == [
        True,
        True,
        *[False] * 3,
    ]


@pytest.mark.parametrize(
    "text",
    [
        ("body: ", "x", ""),
        ("", "-", ""),
        ("token: a", " ", "b"),
        ("token:", " ,", " x"),
        ("{token: ", "token: a, ", "}"),
        ("token: '", "''", ""),
        ('token: "', "\\a", ""),
        ("", "token: |\n  a\n", ""),
        ("token: ${", "a", ""),
        ("", "{", ""),
    ],
    ids=lambda text: repr(text[0] + text[1]),
)
def test_sixteen_times_the_text_takes_no_more_than_sixteen_times_as_long(text: tuple[str, str, str]) -> None:
    """Four times that at most, for what else the machine does; if it grew with the square it would be 256 times."""
    before, repeated, after = text

    def duration(times: int) -> float:
        whole = before + repeated * times + after
        began = time.thread_time()
        find(whole)
        return time.thread_time() - began

    small, large = (min(duration(times) for _ in range(5)) for times in (2_000, 32_000))
    assert large < 4 * 16 * small
