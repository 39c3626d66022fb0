/** llama.cpp as far as loading goes, for machines and faults there are none of here; test/models has the real one. */
import type { getLlama, Llama, LlamaModel } from "node-llama-cpp";

/**
 * @param start by device: what comes of starting llama.cpp there, the name of the GPU or an error; a missing name is one
 * that the driver does not tell
 */
export function fakeLlama(start: (gpu: "auto" | false) => { device: "cuda" | false; name?: string } | Error) {
  return (async ({ gpu }: { gpu: "auto" | false }): Promise<Llama> => {
    const started = start(gpu);
    if (started instanceof Error) throw started;
    return {
      gpu: started.device,
      getGpuDeviceNames: async () => {
        if (started.name === undefined) throw new Error("the driver tells no names");
        return [started.name];
      },
      loadModel: async () => ({}) as LlamaModel,
    } as unknown as Llama;
  }) as typeof getLlama;
}
