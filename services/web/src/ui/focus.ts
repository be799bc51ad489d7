import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

/**
 * Gives the focus, which a question in `box` takes with it when it closes, to what opened it: the button whose `data-opens` names
 * the question, else the first in the box that can have it.
 */
export function useFocusBack(box: RefObject<HTMLElement | null>, question: string | null): void {
  const before = useRef(question);
  useEffect(() => {
    const closed = before.current;
    before.current = question;
    if (!closed || question || (document.activeElement && document.activeElement !== document.body)) return;
    const opener = box.current?.querySelector<HTMLElement>(`[data-opens="${closed}"]:not(:disabled)`);
    (opener ?? box.current?.querySelector<HTMLElement>("button:not(:disabled), select:not(:disabled)"))?.focus();
  }, [box, question]);
}

/** A button of a row, or one that is in none. */
type Place = { rows: Element; count: number; row: Element; at: number; button: number } | HTMLButtonElement;

/**
 * Gives the focus back to `box` once it is no longer `busy`: its buttons cannot have it meanwhile, and may be gone.
 * The button that had it has it again, or the one that took its place in the row; where the row is gone, the first of the next one.
 * Where there is none of these, the first field of the box has it, which no further press changes anything by, else its first button,
 * else its first link.
 */
export function useFocusKept(box: RefObject<HTMLElement | null>, busy: boolean): void {
  const before = useRef<Place | null>(null);
  useLayoutEffect(() => {
    if (busy) {
      before.current ??= placeOf(document.activeElement, box.current);
      return;
    }
    const place = before.current;
    before.current = null;
    if (!place || (document.activeElement && document.activeElement !== document.body)) return;
    (buttonAt(place) ?? firstIn(box.current))?.focus();
  }, [box, busy]);
}

function placeOf(focused: Element | null, box: HTMLElement | null): Place | null {
  if (!focused || !box?.contains(focused)) return null;
  const row = focused.closest("li");
  const rows = row?.parentElement;
  if (!row || !rows || !box.contains(row)) return focused instanceof HTMLButtonElement ? focused : null;
  return { rows, count: rows.children.length, row, at: [...rows.children].indexOf(row), button: buttonsIn(row).indexOf(focused as HTMLButtonElement) };
}

/** The button that a place is now; none where it or its list is gone. */
function buttonAt(place: Place): HTMLButtonElement | undefined {
  if (place instanceof HTMLButtonElement) return place.isConnected ? place : undefined;
  const { rows, count, row, at, button } = place;
  if (!rows.isConnected) return undefined;
  const { children } = rows;
  const here = buttonsIn(row.isConnected ? row : children[Math.min(at, children.length - 1)]);
  return here[row.isConnected || children.length === count ? Math.min(button, here.length - 1) : 0];
}

function firstIn(box: HTMLElement | null): HTMLElement | null | undefined {
  const found = ["input:not(:disabled)", "button:not(:disabled)", "a[href]"].map((what) => box?.querySelector<HTMLElement>(what));
  return found.find(Boolean);
}

function buttonsIn(row: Element | undefined): HTMLButtonElement[] {
  return [...(row?.querySelectorAll("button") ?? [])];
}
