/** Where environments and models are kept between runs. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * `DISTILLERY_HOME`, or the user's cache folder by the platform's convention. Relative values are
 * ignored, as the XDG base directory specification asks.
 */
export function cacheFolder(variables: Variables = process.env, platform: string = process.platform): string {
  const { DISTILLERY_HOME: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = variables;
  if (own && isAbsolute(own)) return own;
  if (xdg && isAbsolute(xdg)) return join(xdg, "distillery");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "distillery");
  if (platform === "win32" && local) return join(local, "distillery");
  return join(homedir(), ".cache", "distillery");
}
