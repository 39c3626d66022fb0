/** Every question with its answers side by side, regressions first. */
import { diffWords } from "diff";
import { html, type TemplateResult } from "lit-html";
import type { AnswerRow, ReviewAction } from "../../src/protocol/panel.ts";
import type { Tier } from "../../src/protocol/model.ts";
import { markWords } from "../arms.ts";
import { score, signed } from "../format.ts";
import { send } from "../host.ts";
import { redraw, view } from "../state.ts";

const changeOf = ({ before, after }: AnswerRow): number | null =>
  before === null || after === null ? null : after - before;

export function answersTab(): TemplateResult {
  const { results, answers: filter } = view;
  if (results === undefined) return html`<p role="status">Loading…</p>`;
  if (!results || results.answers.length === 0)
    return html`<p role="status">There are no answers yet. They appear as the run goes on.</p>`;
  const topics = [...new Set(results.answers.map(({ topic }) => topic))].toSorted();
  const wanted = filter.search.trim().toLowerCase();
  const shown = results.answers.filter(
    (row) =>
      (filter.topic === "" || row.topic === filter.topic) &&
      (filter.tier === "" || row.tier === filter.tier) &&
      (wanted === "" || `${row.question} ${row.baseline} ${row.tuned} ${row.reference}`.toLowerCase().includes(wanted)),
  );
  return html`
    <div class="row wide" role="search">
      <vscode-text-field
        type="search"
        placeholder="Search"
        .value=${filter.search}
        @input=${(event: Event) => set({ search: (event.target as HTMLInputElement).value })}
        ><span class="visually-hidden">Search questions and answers</span></vscode-text-field
      >
      <vscode-dropdown
        aria-label="Topic"
        .value=${filter.topic}
        @change=${(event: Event) => set({ topic: (event.target as HTMLSelectElement).value })}
      >
        <vscode-option value="">All topics</vscode-option>
        ${topics.map((topic) => html`<vscode-option value=${topic}>${topic}</vscode-option>`)}
      </vscode-dropdown>
      <vscode-dropdown
        aria-label="Tier"
        .value=${filter.tier}
        @change=${(event: Event) => set({ tier: (event.target as HTMLSelectElement).value as Tier | "" })}
      >
        <vscode-option value="">All tiers</vscode-option>
        <vscode-option value="reworded">Reworded</vscode-option>
        <vscode-option value="train">Trained</vscode-option>
        <vscode-option value="unseen">Unseen</vscode-option>
      </vscode-dropdown>
      <vscode-dropdown
        aria-label="Order"
        .value=${filter.sort}
        @change=${(event: Event) => set({ sort: (event.target as HTMLSelectElement).value as typeof filter.sort })}
      >
        <vscode-option value="worst">Regressions first</vscode-option>
        <vscode-option value="best">Gains first</vscode-option>
        <vscode-option value="order">As asked</vscode-option>
      </vscode-dropdown>
      <vscode-checkbox
        .checked=${filter.marked}
        @change=${(event: Event) => set({ marked: (event.target as HTMLInputElement).checked })}
        >Mark what changed</vscode-checkbox
      >
    </div>
    <p role="status" class="muted">${shown.length} of ${results.answers.length} questions</p>
    <div class="answers">${sorted(shown).map(answer)}</div>
  `;
}

/** Under a column's title, as a wrong detail hardly shows in the score. */
const lacksWords = (words: string): unknown => (words === "" ? "" : html`<div class="muted">${words}</div>`);

function set(change: Partial<typeof view.answers>): void {
  Object.assign(view.answers, change);
  redraw();
}

function sorted(rows: AnswerRow[]): AnswerRow[] {
  const { sort } = view.answers;
  if (sort === "order") return rows;
  const sign = sort === "worst" ? 1 : -1;
  return rows.toSorted((a, b) => sign * ((changeOf(a) ?? sign * 9) - (changeOf(b) ?? sign * 9)));
}

function answer(row: AnswerRow): TemplateResult {
  const change = changeOf(row);
  const sign = change === null || Math.abs(change) <= 0.02 ? "same" : change > 0 ? "better" : "worse";
  return html`<details class="item">
    <summary>
      <span class=${`change ${sign}`}>${change === null ? "not scored" : signed(change)}</span>
      <span class="question">${row.question}</span>
      ${row.review.state === "open" ? "" : html`<span class=${`mark ${row.review.state === "unsupported" ? "doubted" : "decided"}`}>${row.review.state}</span>`}
      <span class="muted"
        >${row.topic} ·
        ${row.tier}${row.marks.tuned.map((mark) => ` · ${mark}`)}${row.lacks.tuned && ` · ${row.lacks.tuned}`}</span
      >
    </summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Answers side by side">
      <table class="side">
        <thead>
          <tr>
            <th scope="col">
              Baseline ${score(row.before)}${markWords(row.marks.baseline)}${lacksWords(row.lacks.baseline)}
            </th>
            <th scope="col">
              Fine-tuned ${score(row.after)}${markWords(row.marks.tuned)}${lacksWords(row.lacks.tuned)}
            </th>
            <th scope="col">Reference</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>${row.baseline || "(empty)"}</td>
            <td>${view.answers.marked ? marked(row.baseline, row.tuned) : row.tuned || "(empty)"}</td>
            <td>${row.reference || "(none)"}</td>
          </tr>
        </tbody>
      </table>
    </div>
    ${row.others.map(
      ({ title, text, marks }) =>
        html`<p class="muted">${title}${markWords(marks)}</p>
          <p class="answer">${text || "(empty)"}</p>`,
    )}
    ${row.review.note ? html`<p class="muted">The reference ${row.review.state === "unsupported" ? row.review.note : `was ${row.review.state}: ${row.review.note}`}.</p>` : ""}
    ${row.review.pending ? html`<p class="muted">Recorded; resuming the run applies it.</p>` : ""}
    <div class="row">${reviewButtons(row)}</div>
    ${row.place ? html`<vscode-button appearance="secondary" aria-label=${`Open the source, ${row.place}`} @click=${() => send({ type: "openSection", section: row.section })}>${row.place}</vscode-button>` : ""}
  </details>`;
}

/** Decisions about the row's reference; what they ask for is asked by the extension. */
function reviewButtons(row: AnswerRow): TemplateResult[] {
  const { state } = row.review;
  const button = (action: ReviewAction, words: string) =>
    html`<vscode-button
      appearance="secondary"
      aria-label=${`${words}: the reference of ${row.question}`}
      @click=${() => view.results && send({ type: "review", run: view.results.run, id: row.family, action })}
      >${words}</vscode-button
    >`;
  const decided = state !== "open" && state !== "unsupported";
  return [
    ...(state === "excluded" ? [] : [button("exclude", "Exclude…")]),
    ...(state === "approved" ? [] : [button("approve", "Approve")]),
    button("edit", "Edit…"),
    ...(decided ? [button("undo", "Undo")] : []),
  ];
}

/** The tuned answer with what the baseline did not say marked; what went is struck through. */
function marked(before: string, after: string): unknown {
  if (after === "") return "(empty)";
  if (before.length + after.length > 8000) return after;
  return diffWords(before, after).map(({ value, added, removed }) =>
    added ? html`<ins>${value}</ins>` : removed ? html`<del>${value}</del>` : value,
  );
}
