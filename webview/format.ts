/** Numbers for people. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
}

export const score = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : value.toFixed(2);

/** "+0.12", with a real minus sign. */
export function signed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return "–";
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

export const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
export const count = (value: number): string => value.toLocaleString("en");

/** "18 (1 failed, 1 not applicable)": what has no score is never left unsaid. */
export function counts(scored: number, failed: number, notApplicable: number): string {
  const without = [failed > 0 ? `${failed} failed` : "", notApplicable > 0 ? `${notApplicable} not applicable` : ""];
  const said = without.filter(Boolean).join(", ");
  return said === "" ? String(scored) : `${scored} (${said})`;
}

/** What stands for a mean where there is none; `applicable` answers could have had a score. */
export const unscored = (applicable: number): string => (applicable === 0 ? "not applicable" : "too few scored");
