"""How the page looks: colours by state as HAProxy's users know them, in light and in dark, without scripts."""

STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--dim:#5c6570;--line:#c9d0d8;--head:#eef1f4;--name:#dbe7f3;
--up:#c9f0cf;--going-down:#f6ef9a;--going-up:#fbd59a;--down:#f7b5b0;--maint:#d9c2ea;--drain:#bcdcf7;--none:#e8eaed;
--backup:#b9e3f2;--front:#e9eef8;--sum:#dde3ea}
@media(prefers-color-scheme:dark){:root{--back:#14181d;--ink:#e4e8ec;--dim:#98a2ad;--line:#39424c;--head:#20262d;
--name:#1d3347;--up:#1d4a28;--going-down:#5a5312;--going-up:#60410f;--down:#6b241f;--maint:#472d5c;--drain:#173f61;
--none:#2b3138;--backup:#164653;--front:#1d2533;--sum:#2a323b}}
*{box-sizing:border-box}
body{margin:0;padding:1rem 1.25rem 3rem;background:var(--back);color:var(--ink);
font:14px/1.4 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.25rem;margin:0}
h2{font-size:1rem;margin:1.6rem 0 .4rem;scroll-margin-top:.5rem}
h2 small{font-weight:400;color:var(--dim);margin-left:.6rem}
a{color:inherit}
a:focus-visible,input:focus-visible,select:focus-visible,button:focus-visible,.scroll:focus-visible
{outline:2px solid #2f81f7;outline-offset:1px}
.about{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:.8rem 0;color:var(--dim)}
.about b{color:var(--ink);font-weight:600}
.tools,.legend{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin:.6rem 0}
.legend span{padding:.05rem .5rem;border:1px solid var(--line);border-radius:3px}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:4px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:12.5px}
th,td{border:1px solid var(--line);padding:.18rem .4rem;text-align:right;white-space:nowrap}
thead th{background:var(--head);font-weight:600;text-align:center}
tbody th{text-align:left;font-weight:600;position:sticky;left:0;background:inherit}
td.text{text-align:center}
td[title]{text-decoration:underline dotted;text-underline-offset:3px;cursor:help}
tr.frontend{background:var(--front)}tr.backend{background:var(--sum);font-weight:600}
.up{background:var(--up)}.backup-up{background:var(--backup)}.going-down{background:var(--going-down)}
.going-up{background:var(--going-up)}.down{background:var(--down)}.maint{background:var(--maint)}
.drain{background:var(--drain)}.no-check{background:var(--none)}
.note{padding:.4rem .7rem;border-left:4px solid #2f81f7;background:var(--head);margin:.7rem 0}
.note.bad{border-color:#d1242f}
.actions{display:flex;gap:.5rem;align-items:center;padding:.4rem 0}
button,select,input[type=search]{font:inherit;color:inherit;background:var(--head);border:1px solid var(--line);
border-radius:4px;padding:.15rem .5rem}
tbody tr{content-visibility:auto;contain-intrinsic-size:auto 1.7em}
"""
