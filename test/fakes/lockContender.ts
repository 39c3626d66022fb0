/** A process of its own that takes locks: says for each "held" or the error, and lets go at the next line of input. */
import { createInterface } from "node:readline";
import { acquireRunLock } from "../../src/pipeline/adapters/runLock.ts";
import { nodeFiles } from "../../src/pipeline/adapters/fileLayer.ts";

const [folder = "", rounds = "1", atOnce = "1"] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// One line of input starts a round, the next one ends it.
for (let round = 0; round < Number(rounds); round++) {
  await lines.next();
  const taken = await Promise.all(
    Array.from({ length: Number(atOnce) }, (_, index) =>
      acquireRunLock(`${folder}/${round}-${index}`, nodeFiles).catch(
        (error: { code?: string; message?: string }) => error,
      ),
    ),
  );
  process.stdout.write(
    `${JSON.stringify(taken.map((lock) => ("release" in lock ? "held" : `${lock.code} ${lock.message}`)))}\n`,
  );
  await lines.next();
  for (const lock of taken) if ("release" in lock) await lock.release();
}
process.exit(0);
