/** Who else answered, how everybody answers, and what was forgotten: the lower half of the Results tab. */
import { html, type TemplateResult } from "lit-html";
import type { Answering, ArmRow, ComparisonOutput, ProbeResult, Tier } from "../../src/protocol/model.ts";
import { armTitles } from "../arms.ts";
import { counts, score, signed, unscored } from "../format.ts";

const order: Record<Tier, number> = { reworded: 0, train: 1, unseen: 2 };
const tierTitles: Record<Tier, string> = { reworded: "Reworded", train: "Trained", unseen: "Unseen" };

/** All arms beside the untuned student; nothing where the main table shows all there are. */
export const armsTable = ({ arms, answering }: ComparisonOutput): TemplateResult | string =>
  answering.length <= 2
    ? ""
    : html`<h2>All arms</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="Scores by tier, metric and who answers">
          <table class="arms">
            <thead>
              <tr>
                <th scope="col">Tier</th>
                <th scope="col">Metric</th>
                <th scope="col">Who answers</th>
                <th scope="col">Mean</th>
                <th scope="col">Against untuned</th>
                <th scope="col">95 % interval</th>
                <th scope="col">Questions</th>
              </tr>
            </thead>
            <tbody>
              ${arms.toSorted((a, b) => order[a.tier] - order[b.tier]).map(armRow)}
            </tbody>
          </table>
        </div>
        <p class="muted">Each row is over the questions scored in both that arm and the untuned one.</p>`;

function armRow({ tier, part, metric, arm, means, scored, failed, notApplicable }: ArmRow): TemplateResult {
  const change = means?.difference ?? null;
  const sign = change === null || Math.abs(change) < 0.005 ? "same" : change > 0 ? "better" : "worse";
  return html`<tr>
    <td>${tierTitles[tier]}${part === "dev" ? " (for choosing)" : ""}</td>
    <td>${metric.replaceAll("_", " ")}</td>
    <th scope="row">${armTitles[arm]}</th>
    <td>${means ? score(means.mean) : unscored(scored + failed)}</td>
    <td class=${`change ${sign}`}>${signed(change)}</td>
    <td>${means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–"}</td>
    <td>${counts(scored, failed, notApplicable)}</td>
  </tr>`;
}

/** Answers that are none by their form, and how long and finished the others are. */
export const answeringTable = ({ answering }: ComparisonOutput): TemplateResult =>
  html`<h2>How they answer</h2>
    <table class="answering">
      <thead>
        <tr>
          <th scope="col">Who answers</th>
          <th scope="col">Answers</th>
          <th scope="col">Ended by itself</th>
          <th scope="col">Mean tokens</th>
          <th scope="col">Empty</th>
          <th scope="col">Looping</th>
          <th scope="col">Cut</th>
        </tr>
      </thead>
      <tbody>
        ${answering.map(answeringRow)}
      </tbody>
    </table>
    <p class="muted">
      Looping: more than 30 % of its runs of four words had occurred in it before. Cut: a limit ended it, not the model.
    </p>`;

const answeringRow = ({ arm, answers, stopRate, meanTokens, empty, looping, cut }: Answering): TemplateResult =>
  html`<tr>
    <th scope="row">${armTitles[arm]}</th>
    <td>${answers}</td>
    <td>${Math.round(stopRate * 100)} %</td>
    <td>${meanTokens === null ? "–" : meanTokens.toFixed(0)}</td>
    <td>${empty}</td>
    <td>${looping}</td>
    <td>${cut}</td>
  </tr>`;

/** What both students know of things the knowledge base has nothing to do with. */
export const forgotten = (probe: ProbeResult | null): TemplateResult | string =>
  probe === null
    ? ""
    : html`<h2>What was forgotten</h2>
        <p class="probe">
          Of ${probe.questions} general questions ${probe.before} were answered right before fine-tuning and
          ${probe.after} after; ${probe.lost.length} lost, ${probe.gained.length} gained.
        </p>
        ${
          probe.lost.length === 0
            ? ""
            : html`<details>
                <summary>Lost questions</summary>
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Question</th>
                      <th scope="col">Before</th>
                      <th scope="col">After</th>
                    </tr>
                  </thead>
                  <tbody>
                    ${probe.lost.map(
                      ({ question, before, after }) =>
                        html`<tr>
                          <th scope="row">${question}</th>
                          <td>${before || "(empty)"}</td>
                          <td>${after || "(empty)"}</td>
                        </tr>`,
                    )}
                  </tbody>
                </table>
              </details>`
        }`;
