"""Conditions beyond the common names: facts and converters of the vocabulary, rates, tables, maps."""

from __future__ import annotations

import pytest

from tenbin.configfile import expression
from tenbin.configfile.expression.facts import converters, fetches
from tenbin.configfile.problem import Mistake
from tenbin.model import KeyType
from unit.configfile.compact import expression as shown

CONDITIONS = {
    'req.hdr("x") == "a"': "(req.hdr('x') eq 'a')",
    'req.hdr("x", -1) == "a"': "(req.hdr('x', -1) eq 'a')",
    'req.hdr_cnt("host") > 1': "(req.hdr_cnt('host') gt 1)",
    "unique_id is None": "(unique-id eq None)",
    "ssl_c_verify == 0": "(ssl_c_verify eq 0)",
    'be_conn("app") > 3': "(be_conn('app') gt 3)",
    'dst in "10.0.0.0/8"': "(dst ip '10.0.0.0/8')",
    "wait_end": "wait_end",
    'var("txn.a") == "b"': "(var('txn.a') eq 'b')",
    'header("x").lower().field(1, ":") == "b"': "(field(lower(header('x')), 1, ':') eq 'b')",
    "path.length() > 3": "(length(path) gt 3)",
    'source.ipmask("24") in "10.0.0.0/8"': "(ipmask(source, '24') ip '10.0.0.0/8')",
    'table("t").conn_cur > 5': "(src_conn_cur('t') gt 5)",
    'table("t").gpc0 > 5': "(src_get_gpc0('t') gt 5)",
    'table("t").gpc(1) > 5': "(src_get_gpc(1, 't') gt 5)",
    'table("t").gpc_rate(1) > 5': "(src_gpc_rate(1, 't') gt 5)",
    'table("t", header("k")).http_err_rate > 5': "(table_http_err_rate(header('k'), 't') gt 5)",
    'table("t", header("k")).gpc(1) > 5': "(table_gpc(header('k'), 1, 't') gt 5)",
    'rate(source, "10s") > 100': "(table_http_req_rate(source, 'rate(source, 10s)') gt 100)",
    'map("h.map", host, "none") == "app"': "(map_str(host, 'h.map', 'none') eq 'app')",
    'map("n.map", source, "-", "ip") == "app"': "(map_ip(source, 'n.map', '-') eq 'app')",
    'map("h.map", host)': "map_str(host, 'h.map')",
}


@pytest.mark.parametrize("code", CONDITIONS)
def test_everything_in_the_vocabulary_can_be_asked_for(code: str) -> None:
    assert shown(expression.condition(code).expression) == CONDITIONS[code]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("srv_name == 's1'", "`srv_name` is not known before the server has answered"),
        ('req.hdr("x", "y") == "a"', "`req.hdr` takes a number here"),
        ("req.hdr() == 'a'", "`req.hdr` takes"),
        ("stopping(1)", "`stopping` takes no arguments"),
        ("source_port.field(1) == 'a'", "`field` takes 2 to 3 arguments, not 1"),
        ('path.regsub("(", "")', "not a regular expression"),
        ('rate(path == "/", "1s") > 1', "the same for everyone, or a condition"),
        ('rate(source, "soon") > 1', "not a length of time"),
        ("table(path).conn_cur > 1", "`table` takes the name of a table"),
        ('map(path, host) == "a"', "the file must be a literal text"),
        ('map("h.map", host, "", "nearest") == "a"', "not a way to look up"),
    ],
)
def test_what_is_wrong_is_told(code: str, message: str) -> None:
    with pytest.raises(Mistake) as raised:
        expression.condition(code)
    assert message in str(raised.value)


def test_rules_on_answers_know_the_server() -> None:
    assert shown(expression.condition("srv_name == 's1'", answer=True).expression) == "(srv_name eq 's1')"


def test_what_is_to_be_remembered_is_told() -> None:
    found = expression.condition('rate(header("key"), "1m") > 9 or table("t").gpt0 == 1 or map("m", path) is None')
    (rate,) = found.rates
    assert (rate.type, rate.period, shown(rate.key)) == (KeyType.STRING, 60_000, "header('key')")
    assert [use.name for use in found.tables] == ["t"]
    assert [use.name for use in found.lists] == ["m"]


def test_texts_tell_what_is_to_be_remembered_too() -> None:
    found = expression.text('{rate(source, "10s")} of {map("m", host, "nobody")}')
    assert [rate.period for rate in found.rates] == [10_000]
    assert [use.name for use in found.lists] == ["m"]


def test_names_can_be_written_in_python() -> None:
    assert all(part.isidentifier() for name in fetches() for part in name.split("."))
    assert all(name.isidentifier() for name in converters())
