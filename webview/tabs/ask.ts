/** One question to both students, and the teacher if wished; which model answers is always in view. */
import { html, type TemplateResult } from "lit-html";
import type { AskAnswer, AskArm, AskSnapshot } from "../../src/protocol/panel.ts";
import { remember, send } from "../host.ts";
import { redraw, view } from "../state.ts";

const armTitles: Record<AskArm, string> = { base: "Untuned student", tuned: "Tuned student", teacher: "Teacher" };

export function askTab(): TemplateResult {
  const { ask, setup } = view;
  if (!ask) return html`<p role="status">Loading…</p>`;
  const possible: Record<AskArm, boolean> = { base: true, tuned: ask.tuned !== null, teacher: ask.teacher !== null };
  const chosen = (Object.keys(view.arms) as AskArm[]).filter((arm) => view.arms[arm] && possible[arm]);
  const ready = (setup?.trusted ?? false) && view.question.trim() !== "" && chosen.length > 0;
  const submit = () => {
    if (ready && !ask.busy) send({ type: "ask", question: view.question.trim().slice(0, 4000), arms: chosen });
  };
  return html`
    <vscode-text-area
      class="ask"
      rows="3"
      resize="vertical"
      maxlength="4000"
      aria-label="Question"
      placeholder="What does a Service do?"
      .value=${view.question}
      @input=${(event: Event) => ((view.question = (event.target as HTMLTextAreaElement).value), remember({ question: view.question }), redraw())}
      @keydown=${(event: KeyboardEvent) => (event.key === "Enter" && (event.ctrlKey || event.metaKey) ? submit() : undefined)}
      >Question</vscode-text-area
    >
    <fieldset class="row">
      <legend class="visually-hidden">Who answers</legend>
      ${(Object.keys(view.arms) as AskArm[]).map(
        (arm) =>
          html`<vscode-checkbox
            ?disabled=${!possible[arm]}
            .checked=${view.arms[arm] && possible[arm]}
            @change=${(event: Event) => ((view.arms[arm] = (event.target as HTMLInputElement).checked), redraw())}
            >${armTitles[arm]}</vscode-checkbox
          >`,
      )}
      ${ask.busy ? html`<vscode-button id="stop-asking" @click=${() => send({ type: "stopAsking" })}>Stop</vscode-button>` : html`<vscode-button id="ask" ?disabled=${!ready} @click=${submit}>Ask</vscode-button>`}
    </fieldset>
    <p class="muted">
      ${ask.tuned === null ? "There is no tuned student yet: run the pipeline first." : `In use: ${ask.tuned}.`}
    </p>
    ${
      ask.answers.length === 0
        ? ""
        : html`<h2>${ask.question}</h2>
            <div class="columns answers-now">${ask.answers.map(answer)}</div>
            ${sources(ask)}`
    }
  `;
}

/** A fluent answer may be wrong: what it can be checked against stands beside it. */
function sources({ sources: found }: AskSnapshot): TemplateResult | string {
  if (found.length === 0) return "";
  return html`<h3>Check the answers against</h3>
    <ul class="sources">
      ${found.map(
        ({ section, title, place }) =>
          html`<li>
            ${title}
            <vscode-button
              appearance="secondary"
              aria-label=${`Open the source, ${place}`}
              @click=${() => send({ type: "openSection", section })}
              >${place}</vscode-button
            >
          </li>`,
      )}
    </ul>`;
}

function answer({ arm, model, text, status, note }: AskAnswer): TemplateResult {
  return html`<section
    class="column"
    aria-label=${`${armTitles[arm]}: ${model}`}
    aria-busy=${status === "answering" ? "true" : "false"}
    data-arm=${arm}
    data-status=${status}
  >
    <h3>${armTitles[arm]}</h3>
    <p class="muted">${model}</p>
    <p class="answer" aria-live=${status === "done" ? "polite" : "off"}>
      <span
        >${text || (status === "waiting" ? "Waiting for its turn …" : status === "answering" ? "Thinking …" : status === "done" ? "(empty answer)" : "")}</span
      >
    </p>
    <p class="muted">
      ${status === "stopped" ? "Stopped." : status === "failed" ? "" : note}
      ${status === "failed" ? html`<span class="problem">${note}</span>` : ""}
    </p>
  </section>`;
}
