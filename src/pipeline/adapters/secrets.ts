/** Files that look like secrets. They are left out of the knowledge base and named before anything is sent. */
import { posix } from "node:path";

const secretNames = [
  /^\.env(\..+)?$/i,
  /\.env$/i,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/i,
  /^id_(rsa|dsa|ecdsa|ed25519)(\..+)?$/i,
  /^\.(npmrc|pypirc|netrc|pgpass|htpasswd|git-credentials)$/i,
  /^(credentials|secrets?)(\.(json|ya?ml|toml|ini|txt))?$/i,
  /^(kubeconfig|service-account.*\.json)$/i,
];

/** Patterns with hardly a false alarm: each has a fixed start that its issuer chose to be found by. */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}/, "a private key"],
  [/\bsk-(?=[A-Za-z_-]*\d)(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,}/, "an API key"],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, "an AWS access key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}/, "a GitHub token"],
  [/\bgithub_pat_[A-Za-z0-9_]{40,}/, "a GitHub token"],
  [/\bglpat-[A-Za-z0-9_-]{20,}/, "a GitLab token"],
  [/\bhf_[A-Za-z0-9]{30,}/, "a Hugging Face token"],
  [/\bxox[abprs]-[A-Za-z0-9-]{10,}/, "a Slack token"],
  [/\bAIza[0-9A-Za-z_-]{35}/, "a Google API key"],
  [/\bnpm_[A-Za-z0-9]{36}\b/, "an npm token"],
];

/** Why a file should be left out for its name, or null. The path may have folders in front. */
export function secretByName(path: string): string | null {
  const name = posix.basename(path);
  return secretNames.some((pattern) => pattern.test(name))
    ? "its name is one that keys and passwords are kept under"
    : null;
}

/** Why a text should be left out, or null. The reason never repeats the secret. */
export function secretInText(text: string): string | null {
  const found = secretTexts.find(([pattern]) => pattern.test(text));
  return found ? `it seems to hold ${found[1]}` : null;
}
