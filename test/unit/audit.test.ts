/** An audit passes only on an answer about every package: a service that is not reached must not look like a clean bill. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { npmFindings, pinned, pythonFindings } from "../../scripts/auditReports.mjs";

describe("npm audit", () => {
  const report = (vulnerabilities: object) =>
    JSON.stringify({ vulnerabilities, metadata: { dependencies: { total: 500 } } });

  it("tells of high and critical advisories, not of lower ones", () => {
    const low = { name: "a", severity: "moderate", range: "<2" };
    const high = { name: "b", severity: "high", range: "<=1.4.0" };
    expect(npmFindings(report({ a: low }))).toEqual({ found: [], unasked: [] });
    expect(npmFindings(report({ a: low, b: high }))).toEqual({ found: ["b <=1.4.0: high"], unasked: [] });
  });

  it.each([
    ["an error", '{"message":"405 Method Not Allowed"}', "405 Method Not Allowed"],
    ["nothing", "", "npm gave no report"],
    ["a report on no package", '{"vulnerabilities":{},"metadata":{"dependencies":{"total":0}}}', "npm gave no report"],
  ])("%s is no clean bill", (_, text, said) => {
    expect(npmFindings(text)).toEqual({ found: [], unasked: [`package-lock.json: ${said}`] });
  });
});

describe("pip-audit", () => {
  const asked = ["Some_Package==1.0", "other==2.0"];
  const clean = { name: "some-package", version: "1.0", vulns: [] };

  it("tells of every advisory", () => {
    const other = { name: "other", version: "2.0", vulns: [{ id: "PYSEC-1" }] };
    const text = JSON.stringify({ dependencies: [clean, other] });
    expect(pythonFindings(text, asked)).toEqual({ found: ["other 2.0: PYSEC-1"], unasked: [] });
  });

  it("a package that was skipped or is missing from the report has no answer", () => {
    const skipped = { name: "other", skip_reason: "Dependency not found on PyPI and could not be audited" };
    const text = JSON.stringify({ dependencies: [clean, skipped] });
    expect(pythonFindings(text, asked)).toEqual({ found: [], unasked: ["other==2.0"] });
    expect(pythonFindings("", asked).unasked).toEqual(asked);
  });

  it("is asked about every package of a lock", () => {
    const lock = readFileSync(join(import.meta.dirname, "../../trainer/requirements.lock"), "utf8");
    const names = pinned(lock);
    expect(names.length).toBe(lock.split("\n").filter((line) => /^[A-Za-z0-9]/.test(line)).length);
    expect(names.every((name) => /^[\w.-]+==[\w.!+-]+$/.test(name))).toBe(true);
  });
});
