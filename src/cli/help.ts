/** What `distillery --help` prints. */

export const helpText = `distillery: distils a teacher model into a small student over your own documents, and measures whether it helped.

  distillery run       start a run over a knowledge base
  distillery resume    go on with a run [RUN]; flags change its settings, only what depends on them runs again
  distillery rerun     do a stage and all that rests on it again [RUN] --from STAGE [--cycle N]
  distillery list      the runs of this workspace
  distillery show      a run's comparison and checkpoints [RUN]; --ledger lists every question's life
  distillery ask       ask the base model and the student in use side by side "QUESTION" [--run RUN] [--cycle N]
  distillery student   the student in use and its history; --use RUN [--cycle N] chooses one, --rollback goes back
  distillery review    questions and answers with what was decided about them [RUN]; see below for deciding
  distillery stale     sections that changed since a run asked about them, and what rests on them [RUN]
  distillery export    a tuned student for use elsewhere, proved to answer alike [RUN] [--cycle N] [--to FOLDER]
                       [--as peft|gguf|merged|ollama|all]
  distillery backup    put a run with its adapter into one file [RUN] [FILE]
  distillery restore   bring back a backup FILE, or a replaced checkpoint: RUN FILE
  distillery download  fetch and convert a STUDENT: phi-2, or OWNER/NAME of a llama or phi model with safetensors
  distillery doctor    check interpreter, packages, device, memory, disk, models and endpoint [--fix]
  distillery start     the sample run of \`npm start\` [--new]

A RUN may be shortened to the unique start of its name; the newest run is meant when none is given.

What a run is made of (run, resume, rerun):
  --knowledge FOLDER       Markdown and text files; the bundled Kubernetes v1.28 base when not given (run only)
  --topics A,B             topics to draw from; all when not given
  --questions N            question families per cycle, 1 to 50 (20)
  --cycles N               1 to 10 (1)
  --wordings N             training wordings per question, 1 to 8 (3)
  --own-questions FILE     your own questions, one JSON object a line: {"question": "…", "answer": "…"}
  --teacher KIND           offline (needs no key, sends nothing) or openai (any compatible endpoint)
  --model NAME             the teacher's model (gpt-4o-mini)
  --base-url URL           the teacher's endpoint (https://api.openai.com/v1); key from OPENAI_API_KEY or .env
  --effort LEVEL           how much a reasoning model thinks: none, minimal, low, medium, high (default)
  --judge                  also score with the teacher's endpoint as judge (answer relevancy, factual correctness,
                           faithfulness to the section); answers and sections are sent to it
  --judge-model NAME       another model judges, at the teacher's endpoint or at --judge-url
  --judge-url URL          the judge's endpoint; key from JUDGE_API_KEY unless it is the teacher's
  --primary-metric NAME    what the verdict rests on, named before the run (semantic_similarity)
  --student NAME           smollm2-135m, phi-2 or OWNER/NAME once downloaded, or a folder with safetensors and model.gguf
  --steps N                training steps, or auto, or recipe (100 where that gives six passes, else auto)
  --word-dropout SHARE     of a training question's words left out in every second pass (0.35); 0 for none
  --quantization KIND      auto, nf4 or gguf
  --roles A,B              layers that get an adapter: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj (all)
  --memory-limit GB        what training may take of a GPU (3)
  --cpu-fallback KIND      auto: train on the CPU where a GPU is missing or too small; ask: stop and say how long (auto)
  --template NAME          chatml, native or phi
  --max-new-tokens N       longest answer (500)
  --repeats N              answers per question, averaged (1)
  --arms A,B               who answers besides untuned and fine-tuned: retrieval (both with the best sections in the
                           prompt), adopted (the student in use), teacher (as a ceiling); "" for none
  --no-probe               leave out the general questions that show what fine-tuning made the student forget
  --budget DOLLARS         what teacher and judge may cost at most, over all starts of the run; none for no limit
  --prices FILE            prices of models not known here, in dollars per million tokens, which --budget needs:
                           {"my-model": {"input": 0.15, "output": 0.6}}
  --gate RULE              when a cycle's student is taken into use: default, strict or never (default)
  --aimed yes|no           later cycles ask more about the topics that failed (yes)
  --seed N                 (42)
  --preset NAME            demo (minutes, figures mean little), small (the defaults), full (50 questions, 5 cycles)

Deciding about a question or an answer (review); \`resume\` then does only what depends on it:
  --exclude ID --reason TEXT   leave it out of training and comparison
  --edit ID --text TEXT        a question's id rewords the question, a family's id rewrites its reference
  --approve ID, --undo ID
  --ask-again FAMILY           another answer of the teacher

Everywhere:
  --out FOLDER             where .distillery with the runs is kept; the current folder when not given
  --json                   the result as JSON on stdout, progress on stderr
  --help, --version

Exit codes: 0 done, 1 failed with a named error, 2 wrong use, 130 stopped.
`;
