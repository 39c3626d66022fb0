/** The Ollama Modelfile of a tuned student: the prompt it was trained with, its stop texts and sampling values. */
import type { Sampling } from "../protocol/model.ts";
import type { PromptTemplate } from "./template.ts";

export interface ModelfileParts {
  /** Names of the base model and of the adapter beside the Modelfile. */
  gguf: string;
  adapter: string;
  template: PromptTemplate;
  /** The system line the student was trained with. */
  system: string;
  sampling: Sampling;
  /** Tokens of prompt and answer together. */
  contextSize: number;
}

/** The template is rendered with Ollama's variables in the place of texts, so there is no second source of it. */
export function modelfile({ gguf, adapter, template, system, sampling, contextSize }: ModelfileParts): string {
  const prompt = template.render([
    { role: "system", content: "{{ .System }}" },
    { role: "user", content: "{{ .Prompt }}" },
  ]);
  // Ollama cuts the template at .Response to ask; what follows ends the earlier turns of a conversation.
  const text = prompt + template.completion("{{ .Response }}");
  const parameters: [string, number][] = [
    ["num_ctx", contextSize],
    ["num_predict", sampling.maxNewTokens],
    ["temperature", sampling.temperature],
    ["top_p", sampling.topP],
    ["top_k", sampling.topK],
    ["repeat_penalty", sampling.repetitionPenalty],
  ];
  return [
    `FROM ./${gguf}`,
    `ADAPTER ./${adapter}`,
    `TEMPLATE ${quoted(text)}`,
    `SYSTEM ${quoted(system)}`,
    ...template.stops.map((stop) => `PARAMETER stop ${quoted(stop)}`),
    ...parameters.map(([name, value]) => `PARAMETER ${name} ${value}`),
    "",
  ].join("\n");
}

/** Three marks, as a text may hold single ones and line breaks; three in a row would end it. */
const quoted = (text: string): string => `"""${text.replaceAll('"""', "'''")}"""`;
