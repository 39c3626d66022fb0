/** Where the product catches an error that no case of the suites provokes, each with the reason; `catches.ts` reads it. */
export interface Unreached {
  file: string;
  /** Nearest function with a name around the block. */
  function: string;
  reason: string;
}

const refusedByEditor =
  "Only VS Code's own secret storage or its memory of the extension can fail there; what a service does is caught before.";

export const unreached: Unreached[] = [
  { file: "src/extension/run/runner.ts", function: "onConnect", reason: refusedByEditor },
  { file: "src/extension/teacher/endings.ts", function: "look", reason: refusedByEditor },
  { file: "src/extension/teacher/endings.ts", function: "lookAt", reason: refusedByEditor },
  {
    file: "src/pipeline/adapters/teacher/openaiModel.ts",
    function: "reserve",
    reason: "A stop has to come between the end of the wait for the budget and the end of the wait for the limits.",
  },
];
