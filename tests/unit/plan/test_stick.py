"""Tables and rules that keep clients on their servers."""

from __future__ import annotations

from tenbin.model import Duration, Fetch, KeyType, StickRule, StickyKey, StickySource, Stored, Table
from tenbin.plan import wire
from tenbin.plan.stick import implied_table, stick, tables
from unit.plan.samples import backend, config


def test_what_sticks_by_address_or_text_has_a_table_and_a_rule_of_its_own() -> None:
    by_source = backend("db", sticky=StickySource(Duration(60_000), 1000))
    by_text = backend("app", sticky=StickyKey(Fetch("cookie", ("sid",)), Duration(5000), 10))
    plain = backend("plain")
    found = tables(config(backends=(by_source, by_text, plain)))
    assert [(one.name, one.key, one.size, one.expire) for one in found] == [
        (implied_table("db"), "ipv6", 1000, 60_000),
        (implied_table("app"), "string", 10, 5000),
    ]
    (rule,) = stick(by_text)
    assert (rule.match, rule.store, rule.answer, rule.table) == (True, True, False, implied_table("app"))
    assert rule.when == rule.key, "clients that say nothing have nothing in common"
    assert stick(plain) == ()


def test_written_tables_and_rules_come_first() -> None:
    table = Table("seen", KeyType.IP, 0, 100, 0, keep=True, stored=(Stored("gpc", count=3), Stored("conn_rate", 10)))
    rule = StickRule(match=False, store=True, answer=True, key=Fetch("status"), table="seen", when=None)
    both = backend("both", sticky=StickySource(Duration(1), 1), stick=(rule,))
    written, implied = tables(config(backends=(both,), tables=(table,)))
    assert written.stored == (
        wire.Stored(name="gpc", period=0, count=3),
        wire.Stored(name="conn_rate", period=10, count=0),
    )
    assert (written.keep, implied.name) == (True, "both/sticky")
    assert [one.table for one in stick(both)] == ["seen", "both/sticky"]
