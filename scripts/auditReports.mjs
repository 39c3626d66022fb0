/** What an audit's report says. An audit that did not ask about a package has found nothing out about it. */

/**
 * @typedef {{ found: string[], unasked: string[] }} Findings
 * `found` are advisories that must be acted on, `unasked` what nothing is known of; one line each.
 */

/**
 * The report of `npm audit --json`. Advisories below "high" are npm's to tell of.
 * @param {string} text
 * @returns {Findings}
 */
export function npmFindings(text) {
  const report = parsed(text);
  if (!report?.vulnerabilities || !(report.metadata?.dependencies?.total > 0))
    return { found: [], unasked: [`package-lock.json: ${report?.message ?? "npm gave no report"}`] };
  /** @type {{ name: string, severity: string, range: string }[]} */
  const all = Object.values(report.vulnerabilities);
  const grave = all.filter(({ severity }) => ["high", "critical"].includes(severity));
  return { found: grave.map(({ name, severity, range }) => `${name} ${range}: ${severity}`), unasked: [] };
}

/**
 * The report of `pip-audit --format json`. Advisories on Python packages carry no severity, so each of them counts.
 * @param {string} text
 * @param {string[]} asked `NAME==VERSION`, as given to pip-audit
 * @returns {Findings}
 */
export function pythonFindings(text, asked) {
  /** @type {{ name: string, version?: string, vulns?: { id: string }[], skip_reason?: string }[]} */
  const answers = parsed(text)?.dependencies ?? [];
  const known = new Set(
    answers.filter(({ vulns }) => vulns).map(({ name, version }) => canonical(`${name}==${version}`)),
  );
  return {
    found: answers.flatMap(({ name, version, vulns }) => (vulns ?? []).map(({ id }) => `${name} ${version}: ${id}`)),
    unasked: asked.filter((each) => !known.has(canonical(each))),
  };
}

/**
 * The pinned packages of a Python lock, as `NAME==VERSION`.
 * @param {string} lock
 */
export const pinned = (lock) =>
  [...lock.matchAll(/^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/gm)].map(
    ([, name, version]) => `${name}==${version}`,
  );

/** @param {string} name */
const canonical = (name) => name.toLowerCase().replace(/[-_.]+(?=.*==)/g, "-");

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
