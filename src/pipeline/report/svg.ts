/** Drawings of the report, as inline SVG that takes its colours from the page. */
import type { Figure, Interval, Trend } from "./blocks.ts";
import { harmless, number, signed } from "./text.ts";

/** Text inside an element or attribute. */
export const escaped = (text: string): string =>
  harmless(text).replace(/[&<>"'`]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const round = (value: number): string => (Math.round(value * 10) / 10).toString();

/** Which way an interval points: it holds no change, or lies on one side of it. */
const way = ({ low, high }: Interval): string => (low > 0 ? "better" : high < 0 ? "worse" : "unclear");

/** A scale around zero that holds all intervals, with some room. */
export function scaleOf(intervals: readonly Interval[]): Interval {
  const low = Math.min(0, ...intervals.map((each) => each.low));
  const high = Math.max(0, ...intervals.map((each) => each.high));
  const room = Math.max(0.02, (high - low) * 0.08);
  return { low: low - room, high: high + room };
}

const placeOn =
  ({ low, high }: Interval, from: number, width: number) =>
  (value: number): number =>
    from + ((value - low) / (high - low)) * width;

/** Dot and whisker for one row of a table; the text beside it says the same, so it is hidden from readers aloud. */
export function rowWhisker(at: number, interval: Interval, scale: Interval): string {
  const x = placeOn(scale, 0, 120);
  return (
    `<svg class="row-whisker ${way(interval)}" viewBox="0 0 120 14" aria-hidden="true" focusable="false">` +
    `<line class="zero" x1="${round(x(0))}" x2="${round(x(0))}" y1="0" y2="14"/>${whisker(at, interval, x, 7, 3)}</svg>`
  );
}

function whisker(at: number, interval: Interval, x: (value: number) => number, y: number, size: number): string {
  const [low, high] = [round(x(interval.low)), round(x(interval.high))];
  const cap = (place: string) => `<line x1="${place}" x2="${place}" y1="${y - size}" y2="${y + size}"/>`;
  return `<line x1="${low}" x2="${high}" y1="${y}" y2="${y}"/>${cap(low)}${cap(high)}<circle cx="${round(x(at))}" cy="${y}" r="${size}"/>`;
}

/** The primary change with its interval, on a scale with figures. */
export function figureWhisker({ metric, change, interval, questions }: Figure): string {
  const range = interval ?? { low: change, high: change };
  const scale = scaleOf([range]);
  const x = placeOn(scale, 14, 332);
  const step = stepFor(scale.high - scale.low);
  const ticks = ticksOf(scale, step);
  const said = interval
    ? `${metric} changed by ${signed(change)}; the 95 % interval reaches from ${signed(interval.low)} to ${signed(interval.high)}, over ${questions} questions.`
    : `${metric} changed by ${signed(change)} over ${questions} questions; there is no interval.`;
  return (
    `<svg class="figure ${interval ? way(interval) : "unclear"}" viewBox="0 0 360 92" role="img" aria-labelledby="figure-title figure-desc">` +
    `<title id="figure-title">Change with its 95 % interval</title><desc id="figure-desc">${escaped(said)}</desc>` +
    `<line class="axis" x1="14" x2="346" y1="56" y2="56"/>` +
    ticks
      .map(
        (tick) =>
          `<line class="axis" x1="${round(x(tick))}" x2="${round(x(tick))}" y1="56" y2="61"/>` +
          `<text class="tick" x="${round(x(tick))}" y="76" text-anchor="middle">${tick === 0 ? "0" : signed(tick, step < 0.1 ? 2 : 1)}</text>`,
      )
      .join("") +
    `<line class="zero" x1="${round(x(0))}" x2="${round(x(0))}" y1="6" y2="56"/>` +
    `<text class="tick" x="${round(x(0))}" y="90" text-anchor="middle">no change</text>${whisker(change, range, x, 32, 7)}</svg>`
  );
}

/** 0.01, 0.02, 0.05, 0.1 …: about five steps over a span. */
function stepFor(span: number): number {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
  return steps.find((step) => span / step <= 6) ?? 1;
}

function ticksOf({ low, high }: Interval, step: number): number[] {
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(4)));
}

const frame = { width: 640, height: 240, left: 40, right: 500, top: 12, bottom: 204 };

/** Both arms over the cycles, as two lines named at their ends. */
export function trendChart({ title, points }: Trend): string {
  const values = points.flatMap(({ baseline, tuned }) => [baseline, tuned]).filter((value) => value !== null);
  if (values.length === 0) return "";
  const low = Math.max(0, Math.floor(Math.min(...values) * 10 - 0.5) / 10);
  const high = Math.min(1, Math.ceil(Math.max(...values) * 10 + 0.5) / 10);
  const { width, height, left, right, top, bottom } = frame;
  const x = (index: number) => (points.length === 1 ? left : left + (index / (points.length - 1)) * (right - left));
  const y = placeOn({ low: high, high: low }, top, bottom - top);
  const said = points
    .map(({ cycle, baseline, tuned }) => `cycle ${cycle}: baseline ${number(baseline)}, fine-tuned ${number(tuned)}`)
    .join("; ");
  const grid = ticksOf({ low, high }, stepFor(high - low)).map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>` +
      `<text class="tick" x="${left - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${tick.toFixed(stepFor(high - low) < 0.1 ? 2 : 1)}</text>`,
  );
  const names = points.map(
    ({ cycle }, index) =>
      `<text class="tick" x="${round(x(index))}" y="${bottom + 20}" text-anchor="middle">${cycle}</text>`,
  );
  const lines = (["baseline", "tuned"] as const).map((arm) => lineOf(points, arm, x, y));
  return (
    `<svg class="trend" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="trend-title trend-desc">` +
    `<title id="trend-title">${escaped(title)}</title><desc id="trend-desc">${escaped(said)}</desc>` +
    `${grid.join("")}${names.join("")}${lines.join("")}${labels(points, y)}` +
    `<text class="tick" x="${(left + right) / 2}" y="${height - 2}" text-anchor="middle">cycle</text></svg>`
  );
}

/** A line through the cycles that have a value; a cycle without one leaves a gap. */
function lineOf(
  points: Trend["points"],
  arm: "baseline" | "tuned",
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  const places = points.map((point, index) => {
    const value = point[arm];
    return value === null ? null : `${round(x(index))},${round(y(value))}`;
  });
  const path = places
    .map((place, index) => (place === null ? "" : `${places[index - 1] ? "L" : "M"}${place}`))
    .join("");
  const dots = places.map((place) => {
    const [cx, cy] = place?.split(",") ?? [];
    return place === null ? "" : `<circle cx="${cx}" cy="${cy}" r="4"/>`;
  });
  return `<g class="line ${arm}"><path d="${path}"/>${dots.join("")}</g>`;
}

/** The arms' names right of their last values, kept apart where these are close. */
function labels(points: Trend["points"], y: (value: number) => number): string {
  const ends = (["baseline", "tuned"] as const)
    .flatMap((arm) => {
      const value = points.map((point) => point[arm]).findLast((each) => each !== null);
      return value === undefined || value === null ? [] : [{ arm, value, at: y(value) }];
    })
    .toSorted((a, b) => a.at - b.at);
  const [upper, lower] = ends;
  if (upper && lower && lower.at - upper.at < 18) {
    const middle = (upper.at + lower.at) / 2;
    upper.at = middle - 9;
    lower.at = middle + 9;
  }
  return ends
    .map(
      ({ arm, value, at }) =>
        `<text class="label ${arm}" x="${frame.right + 12}" y="${round(at + 4)}">${arm === "tuned" ? "fine-tuned" : "baseline"} ${value.toFixed(2)}</text>`,
    )
    .join("");
}
