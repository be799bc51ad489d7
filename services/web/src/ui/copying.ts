import { useState } from "react";
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

/** A button's copy of a text: `word` says in place when it was made; where the browser does not allow it, the text in `from` is selected to be copied by hand. */
export function useCopy(text: string): { word: string; copy: (from: HTMLElement | null) => Promise<void> } {
  const [made, setMade] = useState<string | null>(null);
  const copy = async (from: HTMLElement | null) => {
    if (await copied(text)) return setMade(text);
    if (from instanceof HTMLInputElement) from.select();
    else if (from) getSelection()?.selectAllChildren(from);
    announce("It cannot be copied here: the text is selected.");
  };
  return { word: made === text ? "Copied" : "Copy", copy };
}
