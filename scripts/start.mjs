/** `npm start`: from a fresh clone to a tuned student and its comparison. */
import { fileURLToPath } from "node:url";
import { ready } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));
process.argv.splice(2, 0, "start");
await import("../src/cli/main.ts");
