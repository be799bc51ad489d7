import { announce } from "./live";

/** Copies a text; false where the browser does not allow it, as on a page that came without HTTPS. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return false;
  }
  announce("Copied.");
  return true;
}
