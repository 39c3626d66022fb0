/** Prompts for the parity test: questions as the product asks them, and texts that tokenizers disagree on. */
import { studentMessages, templates } from "../../src/pipeline/template.ts";

const kinds = [
  "Pod",
  "Deployment",
  "ReplicaSet",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Service",
  "Ingress",
  "Secret",
  "Namespace",
];
const questions = kinds.flatMap((kind) => [
  `What is a ${kind} in Kubernetes v1.28, and when would one use it?`,
  `Name the fields of a ${kind}'s specification that must be set.`,
]);

/** Rendered with the recipe's template; 20 of them. */
export const askedPrompts = questions.map((question) =>
  templates.chatml.render(studentMessages({ name: "Kubernetes", version: "v1.28" }, question)),
);

const tricky = [
  "kubectl get pods -n kube-system --field-selector=status.phase=Running",
  "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n\ttabbed: yes\n",
  "  leading and trailing  spaces   ",
  "\n\n\nnew lines\r\nand a carriage return",
  "12345678901234567890 3.14159 0x1F 1,000,000 v1.28.3 10.96.0.0/12",
  "naïve café, Größe, señor, Åse, Łódź",
  "日本語のテキスト、漢字とかな。",
  "Привет, мир! Как дела?",
  "مرحبا بالعالم",
  "👩‍👩‍👧‍👦 🚀 🏳️‍🌈 flags and families",
  "e\u0301 versus \u00e9; fi ligature ﬁ; no-break\u00a0space; zero\u200bwidth",
  "don't can't we'll I'M they'RE it's",
  "<|im_end|> in the middle <|im_start|>user of a text <|endoftext|>",
  "almost <|im_en d|> and <| im_start |> marks",
  "[INST] other <s>marks</s> [/INST] ### Instruction:",
  "CamelCaseAndSCREAMING_SNAKE and kebab-case-names",
  '{"json": [1, 2.5, null, true], "nested": {"a": "b\\n"}}',
  "a".repeat(200),
  "ha ".repeat(60),
  "!!!???...---___***///\\\\\\",
  "",
  " ",
  "\t",
  "0",
  'In 2023, 1.28 ("Planternetes") was released on August 15th.',
  "Σίσυφος ΣΊΣΥΦΟΣ ß ẞ İ ı",
  "100% of $5.00 & 50¢ @ user#tag ~ ^caret `code`",
  "https://kubernetes.io/docs/concepts/workloads/pods/?a=b&c=d#fragment",
  "def f(x):\n    return x**2  # comment\n",
  "word\u0000with a null and \u0007 bell",
];

/** 50 prompts in three templates. */
export const tokenPrompts = [
  ...askedPrompts,
  ...tricky.map((content, index) => {
    const template = [templates.chatml, templates.native, templates.phi][index % 3] ?? templates.chatml;
    return template.render([{ role: "user", content }]);
  }),
];
