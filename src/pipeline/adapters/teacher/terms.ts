/** What a person is told before a service teaches for the first time; once for each service. */
import { addOrigin, isLocal, readOrigins } from "../origins.ts";

/** Null where it was told before, and for a server on this machine. */
export async function termsNotice(baseUrl: string): Promise<string | null> {
  const { origin, host } = new URL(baseUrl);
  if (isLocal(baseUrl) || (await readOrigins("terms-told")).includes(origin)) return null;
  return `The first run with a teacher at ${host}: sections of the knowledge base are sent there, and its answers may cost money. Some providers' terms do not allow training other models on their models' answers; whether these do, and what the student may be used for, is for you to check.`;
}

/** From now on there is no notice for this service. */
export const termsTold = (baseUrl: string): Promise<void> => addOrigin("terms-told", new URL(baseUrl).origin);
