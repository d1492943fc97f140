"""The page as HTML: a table for each proxy, with the columns that HAProxy's users know.

Owns the markup. Every text that comes from a configuration, a server or a client is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tenbin.api.haproxy.info import duration, version_text
from tenbin.api.haproxy.page.actions import ACTIONS, OUTCOMES
from tenbin.api.haproxy.page.cells import GROUPS, cells
from tenbin.api.haproxy.page.style import STYLE
from tenbin.api.haproxy.roster import version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tenbin.api.haproxy.page.ask import Ask
    from tenbin.api.haproxy.port import Sight
    from tenbin.api.haproxy.roster import Entry
    from tenbin.api.haproxy.rows import Row
    from tenbin.model import StatsPage

_LEGEND = (
    ("up", "active UP"),
    ("backup-up", "backup UP"),
    ("going-down", "UP, going down"),
    ("going-up", "DOWN, going up"),
    ("down", "DOWN"),
    ("no-check", "not checked"),
    ("maint", "MAINT"),
    ("drain", "DRAIN, NOLB: no new work"),
)


def render(
    page: StatsPage, ask: Ask, sight: Sight, proxies: Iterable[tuple[Entry, Sequence[Row]]], nonce: str, *, admin: bool
) -> str:
    """Return the document; `admin`: with forms."""
    title = "Statistics Report" + (f" for {page.node}" if page.node else "")
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">',
        f'<style nonce="{nonce}">{STYLE}</style></head><body>',
        *_head(page, ask, sight, title),
        *_outcome(ask),
    ]
    shown = 0
    for entry, rows in proxies:
        shown += 1
        parts += _proxy(page, ask, entry, rows, admin=admin)
    if not shown:
        parts.append('<p class="note">No proxy has this in its name.</p>')
    parts.append("</body></html>")
    return "".join(parts)


def _head(page: StatsPage, ask: Ask, sight: Sight, title: str) -> Iterator[str]:
    version = "" if page.hide_version else f" {escape(version_text(version_of(sight.config)))}"
    yield f"<header><h1>Tenbin{version}: {escape(title)}</h1>"
    if page.description:
        yield f"<p>{escape(page.description)}</p>"
    process = sight.status.process
    facts = [("threads", str(sight.status.threads)), ("maxconn", str(sight.status.max_connections))]
    if process is not None:
        facts = [
            ("pid", str(process.pid)),
            ("uptime", duration(process.uptime)),
            *facts,
            ("ulimit-n", str(process.descriptors_limit)),
            ("current conns", str(process.connections)),
            ("conn rate", f"{sum(one.traffic.rate_connections for one in sight.status.frontends if one.traffic)}/s"),
            ("requests", str(process.requests)),
        ]
    yield '<div class="about">' + "".join(f"<span>{name} <b>{escape(value)}</b></span>" for name, value in facts)
    yield "</div></header>"
    yield from _tools(page, ask)
    yield '<div class="legend" aria-label="colours">'
    yield "".join(f'<span class="{kind}">{text}</span>' for kind, text in _LEGEND)
    yield "</div>"


def _tools(page: StatsPage, ask: Ask) -> Iterator[str]:
    up, calm = ["up"] if ask.up else [], [] if ask.refresh else ["norefresh"]
    links = [
        (
            "Show all servers" if ask.up else "Hide 'DOWN' servers",
            ask.link(page.uri, *([] if ask.up else ["up"]), *calm),
        ),
        ("Refresh now", ask.link(page.uri, *up, *calm)),
        ("CSV export", ask.link(page.uri, "csv", "norefresh")),
        ("JSON export", ask.link(page.uri, "json", "norefresh")),
        ("schema", ask.link(page.uri, "json-schema")),
    ]
    if page.refresh:
        text = "Disable refresh" if ask.refresh else "Enable refresh"
        links.insert(1, (text, ask.link(page.uri, *up, *(["norefresh"] if ask.refresh else []))))
    yield '<nav class="tools">'
    yield "".join(f'<a href="{escape(target)}">{escape(text)}</a>' for text, target in links)
    yield f'<form method="get" action="{escape(page.uri)}" role="search"><label>Scope: '
    yield f'<input type="search" name="scope" size="12" maxlength="64" value="{escape(ask.part)}"></label>'
    yield " <button>Filter</button></form></nav>"


def _outcome(ask: Ask) -> Iterator[str]:
    if ask.outcome in OUTCOMES:
        text, good = OUTCOMES[ask.outcome]
        yield f'<p role="status" class="note{"" if good else " bad"}">The last action: {text}.</p>'


def _proxy(page: StatsPage, ask: Ask, entry: Entry, rows: Sequence[Row], *, admin: bool) -> Iterator[str]:
    forms = admin and any(row.kind == 2 for row in rows)
    caps = " and ".join(
        name for name, there in (("frontend", entry.frontend), ("backend", entry.backend)) if there is not None
    )
    about = f"{entry.description} " if entry.description else ""
    legend = f"{caps}, mode {entry.mode}, id {entry.number}" if page.legends else caps
    anchor = escape(entry.name)
    yield f'<h2 id="{anchor}"><a href="#{anchor}">{anchor}</a><small>{escape(about)}{escape(legend)}</small></h2>'
    if forms:
        yield f'<form method="post" action="{escape(ask.link(page.uri))}">'
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{anchor}"><table><thead><tr>'
    if forms:
        yield '<th rowspan="2"><span aria-label="select"></span></th>'
    yield '<th rowspan="2">Name</th>'
    yield "".join(f'<th colspan="{len(names)}" scope="colgroup">{group}</th>' for group, names in GROUPS)
    yield "</tr><tr>"
    yield "".join(f'<th scope="col">{name}</th>' for _, names in GROUPS for name in names)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield _row(entry, row, legends=page.legends, forms=forms)
    yield "</tbody></table></div>"
    if forms:
        yield _actions(entry)


def _row(entry: Entry, row: Row, *, legends: bool, forms: bool) -> str:
    name = {0: "Frontend", 1: "Backend"}.get(row.kind, row.name)
    place = escape(f"{entry.name}/{name}")
    box = ""
    if forms:
        mark = f'<input type="checkbox" name="s" value="{escape(row.name)}" aria-label="{place}">'
        box = f"<td>{mark if row.kind == 2 else ''}</td>"
    told = f' title="{escape(_legend(row))}"' if legends and row.kind == 2 else ""
    head = f'<th scope="row"{told} id="{place}"><a href="#{place}">{escape(name)}</a></th>'
    rest = "".join(_cell(text, tip, is_text=flag) for text, tip, flag in cells(row))
    return f'<tr class="{_class(row)}">{box}{head}{rest}</tr>'


def _cell(text: str, tip: str, *, is_text: bool) -> str:
    kind = ' class="text"' if is_text else ""
    title = f' title="{escape(tip)}"' if tip else ""
    return f"<td{kind}{title}>{escape(text)}</td>"


def _legend(row: Row) -> str:
    parts = [f"address: {row.values.get('addr', '')}", f"id: {row.sid}"]
    if row.values.get("cookie"):
        parts.append(f"cookie: '{row.values['cookie']}'")
    return ", ".join(parts)


def _class(row: Row) -> str:
    if row.kind != 2:
        return "frontend" if row.kind == 0 else "backend"
    status, backup = str(row.values.get("status", "")), bool(row.values.get("bck"))
    word, _, rest = status.partition(" ")
    fraction = rest[:1].isdigit()
    known = {"MAINT": "maint", "DRAIN": "drain", "NOLB": "drain", "no": "no-check"}
    if word in known:
        return known[word]
    if word == "DOWN":
        return "going-up" if fraction else "down"
    return "going-down" if fraction else "backup-up" if backup else "up"


def _actions(entry: Entry) -> str:
    options = "".join(f'<option value="{name}">{text}</option>' for name, (text, _) in ACTIONS.items())
    return (
        f'<div class="actions"><input type="hidden" name="b" value="#{entry.number}">'
        f'<label>With the checked servers: <select name="action"><option value=""></option>{options}</select></label>'
        "<button>Apply</button></div></form>"
    )
