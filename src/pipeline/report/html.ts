/**
 * The report as one HTML page that needs nothing else: no script, no remote part, readable on paper. Every text is
 * escaped, and the page's own policy forbids whatever would load or run all the same.
 */
import type { Block, Cell, Interval, Report, Table } from "./blocks.ts";
import type { Example } from "./examples.ts";
import { style } from "./style.ts";
import { escaped, figureWhisker, rowWhisker, scaleOf, trendChart } from "./svg.ts";
import { number, signed } from "./text.ts";

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export function htmlOf(report: Report): string {
  const { run, created, notes, sections } = report;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Did fine-tuning help? Run ${escaped(run)}</title>
<style>${style}</style>
</head>
<body>
<main>
${verdict(report)}
${notes.map(({ text, warning }) => `<p class="${warning ? "warning" : "note"}">${escaped(text)}</p>`).join("\n")}
${sections.map(({ title, blocks }, index) => `<section aria-labelledby="part-${index}">\n<h2 id="part-${index}">${escaped(title)}</h2>\n${blocks.map(block).join("\n")}\n</section>`).join("\n")}
<footer>Run ${escaped(run)}, begun ${escaped(created)}. The same report as text is report.md, its figures are report.json.</footer>
</main>
</body>
</html>
`;
}

const words = { better: "Better", worse: "Worse", "cannot tell": "Cannot tell" } as const;
/** A sign beside the colour, for those who do not see it. */
const signs = { better: "▲", worse: "▼", "cannot tell": "◆" } as const;

function verdict({ run, verdict: call, sentence, figure }: Report): string {
  // The heading says the verdict already.
  const rest = sentence.replace(/^(Better|Worse|Cannot tell): /, "");
  // The name of a metric stays as RAGAS writes it.
  const lead = /^\w*_/.test(rest) ? rest : rest.charAt(0).toUpperCase() + rest.slice(1);
  return `<header class="verdict ${call.replace(" ", "-")}">
<p class="asked">Did fine-tuning help? Run ${escaped(run)}</p>
<h1><span aria-hidden="true">${signs[call]}</span> ${words[call]}</h1>
<p class="lead">${escaped(lead)}</p>
${
  figure
    ? `<div class="primary"><p class="big">${signed(figure.change)}<span class="of">${escaped(figure.metric)}, ${escaped(figure.tier)}<br>${number(figure.baseline)} → ${number(figure.tuned)}</span></p>${figureWhisker(figure)}</div>`
    : ""
}
</header>`;
}

function block(given: Block): string {
  switch (given.kind) {
    case "text":
      return `<p>${escaped(given.text)}</p>`;
    case "list":
      return `<ul>${given.items.map(({ term, text }) => `<li>${term ? `<b>${escaped(term)}</b>: ` : ""}${escaped(text)}</li>`).join("")}</ul>`;
    case "table":
      return table(given);
    case "examples":
      return given.examples.map(example).join("\n");
    case "trend":
      return trendChart(given);
  }
}

/** A table that scrolls by itself where it is too wide. Rows with one name in the first cell form a group. */
function table({ caption, head, rows }: Table): string {
  const scale = scaleOf(rows.flat().flatMap((cell) => (typeof cell === "string" ? [] : [cell.interval])));
  const groups: (readonly Cell[])[][] = [];
  for (const row of rows) {
    const group = groups.at(-1);
    if (group?.[0] && group[0][0] === row[0]) group.push(row);
    else groups.push([row]);
  }
  const kind = (column: number) => (head[column]?.figures ? ' class="fig"' : "");
  const titles = head.map(({ title }, column) => `<th scope="col"${kind(column)}>${escaped(title)}</th>`).join("");
  const bodies = groups.map((group) => {
    const lines = group.map(
      (row, index) => `<tr>${row.map((cell, column) => oneCell(cell, column, index)).join("")}</tr>`,
    );
    return `<tbody>${lines.join("")}</tbody>`;

    function oneCell(cell: Cell, column: number, index: number): string {
      const grouped = group.length > 1;
      if (column === 0 && index > 0) return "";
      if (column === 0 && grouped) return `<th scope="rowgroup" rowspan="${group.length}">${content(cell, scale)}</th>`;
      const names = column === (grouped ? 1 : 0);
      return names ? `<th scope="row">${content(cell, scale)}</th>` : `<td${kind(column)}>${content(cell, scale)}</td>`;
    }
  });
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption><thead><tr>${titles}</tr></thead>${joined(bodies)}</table></div>`;
}

/** One body when no row is grouped: the thick lines between bodies part groups only. */
const joined = (bodies: readonly string[]): string =>
  bodies.some((body) => body.includes("rowspan")) ? bodies.join("") : bodies.join("").replaceAll("</tbody><tbody>", "");

function content(cell: Cell, scale: Interval): string {
  if (typeof cell === "string") return escaped(cell);
  return `<span class="drawn">${rowWhisker(cell.at, cell.interval, scale)}${escaped(cell.text)}</span>`;
}

/** Characters of an answer that are shown; the Markdown has all of it. */
const longestAnswer = 700;

function example({ question, topic, tier, baseline, tuned, reference, before, after, lacks }: Example): string {
  const change = before === null || after === null ? "" : `, ${signed(after - before)}`;
  return `<article class="example"><h3 dir="auto">${escaped(question)}</h3><p class="place">${escaped(topic)}, ${escaped(tier)}${change}</p>
<div class="answers">${answer("Baseline", "baseline", baseline, before, lacks.baseline)}${answer("Fine-tuned", "tuned", tuned, after, lacks.tuned)}${answer("Reference", "reference", reference, null)}</div></article>`;
}

function answer(title: string, kind: string, text: string, score: number | null, lacks = ""): string {
  const whole = text.trim();
  const shown = whole.length > longestAnswer ? `${whole.slice(0, longestAnswer).replace(/\s+\S*$/, "")} …` : whole;
  const left = whole.length - longestAnswer;
  const more = left > 0 ? `<p class="cut">${left} more characters are in report.md.</p>` : "";
  const points = score === null ? "" : ` <span class="score">${number(score)}</span>`;
  const body = whole === "" ? '<p class="empty">(empty)</p>' : `<blockquote dir="auto">${escaped(shown)}</blockquote>`;
  const less = lacks === "" ? "" : `<p class="lacks">${escaped(lacks)}</p>`;
  return `<div class="${kind}"><h4>${title}${points}</h4>${less}${body}${more}</div>`;
}
