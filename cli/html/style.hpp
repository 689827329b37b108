#pragma once

#include "cli/html/html.hpp"

namespace relay::cli::html {

/// Returns the style of a page: light or dark as the reader's system is, and fit for narrow screens and paper. It
/// refers to nothing outside the page.
inline Html page_style() {
    return R"css(
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #19212c; --soft: #5a6573; --line: #dfe4ea; --faint: #eef1f5;
  --accent: #2058d6; --even: #8a96a6; --good: #13733b; --warn: #9a5b00; --bad: #b3261e;
  --issued: #7ea3f2; --listed: #e0a33a; --waiting: #c3cad4; --revoked: #c98a86;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151c; --card: #18202a; --ink: #e7ebf1; --soft: #9ba7b6; --line: #2c3745; --faint: #202a36;
    --accent: #79a6ff; --even: #7d8a9b; --good: #62cf8e; --warn: #efb04f; --bad: #ff8d85;
    --issued: #3f62ad; --listed: #c98f2e; --waiting: #465364; --revoked: #a05a55;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 12px; }
p { margin: 0; }
code { font: 13px/1.5 ui-monospace, "SFMono-Regular", Consolas, "DejaVu Sans Mono", monospace; }
a, code { overflow-wrap: anywhere; }
.soft, .ago { color: var(--soft); }
.ago { white-space: nowrap; }
section, .verdict { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-top: 16px; }
.verdict { border-left: 5px solid var(--soft); font-size: 16px; }
.verdict p::first-letter { text-transform: uppercase; } .verdict strong { font-size: 19px; }
.verdict.good { border-left-color: var(--good); } .verdict.good strong { color: var(--good); }
.verdict.warn { border-left-color: var(--warn); } .verdict.warn strong { color: var(--warn); }
.verdict.bad { border-left-color: var(--bad); } .verdict.bad strong { color: var(--bad); }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin: 16px 0 0; }
dl.figures > div { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
dl.figures dt { color: var(--soft); font-size: 13px; line-height: 1.3; }
dl.figures dd { margin: 0; font-size: 26px; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
time { white-space: nowrap; }
svg { display: block; width: 100%; height: auto; } svg.burn-down { min-width: 600px; }
.bar { border-radius: 6px; overflow: hidden; height: 18px; }
.bar .proven, .key .proven { fill: var(--good); } .bar .issued, .key .issued { fill: var(--issued); }
.bar .listed, .key .listed { fill: var(--listed); } .bar .imported, .key .imported { fill: var(--waiting); }
.bar .revoked, .key .revoked { fill: var(--revoked); }
ul.keys { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 10px 0 0; padding: 0; font-size: 13px; color: var(--soft); }
ul.keys svg { display: inline-block; width: 12px; height: 12px; vertical-align: -1px; margin-right: 6px; }
ul.keys line { stroke-width: 3; }
.plot { fill: none; } .grid { stroke: var(--line); } .tick { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.area { fill: var(--accent); opacity: 0.13; }
path.left { fill: none; stroke: var(--accent); stroke-width: 2.5; stroke-linejoin: round; }
.keys .left { stroke: var(--accent); }
.even { stroke: var(--even); stroke-width: 2; stroke-dasharray: 7 5; }
.projection { stroke: var(--accent); stroke-width: 2; stroke-dasharray: 2 5; stroke-linecap: round; }
line.deadline { stroke: var(--bad); stroke-width: 1.5; }
.deadline-label { fill: var(--bad); font-size: 13px; font-weight: 600; }
.now { fill: var(--accent); stroke: var(--card); stroke-width: 2; }
.now-label { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg.timeline { min-width: 640px; } .lane { fill: var(--ink); font-size: 12px; }
circle.event { stroke: var(--card); stroke-width: 1.5; } circle.act { fill: var(--accent); } circle.used { fill: var(--good); }
circle.failed { fill: var(--bad); } circle.other { fill: var(--waiting); } svg.timeline line.deadline { stroke: var(--accent); opacity: 0.35; }
svg.days { min-width: 640px; } rect.used { fill: var(--accent); } rect.used:hover { opacity: 0.75; }
.hint { fill: transparent; } .hint:hover { fill: var(--ink); opacity: 0.06; }
ol.steps { margin: 0; padding-left: 22px; } ol.steps li + li { margin-top: 10px; }
ol.steps code { display: block; background: var(--faint); border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px; margin-top: 4px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
caption { text-align: left; color: var(--soft); padding-bottom: 8px; }
th, td { text-align: left; vertical-align: top; padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; font-size: 12px; white-space: nowrap; }
tbody th { font-weight: 600; } td:last-child, th:last-child { padding-right: 0; }
td.number, th.number { text-align: right; }
td.id, th.id { white-space: nowrap; }
tbody .id { font-family: ui-monospace, "SFMono-Regular", Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
td.person, th.person { overflow-wrap: anywhere; min-width: 130px; max-width: 320px; unicode-bidi: isolate; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover > * { background: var(--faint); }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 0 8px; font-size: 12px; white-space: nowrap; }
.tag.listed { color: var(--warn); } .tag.issued { color: var(--accent); }
.tag.act { color: var(--accent); } .tag.used { color: var(--good); } .tag.failed { color: var(--bad); } .tag.other { color: var(--soft); }
footer { margin-top: 24px; color: var(--soft); font-size: 13px; }
@media (max-width: 600px) { main { padding: 18px 12px 32px; } section, .verdict { padding: 14px; } }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --faint: #fff; --accent: #1a4bb8; --even: #777; }
  main { max-width: none; padding: 0; } section, .verdict, dl.figures > div { border-radius: 0; break-inside: avoid; }
  section.long { break-inside: auto; } thead { display: table-header-group; } tr { break-inside: avoid; } .wide { overflow: visible; } svg.timeline { min-width: 0; }
}
)css";
}

}  // namespace relay::cli::html
