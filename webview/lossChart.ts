/** The loss: a curve, the same in a sentence, and as a table. */
import { html, type TemplateResult } from "lit-html";
import uPlot from "uplot";
import type { LossPoint } from "../src/protocol/model.ts";
import { redraw, view } from "./state.ts";

const holder = document.createElement("div");
holder.className = "chart";
holder.setAttribute("aria-hidden", "true");
let chart: uPlot | null = null;
let drawnWith = "";
let drawn: readonly LossPoint[] = [];

/** Colors come from the theme, so another theme needs another chart. */
function themeOf(): { line: string; text: string; grid: string } {
  const style = getComputedStyle(document.body);
  const read = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    line: read("--vscode-charts-blue", "#3794ff"),
    text: read("--vscode-foreground", "#888888"),
    grid: read("--vscode-panel-border", "#80808059"),
  };
}

function update(points: readonly LossPoint[], total: number | null): void {
  const theme = themeOf();
  const width = Math.max(240, Math.min(760, holder.clientWidth || 600));
  const look = JSON.stringify([theme, width, total]);
  const data: uPlot.AlignedData = [points.map(({ step }) => step), points.map(({ loss }) => loss)];
  if (chart && look === drawnWith) {
    if (points !== drawn) chart.setData(data);
  } else {
    chart?.destroy();
    const axis = {
      stroke: theme.text,
      grid: { stroke: theme.grid, width: 1 },
      ticks: { stroke: theme.grid, width: 1 },
    };
    const range = total === null ? {} : { range: [0, total] as [number, number] };
    chart = new uPlot(
      {
        width,
        height: 190,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, ...range },
          y: { range: (_plot, low, high) => [Math.min(0, low), Math.max(high * 1.05, 0.1)] },
        },
        axes: [
          { ...axis, label: "step", labelSize: 18 },
          { ...axis, label: "loss", labelSize: 18, size: 46 },
        ],
        series: [{}, { stroke: theme.line, width: 2, points: { show: points.length < 40, size: 5 } }],
      },
      data,
      holder,
    );
    drawnWith = look;
  }
  drawn = points;
}

new ResizeObserver(() => redraw()).observe(holder);
new MutationObserver(() => redraw()).observe(document.body, {
  attributes: true,
  attributeFilter: ["class", "data-vscode-theme-id"],
});

export function lossSection(points: readonly LossPoint[], total: number | null): TemplateResult | string {
  const [first] = points;
  const last = points.at(-1);
  if (!first || !last) return "";
  // Drawn once the holder is in the page and has a width.
  requestAnimationFrame(() => update(points, total));
  const lowest = points.reduce((best, point) => (point.loss < best.loss ? point : best), first);
  const summary = `Step ${last.step}${total === null ? "" : ` of ${total}`}: the loss went from ${first.loss.toFixed(2)} to ${last.loss.toFixed(2)}; lowest ${lowest.loss.toFixed(2)} at step ${lowest.step}.`;
  return html`<section aria-labelledby="loss-title" class="loss">
    <h2 id="loss-title">Loss</h2>
    <p id="loss-summary">${summary}</p>
    ${holder}
    <vscode-button
      appearance="secondary"
      aria-expanded=${view.lossAsTable ? "true" : "false"}
      @click=${() => ((view.lossAsTable = !view.lossAsTable), redraw())}
      >${view.lossAsTable ? "Hide table" : "Show as table"}</vscode-button
    >
    ${
      view.lossAsTable
        ? html`<div class="scroll" tabindex="0" role="region" aria-label="Loss by step">
            <table>
              <thead>
                <tr>
                  <th scope="col">Step</th>
                  <th scope="col">Loss</th>
                  <th scope="col">Learning rate</th>
                  <th scope="col">Tokens/s</th>
                </tr>
              </thead>
              <tbody>
                ${points.map(
                  ({ step, loss, learningRate, tokensPerSecond }) =>
                    html`<tr>
                      <td>${step}</td>
                      <td>${loss.toFixed(3)}</td>
                      <td>${learningRate.toExponential(1)}</td>
                      <td>${tokensPerSecond.toFixed(0)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
        : ""
    }
  </section>`;
}
