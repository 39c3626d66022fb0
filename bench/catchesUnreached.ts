/** Where the product catches an error that no case of the suites provokes, each with the reason; `catches.ts` reads it. */
export interface Unreached {
  file: string;
  /** Nearest function with a name around the block. */
  function: string;
  reason: string;
}

export const unreached: Unreached[] = [];
