/** What the next run shall be, what it will take, and what is sent where. */
import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { ExtraArm } from "../../src/protocol/model.ts";
import type { Draft, SetupSnapshot } from "../../src/protocol/panel.ts";
import { extraArms } from "../arms.ts";
import { count } from "../format.ts";
import { send } from "../host.ts";
import { edit, redraw, view } from "../state.ts";
import { teacherField } from "./configureTeacher.ts";

const presets: readonly [Draft["preset"], string, string][] = [
  ["demo", "Demo", "4 questions, 20 steps, answers of 120 tokens: shows every stage once; the figures mean little"],
  ["small", "Small", "20 questions, the recipe: the first that can show whether it helped"],
  ["full", "Full", "50 questions, 3 cycles"],
  ["own", "Own values", "whatever is set below"],
];

export function configureTab(): TemplateResult {
  const { setup, draft } = view;
  if (!setup || !draft) return html`<p role="status">Loading…</p>`;
  return html`
    <div class="columns">
      <form class="column" @submit=${(event: Event) => event.preventDefault()}>
        <vscode-radio-group
          orientation="vertical"
          aria-label="Preset"
          .value=${draft.preset}
          @change=${(event: Event) => choosePreset((event.target as HTMLInputElement).value as Draft["preset"])}
        >
          <label slot="label">Preset</label>
          ${presets.map(([id, title, detail]) => html`<vscode-radio value=${id} ?checked=${draft.preset === id}><strong>${title}</strong> <span class="muted">${detail}</span></vscode-radio>`)}
        </vscode-radio-group>
        ${slider("questions", "Questions", draft.questions, 1, 50)} ${slider("cycles", "Cycles", draft.cycles, 1, 10)}
        ${aimField(draft)} ${stepsField(draft)}
        <div class="field">
          <label for="tokens">Tokens an answer may have</label>
          <input
            id="tokens"
            type="number"
            min="1"
            max="4096"
            .value=${live(String(draft.maxNewTokens))}
            @change=${(event: Event) => number(event, 1, 4096, (maxNewTokens) => edit({ maxNewTokens }))}
          />
        </div>
        ${teacherField(setup, draft)} ${armsField(draft)}
        <div class="field"><span class="label">Student</span><span>${setup.student}</span></div>
      </form>
      <div class="column">${knowledgeField(setup, draft)}</div>
    </div>
    ${estimate(setup)} ${start(setup)}
  `;
}

function choosePreset(preset: Draft["preset"]): void {
  if (!view.draft || view.draft.preset === preset || !presets.some(([id]) => id === preset)) return;
  edit({ preset });
  // The extension knows the preset's values and sends them back.
  view.editedAt = 0;
}

function number(event: Event, low: number, high: number, set: (value: number) => void): void {
  const value = Math.round(Number((event.target as HTMLInputElement).value));
  if (Number.isFinite(value)) set(Math.min(high, Math.max(low, value)));
  redraw();
}

function slider(name: "questions" | "cycles", title: string, value: number, low: number, high: number): TemplateResult {
  const set = (event: Event) => number(event, low, high, (next) => edit({ [name]: next }));
  return html`<div class="field">
    <label for=${name}>${title}</label>
    <span class="slider">
      <input id=${name} type="range" min=${low} max=${high} .value=${live(String(value))} @input=${set} />
      <input
        type="number"
        min=${low}
        max=${high}
        aria-label=${`${title}, as a number`}
        .value=${live(String(value))}
        @change=${set}
      />
    </span>
  </div>`;
}

/** Only several cycles can be aimed. */
function aimField({ cycles, aimed }: Draft): TemplateResult | string {
  if (cycles === 1) return "";
  const toggle = (event: Event) => {
    const { checked } = event.target as HTMLInputElement;
    if (view.draft && checked !== view.draft.aimed) edit({ aimed: checked, preset: view.draft.preset });
  };
  return html`<div class="field">
    <vscode-checkbox .checked=${live(aimed)} @change=${toggle}
      >Later cycles ask more about the topics that failed</vscode-checkbox
    >
  </div>`;
}

const ruleOf = ({ steps }: Pick<Draft, "steps">) => (typeof steps === "number" ? "fixed" : steps);

function stepsField({ steps }: Draft): TemplateResult {
  const rule = ruleOf({ steps });
  const choose = (event: Event) => {
    const chosen = (event.target as HTMLInputElement).value;
    if (view.draft && chosen !== ruleOf(view.draft))
      edit({ steps: chosen === "fixed" ? 20 : (chosen as "recipe" | "auto") });
  };
  return html`<div class="field">
    <span class="label" id="steps-label">Training steps</span>
    <span class="slider">
      <vscode-dropdown aria-label="Training steps" .value=${rule} @change=${choose}>
        <vscode-option value="recipe">By the recipe: 100, more for many rows</vscode-option>
        <vscode-option value="auto">Automatic: about ten passes, early stop</vscode-option>
        <vscode-option value="fixed">A fixed number</vscode-option>
      </vscode-dropdown>
      ${
        typeof steps === "number"
          ? html`<input
              type="number"
              min="1"
              max="10000"
              aria-label="Number of training steps"
              .value=${live(String(steps))}
              @change=${(event: Event) => number(event, 1, 10_000, (next) => edit({ steps: next }))}
            />`
          : ""
      }
    </span>
  </div>`;
}

function armsField({ arms }: Draft): TemplateResult {
  // The toolkit reports values that the panel itself has set as changes, too; so what counts is the draft of now.
  const toggle = (arm: ExtraArm, on: boolean) => {
    if (!view.draft || view.draft.arms.includes(arm) === on) return;
    const next = extraArms
      .map(([each]) => each)
      .filter((each) => (each === arm ? on : view.draft?.arms.includes(each)));
    edit({ arms: next, preset: view.draft.preset });
  };
  return html`<fieldset class="arms">
    <legend>Who else answers</legend>
    ${extraArms.map(
      ([arm, title, detail]) =>
        html`<vscode-checkbox
          .checked=${live(arms.includes(arm))}
          @change=${(event: Event) => toggle(arm, (event.target as HTMLInputElement).checked)}
          >${title} <span class="muted">${detail}</span></vscode-checkbox
        >`,
    )}
  </fieldset>`;
}

function knowledgeField(setup: SetupSnapshot, draft: Draft): TemplateResult {
  if (!setup.knowledge)
    return html`<h2>Topics</h2>
      <p>${setup.knowledgeProblem ?? "This folder has no knowledge base yet."}</p>
      ${
        setup.trusted
          ? html`<p>
              <vscode-button @click=${() => send({ type: "command", command: "distillery.openSample" })}
                >Open the sample knowledge base</vscode-button
              >
              <vscode-button
                appearance="secondary"
                @click=${() => send({ type: "command", command: "distillery.useThisFolder" })}
                >Use this folder</vscode-button
              >
            </p>`
          : ""
      }`;
  const all = setup.knowledge.topics.map(({ title }) => title);
  const chosen = new Set(draft.topics.length === 0 ? all : draft.topics);
  const wanted = view.topicSearch.trim().toLowerCase();
  const shown = setup.knowledge.topics.filter(({ title }) => title.toLowerCase().includes(wanted));
  const set = (topics: string[]) =>
    edit({ topics: topics.length === all.length ? [] : topics, preset: view.draft?.preset ?? "own" });
  // The toolkit reports values that the panel itself has set as changes, too; so what counts is the draft of now.
  const toggle = (title: string, on: boolean) => {
    const now = new Set(view.draft && view.draft.topics.length > 0 ? view.draft.topics : all);
    if (on === now.has(title)) return;
    const next = all.filter((each) => (each === title ? on : now.has(each)));
    // With no topic there is nothing to run.
    if (next.length > 0) set(next);
    else redraw();
  };
  return html`<h2>Topics <span class="muted">${chosen.size} of ${all.length} of ${setup.knowledge.name}</span></h2>
    <div class="row">
      <vscode-text-field
        type="search"
        placeholder="Search topics"
        .value=${view.topicSearch}
        @input=${(event: Event) => ((view.topicSearch = (event.target as HTMLInputElement).value), redraw())}
        ><span class="visually-hidden">Search topics</span></vscode-text-field
      >
      <vscode-button appearance="secondary" @click=${() => set(all)}>All</vscode-button>
      <vscode-button appearance="secondary" @click=${() => set(shown.slice(0, 1).map(({ title }) => title))}
        >Only the first</vscode-button
      >
    </div>
    <ul class="topics" aria-label="Topics">
      ${shown.map(
        ({ title, sections }) =>
          html`<li>
            <vscode-checkbox
              .checked=${live(chosen.has(title))}
              @change=${(event: Event) => toggle(title, (event.target as HTMLInputElement).checked)}
              >${title} <span class="muted">${sections} sections</span></vscode-checkbox
            >
          </li>`,
      )}
    </ul>`;
}

function estimate({ estimate: given, environment, environmentNote }: SetupSnapshot): TemplateResult {
  const money =
    given &&
    (given.dollars === null ? "price not known" : `about $${given.dollars.toFixed(given.dollars < 0.1 ? 4 : 2)}`);
  return html`<section class="estimate" aria-labelledby="estimate-title">
    <h2 id="estimate-title">What it will take</h2>
    ${
      given
        ? html`<p>
              ${given.calls === 0 ? "No requests" : `${count(given.calls)} requests, ${count(given.tokens)} tokens, ${money}`},
              and about ${given.minutes} ${given.minutes === 1 ? "minute" : "minutes"} on two processor cores.
            </p>
            <p>${given.sent}</p>
            <p>${given.shows}</p>`
        : html`<p>The estimate comes with the knowledge base.</p>`
    }
    ${
      environment === "ready"
        ? ""
        : html`<p role="status">
            ${environment === "installing" ? `The Python environment is being set up. ${environmentNote}` : "The Python environment is not set up yet: about 0.7 GB of downloads and 1.8 GB of disk."}
            ${environment === "missing" ? html`<vscode-button appearance="secondary" @click=${() => send({ type: "command", command: "distillery.setUpEnvironment" })}>Set up environment</vscode-button>` : ""}
          </p>`
    }
  </section>`;
}

function start({ obstacle }: SetupSnapshot): TemplateResult {
  return html`<div class="row start">
    <vscode-button id="run" ?disabled=${obstacle !== null} @click=${() => send({ type: "start" })}
      >Run pipeline</vscode-button
    >
    <span role="status">${obstacle ?? ""}</span>
  </div>`;
}
