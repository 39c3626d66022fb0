/** The look of the HTML report: light and dark by the reader's system, always light on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2126; --soft: #59626c; --line: #d9dde2; --wash: #f1f3f5;
  --better: #0a6b47; --worse: #b02a20; --unclear: #59626c; --baseline: #6b7580; --tuned: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --card: #1b2027; --ink: #e7ebf0; --soft: #a3adb8; --line: #353d47; --wash: #232a32;
    --better: #53cf98; --worse: #ff938a; --unclear: #a3adb8; --baseline: #a3adb8; --tuned: #79b8ff;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1, h2, h3 { line-height: 1.2; margin: 0; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 3rem 0 .75rem; }
h3 { font-size: 1.05rem; }
p, ul { margin: .75rem 0; max-width: 46rem; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
li b { font-weight: 600; }
.verdict {
  background: var(--card); border: 1px solid var(--line); border-left: .5rem solid var(--unclear); border-radius: .5rem;
  padding: 1.75rem 2rem;
}
.verdict.better { border-left-color: var(--better); }
.verdict.worse { border-left-color: var(--worse); }
.verdict .asked { margin: 0 0 .5rem; color: var(--soft); font-size: .95rem; }
.verdict h1 { font-size: clamp(2.2rem, 5vw, 3.2rem); letter-spacing: -.02em; }
.verdict.better h1 { color: var(--better); }
.verdict.worse h1 { color: var(--worse); }
.verdict .lead { font-size: 1.2rem; max-width: 54rem; margin: .75rem 0 0; }
.primary { display: flex; flex-wrap: wrap; align-items: center; gap: 1rem 3rem; margin: 1.5rem 0 0; }
.primary .big { font-size: 2.6rem; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; }
.primary .of { color: var(--soft); font-size: .9rem; font-weight: 400; display: block; margin-top: .25rem; }
.primary svg { flex: 1 1 22rem; max-width: 30rem; }
.note { color: var(--soft); }
.warning { font-weight: 600; }
.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 2px solid var(--tuned); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; min-width: 24rem; }
caption { text-align: left; color: var(--soft); padding: 0 0 .5rem; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .65rem; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; color: var(--soft); vertical-align: bottom; border-bottom: 2px solid var(--line); white-space: normal; }
th[scope="row"] { font-weight: 400; }
th[scope="rowgroup"] { font-weight: 600; }
tbody + tbody tr:first-child > * { border-top: 2px solid var(--line); }
td:not(.fig) { min-width: 8.5rem; }
.fig { text-align: right; white-space: nowrap; }
thead .fig { white-space: normal; }
.hash { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .85em; }
.drawn { display: inline-flex; align-items: center; gap: .6rem; }
svg { display: block; overflow: visible; }
.row-whisker { width: 7.5rem; height: .9rem; flex: none; }
svg line, svg path { stroke: currentColor; fill: none; stroke-width: 1.5; }
svg circle { fill: currentColor; }
svg.better { color: var(--better); } svg.worse { color: var(--worse); } svg.unclear { color: var(--unclear); }
svg .zero { stroke: var(--soft); stroke-dasharray: 3 3; stroke-width: 1; }
svg .axis, svg .grid { stroke: var(--line); stroke-width: 1; }
svg text { font-size: 12px; fill: var(--soft); }
svg.figure line:not(.axis, .zero) { stroke-width: 2.5; }
.trend { width: 100%; max-width: 46rem; margin: 1rem 0; }
.trend .line path { stroke-width: 2.5; }
.trend .baseline { color: var(--baseline); } .trend .tuned { color: var(--tuned); }
.trend .baseline path { stroke-dasharray: 6 4; }
.trend .label { font-weight: 600; } .trend .label.baseline { fill: var(--baseline); } .trend .label.tuned { fill: var(--tuned); }
.example { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1.1rem 1.25rem; margin: 1rem 0; }
.example .place { color: var(--soft); font-size: .9rem; margin: .2rem 0 0; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem 1.5rem; margin-top: 1rem; }
.answers h4 { margin: 0 0 .35rem; font-size: .9rem; color: var(--soft); font-weight: 600; }
.answers .score { color: var(--ink); font-variant-numeric: tabular-nums; }
.answers blockquote {
  margin: 0; padding: .6rem .8rem; background: var(--wash); border-radius: .35rem; font-size: .92rem;
  white-space: pre-wrap; overflow-wrap: anywhere; overflow: hidden;
}
.answers .tuned blockquote { box-shadow: inset 3px 0 0 var(--tuned); }
.cut, .empty, .lacks { color: var(--soft); font-size: .85rem; margin: .35rem 0 0; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { main { padding: 1.25rem .9rem 3rem; } .verdict { padding: 1.25rem; } }
@media print {
  :root {
    color-scheme: light;
    --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444c55; --line: #b9c0c8; --wash: #f3f4f6;
    --better: #0a6b47; --worse: #b02a20; --unclear: #444c55; --baseline: #59626c; --tuned: #0b5cad;
  }
  @page { margin: 14mm; }
  body { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 1.6rem; break-after: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 6.8pt; min-width: 0; width: 100%; }
  caption { font-size: 8pt; }
  th, td { padding: .2rem .22rem; }
  td:not(.fig) { min-width: 0; }
  .row-whisker { width: 3.4rem; }
  .drawn { gap: .25rem; }
  tr, .verdict, .trend, .answers > * { break-inside: avoid; }
  thead { display: table-header-group; }
  .answers { grid-template-columns: repeat(3, 1fr); gap: .6rem; }
  .answers blockquote { font-size: 8pt; }
  .verdict, .answers blockquote { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
