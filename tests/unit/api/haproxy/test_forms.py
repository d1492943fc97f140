"""Forms of the statistics: places of columns never move, and texts cannot leave their fields."""

from __future__ import annotations

import json

from tenbin.api.haproxy import forms
from tenbin.api.haproxy.columns import FIXED, PREFIX, fixed
from tenbin.api.haproxy.rows import Row

ROW = Row(2, 3, 1, "be", "s1", {"pxname": "be", "svname": 's"1', "qcur": 4, "lastsess": -1, "check_desc": "a,b"})


def test_columns_are_where_monitoring_looks_for_them() -> None:
    names = [column.name for column in FIXED]
    assert [names.index(name) for name in ("status", "check_status", "addr", "agg_check_status")] == [17, 36, 73, 102]
    assert (len(names), len(fixed((2, 6)))) == (119, PREFIX)


def test_csv_quotes_only_what_it_must() -> None:
    head, line = forms.csv([ROW], (2, 6)).splitlines()
    assert head.split(",")[PREFIX] == "-"
    assert line.startswith('be,"s""1",4,,')
    assert '"a,b"' in line


def test_typed_and_json_tell_of_what_is_there_only() -> None:
    assert "S.3.1.2.qcur.1:MGP:u32:4" in forms.typed([ROW], (3, 2)).splitlines()
    (values,) = json.loads(forms.as_json([ROW], (3, 2)))
    assert [value["field"]["name"] for value in values] == ["pxname", "svname", "qcur", "lastsess", "check_desc"]
    assert values[3]["value"] == {"type": "s32", "value": -1}
    json.loads(forms.schema())
