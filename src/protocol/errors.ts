/** The errors meant for people. Anything that is not a UserError is a bug and goes to the log with its stack. */

/** Every code, with what to do next. `kept` says what a person still has; front ends show all three. */
export const errorTable = {
  E_USAGE: { kept: "Nothing was started.", next: "See `distillery --help`." },
  E_SETTINGS: { kept: "Nothing was started.", next: "Correct the named setting and start again." },
  E_KNOWLEDGE: {
    kept: "Nothing was started.",
    next: "Choose a folder with Markdown or text files that have headings and some sentences under each.",
  },
  E_TOPIC: { kept: "Nothing was started.", next: "Use one of the topics listed." },
  E_QUESTIONS_FILE: { kept: "Nothing was started.", next: "Correct the named line of the questions file." },
  E_NO_QUESTIONS: {
    kept: "The run and its settings are saved.",
    next: "Choose more topics, a larger knowledge base or another teacher, then resume.",
  },
  E_PY_ENV: { kept: "Everything finished so far is saved.", next: "Run `distillery doctor`; it names the fix." },
  E_ENV_HASH: {
    kept: "Nothing of the package was used; everything finished so far is saved.",
    next: "Look at where the packages come from, a mirror or a proxy perhaps, then set the environment up again.",
  },
  E_MODEL_FILE: {
    kept: "Everything finished so far is saved.",
    next: "Fetch the model again: `distillery doctor --fix` for the one that comes along, `distillery download STUDENT` for another.",
  },
  E_STUDENT_UNSUITABLE: {
    kept: "Nothing was changed.",
    next: "Choose a student that can be trained and served: a llama or phi model as safetensors, queries, keys and values apart, with a byte-level BPE tokenizer; phi-2 is one.",
  },
  E_DOWNLOAD: {
    kept: "What verified, and what was begun, is kept.",
    next: "Check the student's name and the network, then download again; it goes on where it stopped.",
  },
  E_MODEL_LOAD: {
    kept: "Everything finished so far is saved.",
    next: "Close other programs or choose a smaller student, then resume.",
  },
  E_STUDENT_DIED: { kept: "Every finished answer is saved.", next: "Resume the run; the log has the details." },
  E_TRAINER_DIED: {
    kept: "Everything up to the last saved training step is kept.",
    next: "Resume the run; the log has the trainer's last lines.",
  },
  E_TRAINER_HUNG: {
    kept: "Everything up to the last saved training step is kept.",
    next: "Resume the run; the log has the trainer's last lines.",
  },
  E_TRAINER: {
    kept: "Everything up to the last saved training step is kept.",
    next: "Read the reason above, change the setting it names and resume.",
  },
  E_PROTOCOL: {
    kept: "Everything finished so far is saved.",
    next: "Reinstall the Python environment with `distillery doctor --fix`.",
  },
  E_LOSS_NAN: {
    kept: "The last good training step is kept; the bad step was not applied.",
    next: "Lower the learning rate and resume.",
  },
  E_MODULES: { kept: "Questions and answers are saved.", next: "Name modules the model has; they are listed above." },
  E_OUT_OF_MEMORY: {
    kept: "Everything finished so far is saved.",
    next: "Close other programs, lower the sequence length or choose a smaller student, then resume.",
  },
  E_CPU_FALLBACK: {
    kept: "Questions and answers are saved; nothing was trained.",
    next: "Resume with `--cpu-fallback auto` to train on the CPU, or start again with the smaller `--student smollm2-135m`.",
  },
  E_EVAL_NOTHING_SCORED: {
    kept: "All answers are saved.",
    next: "Read the reason in the log and resume; no answer is generated again.",
  },
  E_DISK_FULL: { kept: "Everything acknowledged so far is saved.", next: "Free some space and resume." },
  E_STORAGE: { kept: "Everything acknowledged so far is saved.", next: "Check the disk and resume." },
  E_READ_ONLY: { kept: "Nothing was changed.", next: "Choose a folder that can be written with `--out`." },
  E_CKPT_CORRUPT: {
    kept: "The damaged file was moved to the quarantine folder; the other checkpoints are untouched.",
    next: "Resume; the stage runs again and reuses every finished item.",
  },
  E_CKPT_SCHEMA: {
    kept: "The file was moved to the quarantine folder; the other checkpoints are untouched.",
    next: "Resume; the stage runs again and reuses every finished item.",
  },
  E_CKPT_NEWER: { kept: "The file was not touched.", next: "Update Distillery to open it." },
  E_JOURNAL_CORRUPT: {
    kept: "Every line of the journal that verifies is used; the rest was set aside, not deleted.",
    next: "Resume; the items set aside are computed again.",
  },
  E_ARTEFACT_MISSING: { kept: "All checkpoints are untouched.", next: "Re-run the fine-tuning stage of that cycle." },
  E_ARTEFACT_MISMATCH: {
    kept: "All checkpoints are untouched.",
    next: "Re-run the fine-tuning stage of that cycle or restore a backup.",
  },
  E_LEDGER: {
    kept: "All checkpoints are untouched.",
    next: "Do the earlier cycle again with `distillery rerun --from questions --cycle N`, or restore a backup of the run.",
  },
  E_EXPORT_UNPROVED: {
    kept: "The files and their proof are in the folder that ends in -unproved; the run is untouched.",
    next: "Export what was proved with `--as`, or look at the differing answers in proof.json.",
  },
  E_STUDENT_FILE: {
    kept: "Every run and every kept adapter is untouched.",
    next: "Choose the student again: `distillery student --use RUN`, or “Use as Student” in the editor.",
  },
  E_RUN_LOCKED: { kept: "Nothing was changed.", next: "Stop it there, or look at the run here without changing it." },
  E_RUN_UNKNOWN: { kept: "Nothing was changed.", next: "See `distillery list` for the runs there are." },
  E_REVIEW: { kept: "Nothing was changed.", next: "See `distillery review` for the ids and texts there are." },
  E_REVIEW_FILE: {
    kept: "The file was moved to the quarantine folder; checkpoints and answers are untouched.",
    next: "Correct it and put it back as review.json, or resume without its decisions.",
  },
  E_BACKUP: { kept: "Existing runs are untouched.", next: "Use a file made by `distillery backup`." },
  E_PATH_OUTSIDE: {
    kept: "Nothing outside the run was read or written.",
    next: "Remove the entry from the file that names it.",
  },
  E_UNSAFE_FORMAT: { kept: "The file was not opened.", next: "Use safetensors or GGUF files only." },
  E_EDITOR_MODEL: {
    kept: "Everything finished so far is saved.",
    next: "In VS Code, sign in to a provider of language models and allow Distillery to use it, or choose another teacher; then resume.",
  },
  E_AUTH: {
    kept: "Everything finished so far is saved; the key was not shown or stored.",
    next: "Correct the key and resume.",
  },
  E_NO_KEY: {
    kept: "Nothing was sent.",
    next: "Set the key that is named, or use `--teacher offline` without a judge, which needs none.",
  },
  E_MODEL_NAME: { kept: "Everything finished so far is saved.", next: "Name a model the endpoint has, then resume." },
  E_QUOTA: { kept: "Every finished item is saved.", next: "Add credit to the account and resume." },
  E_BUDGET: {
    kept: "Every finished item is saved; the request was not sent.",
    next: "Raise the spending limit and resume.",
  },
  E_SERVICE: { kept: "Every finished item is saved.", next: "Wait until the service answers again and resume." },
  E_ENDPOINT: { kept: "Every finished item is saved.", next: "Check the address and the network, then resume." },
  E_TEACHER_OUTPUT: {
    kept: "Every finished item is saved, with a sample of the bad output in the log.",
    next: "Try another teacher model and resume.",
  },
  E_STOPPED: { kept: "Everything finished so far is saved.", next: "Resume when you like." },
} as const satisfies Record<string, { kept: string; next: string }>;
export type ErrorCode = keyof typeof errorTable;

/** An error a person can act on. `message` is one sentence of what happened; it holds no secret. */
export class UserError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "UserError";
    this.code = code;
  }
  get kept(): string {
    return errorTable[this.code].kept;
  }
  get next(): string {
    return errorTable[this.code].next;
  }
}
