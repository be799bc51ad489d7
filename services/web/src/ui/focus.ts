import { type RefObject, useEffect, useRef } from "react";

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
