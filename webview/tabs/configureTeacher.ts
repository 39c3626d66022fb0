/** The teacher in the Configure tab. */
import { html, type TemplateResult } from "lit-html";
import type { Draft, SetupSnapshot } from "../../src/protocol/panel.ts";
import { send } from "../host.ts";
import { edit, view } from "../state.ts";

/** Which teacher, and what it needs: a key, or a model of VS Code. */
export function teacherField({ teacher, trusted }: SetupSnapshot, draft: Draft): TemplateResult {
  const choose = (event: Event) => {
    const chosen = (event.target as HTMLInputElement).value as Draft["teacher"];
    if (view.draft && chosen !== view.draft.teacher) edit({ teacher: chosen, preset: view.draft.preset });
  };
  return html`<div class="field">
      <span class="label">Teacher</span>
      <vscode-dropdown aria-label="Teacher" .value=${draft.teacher} @change=${choose}>
        <vscode-option value="offline">Offline: from the knowledge base itself, no key</vscode-option>
        <vscode-option value="openai">${teacher.model} at ${teacher.host}</vscode-option>
        <vscode-option value="vscode">A model of VS Code, no key</vscode-option>
      </vscode-dropdown>
    </div>
    ${
      draft.teacher === "openai"
        ? html`<div class="field">
              <span class="label">API key</span>
              <span
                >${teacher.hasKey ? `kept for ${teacher.host}` : "none yet"}
                <vscode-button
                  appearance="secondary"
                  ?disabled=${!trusted}
                  @click=${() => send({ type: "command", command: "distillery.setApiKey" })}
                  >${teacher.hasKey ? "Change key" : "Set API key"}</vscode-button
                ></span
              >
            </div>
            ${endingField(teacher, trusted)}`
        : ""
    }
    ${
      draft.teacher === "vscode"
        ? html`<div class="field">
            <span class="label">Model</span>
            <span
              >${teacher.editorModel || "the first there is"}
              <vscode-button
                appearance="secondary"
                ?disabled=${!trusted}
                @click=${() => send({ type: "command", command: "distillery.chooseEditorModel" })}
                >Choose model</vscode-button
              ></span
            >
          </div>`
        : ""
    }`;
}

/** The model's last day, where its provider tells one. */
function endingField({ ending }: SetupSnapshot["teacher"], trusted: boolean): TemplateResult | string {
  if (!ending) return "";
  return html`<div class="field">
    <span class="label">Last day</span>
    <span
      >${ending.text}
      ${
        ending.successor === null
          ? ""
          : html`<vscode-button
              appearance="secondary"
              ?disabled=${!trusted}
              @click=${() => send({ type: "command", command: "distillery.useSuccessor" })}
              >Use ${ending.successor}</vscode-button
            >`
      }</span
    >
  </div>`;
}
