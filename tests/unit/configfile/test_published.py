"""What is published beside the reader keeps up with it: schema, reference, examples."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from tenbin.configfile import json_schema, read
from tenbin.configfile.native import schema
from tenbin.configfile.native.loader import parse
from tenbin.configfile.reader import examine
from tenbin.configfile.source import Source
from unit.configfile.schema_check import wrong

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "configuration.md"
RIGHT = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "tests" / "golden" / "config-ok").glob("*.txt")])
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def definitions() -> dict[str, dict[str, object]]:
    found = json_schema()
    return {"Root": found, **found["$defs"]}  # type: ignore[dict-item]


def test_the_schema_describes_every_key() -> None:
    for name, model in definitions().items():
        assert model["additionalProperties"] is False, name
        for key, about in model["properties"].items():  # type: ignore[attr-defined]
            assert about.get("description"), f"{name}.{key}"


def test_the_schema_allows_null_only_where_it_means_something() -> None:
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    found = str(json_schema())
    assert found.count("'null'") == 1


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_right_files_are_right_by_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8").partition("\n----\n")[0]
    tree, _ = parse(Source(path.name, text), {"HOST": "10.0.0.9"})
    assert tree is not None
    assert wrong(tree.root, json_schema(), json_schema()) == []


def test_a_wrong_file_is_wrong_by_the_schema() -> None:
    found = wrong({"listen": ":80", "threads": 0, "lisen": 1, "backends": [{}]}, json_schema(), json_schema())
    assert found == ["/threads: range", ": lisen", "/backends: oneOf"]


def tables() -> list[ParameterSet]:
    text = REFERENCE.read_text(encoding="utf-8")
    found = re.findall(r"<!-- keys: (\w+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    return [pytest.param(name, table, id=name) for name, table in found]


@pytest.mark.parametrize(("name", "table"), tables())
def test_the_reference_is_true(name: str, table: str) -> None:
    assert table == schema.reference(name)


def test_the_reference_is_complete() -> None:
    shown = {param.values[0] for param in tables()}
    assert set(schema.documents()) - {"Plain"} == shown


def blocks() -> list[ParameterSet]:
    text = REFERENCE.read_text(encoding="utf-8")
    return [
        pytest.param(block, id=str(index))
        for index, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    ]


@pytest.mark.parametrize("block", blocks())
def test_what_the_reference_shows_loads(block: str) -> None:
    read(block, "configuration.md", environment={}, directory=ROOT)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with the certificate that one tells its reader to make."""
    folder = tmp_path_factory.mktemp("of") / "examples"
    shutil.copytree(ROOT / "examples", folder)
    (folder / "certs").mkdir(exist_ok=True)
    make_certificate(folder / "certs" / "localhost.pem")
    return folder


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_load(path: Path, examples: Path) -> None:
    outcome = examine(examples / path.name, environment={})
    assert outcome.config is not None
    if path.stem != "seeds3":
        assert outcome.diagnostics == ()


def test_there_are_examples() -> None:
    assert {"checks", "grpc", "https", "limits", "seeds3", "sticky", "tcp", "web"} <= {path.stem for path in EXAMPLES}


def test_ten_thousand_servers_load_at_once() -> None:
    servers = "".join(
        f'      s{i}: {{address: "10.0.{i // 256}.{i % 256}:80", weight: {i % 256}}}\n' for i in range(10_000)
    )
    text = f'frontends: {{web: {{listen: ":80", backend: app}}}}\nbackends:\n  app:\n    servers:\n{servers}'
    assert len(read(text, "f", environment={}, directory=ROOT).backends[0].servers) == 10_000
