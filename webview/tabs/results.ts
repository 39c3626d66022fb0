/** Did it help: the verdict in words, then every metric by tier with its interval. */
import { html, type TemplateResult } from "lit-html";
import type { ComparisonOutput, ComparisonRow, Tier } from "../../src/protocol/model.ts";
import { counts, duration, gigabytes, score, signed, unscored } from "../format.ts";
import { send } from "../host.ts";
import { view } from "../state.ts";
import { answeringTable, armsTable, forgotten } from "./arms.ts";

const tierWords: Record<Tier, string> = {
  reworded: "Reworded: new wordings of trained facts",
  train: "Trained: questions it was trained on",
  unseen: "Unseen: sections never trained on",
};
/** The heading says the verdict already. */
function withoutVerdict(sentence: string): string {
  const rest = sentence.replace(/^(Better|Worse|Cannot tell): /i, "").replaceAll("_", " ");
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

const order: Record<Tier, number> = { reworded: 0, train: 1, unseen: 2 };

export function resultsTab(): TemplateResult {
  const { results } = view;
  if (results === undefined) return html`<p role="status">Loading…</p>`;
  if (!results?.comparison)
    return html`<p role="status">
      ${results ? "This run has not come to its comparison yet." : "There are no results yet. Run the pipeline first."}
    </p>`;
  const { comparison, run, teacher } = results;
  const { verdict, sentence, metric, tier, part, detectable } = comparison.headline;
  return html`
    <section class=${`verdict ${verdict.replace(" ", "-")}`} aria-label="Verdict">
      <h2>${verdict === "better" ? "Better" : verdict === "worse" ? "Worse" : "Cannot tell"}</h2>
      <p>${withoutVerdict(sentence)}</p>
      <p>${comparison.gate.sentence}</p>
      ${results.looks > 1 ? html`<p>The test part has been looked at ${results.looks} times: with every look, a good result by chance becomes likelier.</p>` : ""}
      <p class="muted">
        Named before the run as what the verdict rests on: ${metric.replaceAll("_", " ")} of the ${tier} questions
        (${part} part)${detectable === null ? "" : `; they could show changes from ±${detectable.toFixed(2)} on`}.
        Everything else is secondary.
      </p>
      <p class="muted">Run ${run}, cycle ${results.cycle}. Teacher: ${teacher}.</p>
    </section>
    <div class="scroll" tabindex="0" role="region" aria-label="Scores by metric and tier">
      <table class="scores">
        <caption class="visually-hidden">
          Baseline against fine-tuned, by tier and metric
        </caption>
        <thead>
          <tr>
            <th scope="col">Tier</th>
            <th scope="col">Metric</th>
            <th scope="col">Baseline → fine-tuned</th>
            <th scope="col">Change</th>
            <th scope="col">95 % interval</th>
            <th scope="col">Questions</th>
            <th scope="col">Better / same / worse</th>
          </tr>
        </thead>
        <tbody>
          ${comparison.rows.toSorted((a, b) => order[a.tier] - order[b.tier]).map(row)}
        </tbody>
      </table>
    </div>
    <p class="muted">
      The reworded tier is the headline: the trained tier shows memory, the unseen tier what happens to everything else.
      An interval that spans 0 means: cannot tell. Detail recall is the share of a reference's numbers and words in code
      that an answer has; similarity hardly sees when one of them is wrong.
    </p>
    ${armsTable(comparison)} ${trend(comparison)} ${answeringTable(comparison)} ${forgotten(comparison.probe)}
    ${bands(comparison)}
    <p>
      <vscode-button appearance="secondary" @click=${() => send({ type: "command", command: "distillery.openReport" })}
        >Open report</vscode-button
      >
    </p>
  `;
}

function row({
  metric,
  tier,
  part,
  means,
  scored,
  failed,
  notApplicable,
  better,
  same,
  worse,
}: ComparisonRow): TemplateResult {
  const sign = means === null || Math.abs(means.absolute) < 0.005 ? "same" : means.absolute > 0 ? "better" : "worse";
  return html`<tr>
    <th scope="row">${tierWords[tier]}${part === "dev" ? " (for choosing)" : ""}</th>
    <td>${metric.replaceAll("_", " ")}</td>
    <td>
      ${means ? html`${bar(means.baseline, means.tuned)} ${score(means.baseline)} → ${score(means.tuned)}` : unscored(scored + failed)}
    </td>
    <td class=${`change ${sign}`}>
      ${signed(means?.absolute)}${means?.percent == null ? "" : ` (${signed(means.percent, 0)}\u00a0%)`}
    </td>
    <td>${means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–"}</td>
    <td>${counts(scored, failed, notApplicable)}</td>
    <td>${better} / ${same} / ${worse}</td>
  </tr>`;
}

/** Two bars, one under the other; the numbers beside them say the same. */
const bar = (baseline: number, tuned: number): TemplateResult =>
  html`<svg class="bars" viewBox="0 0 100 14" aria-hidden="true" preserveAspectRatio="none">
    <rect class="before" x="0" y="1" height="5" width=${baseline * 100}></rect>
    <rect class="after" x="0" y="8" height="5" width=${tuned * 100}></rect>
  </svg>`;

function trend({ cycles, spread, successRate }: ComparisonOutput): TemplateResult | string {
  if (cycles.length === 0) return "";
  return html`<h2>Over the cycles</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">Cycle</th>
          <th scope="col">Baseline</th>
          <th scope="col">Fine-tuned</th>
          <th scope="col">Change</th>
          <th scope="col">Questions</th>
          <th scope="col">Time</th>
          <th scope="col">Peak memory</th>
        </tr>
      </thead>
      <tbody>
        ${cycles.map(
          (each) =>
            html`<tr>
              <th scope="row">${each.cycle}</th>
              <td>${score(each.baseline)}</td>
              <td>${score(each.tuned)}</td>
              <td>${each.baseline === null || each.tuned === null ? "–" : signed(each.tuned - each.baseline)}</td>
              <td>${each.questions}</td>
              <td>${duration(each.seconds)}</td>
              <td>${gigabytes(each.peakMemoryBytes)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${cycles.length > 1 ? html`<p>${Math.round(successRate * 100)} % of the cycles succeeded${spread === null ? "" : `; the change varies by ${spread.toFixed(3)} (standard deviation)`}.</p>` : ""}`;
}

const bands = ({ bands: given }: ComparisonOutput): TemplateResult | string =>
  given.length === 0
    ? ""
    : html`<details>
        <summary>What the recipe expects</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col">Expected</th>
              <th scope="col">Measured</th>
              <th scope="col">Inside</th>
            </tr>
          </thead>
          <tbody>
            ${given.map(
              (each) =>
                html`<tr>
                  <th scope="row">${each.name}</th>
                  <td>${each.expected}</td>
                  <td>${each.measured}</td>
                  <td>${each.inside === null ? "–" : each.inside ? "yes" : "no"}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </details>`;
