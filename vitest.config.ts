import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Machines are shared and slow at times; no test asserts a speed.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 45_000 } },
    // A test that never ran has shown nothing.
    passWithNoTests: false,
    allowOnly: false,
  },
});
