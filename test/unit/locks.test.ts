/** What is installed is what is locked: locks without holes, and in step with what they lock. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { torchPin } from "../../src/pipeline/adapters/installEnvironment.ts";

const repository = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(repository, file), "utf8");

interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

describe("package-lock.json", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, Locked> };
  const manifest = JSON.parse(read("package.json")) as Locked;
  const kinds = ["dependencies", "devDependencies", "optionalDependencies"] as const;

  it("has a hash for every package that can be installed here", () => {
    const without = Object.entries(packages).filter(
      ([path, { integrity, link }]) => path !== "" && !link && !integrity,
    );
    // scripts/completeLock.mjs adds those of other platforms, which the registry did not have; npm passes them over.
    expect(without.filter(([, { optional, os, cpu }]) => !optional || !(os ?? cpu)).map(([path]) => path)).toEqual([]);
    const fits = ({ os, cpu }: Locked) => (!os || os.includes("linux")) && (!cpu || cpu.includes("x64"));
    const llama = without.filter(([path, entry]) => path.includes("@node-llama-cpp/") && fits(entry));
    expect(llama.map(([path]) => path)).toEqual([]);
  });

  it("is in step with package.json, which names exact versions", () => {
    for (const kind of kinds) {
      expect(packages[""]?.[kind] ?? {}).toEqual(manifest[kind] ?? {});
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
        expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
      }
    }
  });

  it("names no download address", () => {
    expect(Object.values(packages).filter(({ resolved }) => resolved)).toEqual([]);
  });
});

/** The packages of a Python lock, with their versions and whether a hash follows. */
function pythonLock(file: string): { name: string; version: string; hashes: number }[] {
  return read(file)
    .split(/\n(?=[A-Za-z])/)
    .flatMap((entry) => {
      const [, name, version] = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/.exec(entry) ?? [];
      return name && version
        ? [{ name, version, hashes: entry.match(/--hash=sha256:[0-9a-f]{64}/g)?.length ?? 0 }]
        : [];
    });
}

describe.each(["requirements", "requirements-dev", "models", "uv-tool"])("trainer/%s.lock", (name) => {
  const locked = pythonLock(`trainer/${name}.lock`);
  it("has a hash for every package", () => {
    expect(locked.length).toBeGreaterThan(0);
    expect(locked.filter(({ hashes }) => hashes === 0)).toEqual([]);
  });
});

it.each(["requirements", "requirements-dev"])(
  "trainer/%s.lock holds every package that is wanted, as wanted",
  (name) => {
    const locked = new Map(pythonLock(`trainer/${name}.lock`).map((each) => [each.name.toLowerCase(), each.version]));
    const wanted = [...read(`trainer/${name}.in`).matchAll(/^([A-Za-z0-9._-]+)(?:==([^\s;]+))?/gm)];
    expect(wanted.length).toBeGreaterThan(0);
    for (const [, wantedName = "", version] of wanted) {
      // Its build depends on the device, so torch is pinned in the installer.
      if (wantedName === "torch") expect(`torch==${version}`).toBe(torchPin);
      else if (version) expect(locked.get(wantedName.toLowerCase()), wantedName).toBe(version);
      else expect([...locked.keys()], wantedName).toContain(wantedName.toLowerCase());
    }
  },
);
