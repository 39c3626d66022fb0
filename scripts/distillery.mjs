#!/usr/bin/env node
/** The `distillery` command. */
import { fileURLToPath } from "node:url";
import { ready } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));
await import("../src/cli/main.ts");
