/** The run as it goes: stages, loss, the newest question and answer. */
import { html, type TemplateResult } from "lit-html";
import { screenStages } from "../stages.ts";
import type { RunSnapshot } from "../../src/protocol/panel.ts";
import type { StageState } from "../../src/protocol/state.ts";
import { duration, gigabytes } from "../format.ts";
import { send } from "../host.ts";
import { lossSection } from "../lossChart.ts";
import { view } from "../state.ts";

export function runTab(): TemplateResult {
  const { run } = view;
  if (!run) return html`<p role="status">Loading…</p>`;
  const { state } = run;
  return html`
    <div class="row wide">${picker(run)} ${buttons(run)}</div>
    <p class="status" role="status">${statusLine(run)}</p>
    ${state.error && state.status !== "running" ? html`<p class="problem" role="alert">${state.error.message} <span class="muted">(${state.error.code})</span></p>` : ""}
    <table class="stages">
      <caption class="visually-hidden">
        The seven stages
      </caption>
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col">State</th>
          <th scope="col">Progress</th>
          <th scope="col">Time</th>
          <th scope="col">Result</th>
        </tr>
      </thead>
      <tbody>
        ${screenStages.map((each, index) => stageRow(run, index, each))}
      </tbody>
    </table>
    ${lossSection(state.losses, state.totalSteps)} ${figures(run)} ${latest(run)} ${notices(run)}
  `;
}

function picker({ runs, selected, live }: RunSnapshot): TemplateResult {
  if (runs.length === 0) return html`<span>No run yet.</span>`;
  const choose = (event: Event) => {
    const id = (event.target as HTMLSelectElement).value;
    if (id && id !== view.run?.selected) send({ type: "select", run: id });
  };
  return html`<vscode-dropdown
    class="runs"
    aria-label="Run"
    ?disabled=${live}
    .value=${selected ?? ""}
    @change=${choose}
  >
    ${runs.map(({ id, label, detail }) => html`<vscode-option value=${id} ?selected=${id === selected}>${label}, ${detail}</vscode-option>`)}
  </vscode-dropdown>`;
}

function buttons({ live, resumable, selected, state }: RunSnapshot): TemplateResult {
  const trusted = view.setup?.trusted ?? false;
  return html`<span class="row">
    ${live ? html`<vscode-button id="stop" @click=${() => send({ type: "stop" })}>Stop</vscode-button><span class="muted">Everything finished is kept.</span>` : ""}
    ${resumable && selected ? html`<vscode-button id="resume" ?disabled=${!trusted} @click=${() => send({ type: "resume", run: selected })}>Resume</vscode-button>` : ""}
    ${state.status === "finished" && !live ? html`<vscode-button appearance="secondary" @click=${() => send({ type: "command", command: "distillery.openReport" })}>Open report</vscode-button><vscode-button appearance="secondary" @click=${() => send({ type: "command", command: "distillery.useAsStudent" })}>Use as student</vscode-button>` : ""}
  </span>`;
}

function statusLine({ state, live }: RunSnapshot): string {
  if (live && state.run === null) return "Starting …";
  const cycle = state.cycles > 1 ? `, cycle ${state.cycle} of ${state.cycles}` : "";
  const words = {
    idle: "Nothing runs.",
    running: live
      ? `Running${cycle}: ${state.teacher || "the teacher"} teaches ${state.student}.`
      : `Running${cycle} in another window or a terminal, where it can be stopped.`,
    finished: state.sentence,
    stopped: "Stopped. Everything finished is kept; Resume goes on from there.",
    failed: "Failed. Everything finished is kept.",
  };
  return words[state.status];
}

const words: Record<StageState["status"], string> = {
  waiting: "waiting",
  running: "running",
  done: "done",
  reused: "reused",
  failed: "failed",
  interrupted: "interrupted",
};
const signs: Record<StageState["status"], string> = {
  waiting: "○",
  running: "▶",
  done: "✓",
  reused: "↺",
  failed: "✕",
  interrupted: "‖",
};

/** A stage on screen covers one or two stored ones; the state is that of the one in work. */
function stageRow(
  { state, secondsLeft }: RunSnapshot,
  index: number,
  { title, stages }: (typeof screenStages)[number],
): TemplateResult {
  const parts = stages.map((id) => state.stages[id]);
  const working =
    stages.find((id) => ["running", "failed", "interrupted"].includes(state.stages[id].status)) ??
    stages.find((id) => state.stages[id].status === "waiting") ??
    stages.at(-1)!;
  const part = state.stages[working];
  const begun = parts.some(({ status }) => status !== "waiting");
  const status = part.status === "waiting" && begun && state.status === "running" ? "running" : part.status;
  const seconds = parts.reduce((sum, each) => sum + (each.seconds ?? 0), 0);
  const left = secondsLeft[working];
  const finished = status === "done" || status === "reused";
  const value = finished ? 1 : part.total ? part.done / part.total : 0;
  const label = `${title}: ${words[status]}`;
  return html`<tr data-stage=${stages[0]} data-status=${status}>
    <th scope="row">${index + 1}. ${title}</th>
    <td><span class=${`sign ${status}`} aria-hidden="true">${signs[status]}</span> ${words[status]}</td>
    <td>
      ${status === "running" && !part.total ? html`<progress aria-label=${label}></progress>` : html`<progress aria-label=${label} max="1" .value=${value}></progress>`}
      <span class="muted">${part.total ? `${part.done}/${part.total}` : ""}</span>
    </td>
    <td>${finished ? duration(seconds) : left === undefined ? "" : `${duration(left)} left`}</td>
    <td class="result">
      ${parts
        .map(({ summary }) => summary)
        .filter(Boolean)
        .join(" · ")}
    </td>
  </tr>`;
}

function figures({ state, device, memoryBytes, live }: RunSnapshot): TemplateResult {
  const pace = state.losses.at(-1)?.tokensPerSecond;
  const facts: [string, string][] = [
    ...(pace === undefined ? [] : ([["Training pace", `${pace.toFixed(0)} tokens/s`]] as [string, string][])),
    ...(device === null ? [] : ([["Device", device]] as [string, string][])),
    ...(memoryBytes === null
      ? []
      : ([[live ? "Memory in use on this machine" : "Peak memory in training", gigabytes(memoryBytes)]] as [
          string,
          string,
        ][])),
  ];
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function latest({ state, live }: RunSnapshot): TemplateResult | string {
  if (!live || !state.latest) return "";
  return html`<section aria-label="Newest question and answer" class="latest">
    <h2>${screenStages.find(({ stages }) => stages.includes(state.latest!.stage))?.title}</h2>
    <p class="question">${state.latest.question}</p>
    ${state.latest.answer === null ? "" : html`<p class="answer">${state.latest.answer}</p>`}
  </section>`;
}

const notices = ({ state }: RunSnapshot): TemplateResult | string =>
  state.notices.length === 0
    ? ""
    : html`<details>
        <summary>${state.notices.length} notices</summary>
        <ul>
          ${state.notices.map((text) => html`<li>${text}</li>`)}
        </ul>
      </details>`;
