import { useEffect, useRef } from "react";

const EDITABLE = /^(text|search|password|email|url|tel|number|date|time|datetime-local|month|week)$/;
const OF_A_SLIDER = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);
const CONTROLS = "button, a, summary, select, input";

// The control that was pressed with a pointer, while it has the focus.
let pressed: Element | null = null;

function onPointerDown({ target }: PointerEvent): void {
  const element = target instanceof Element ? target : null;
  pressed = element?.closest("label")?.control ?? element?.closest(CONTROLS) ?? null;
}

function onFocusIn({ target }: FocusEvent): void {
  if (target !== pressed) pressed = null;
}

/**
 * Handles keys of the whole page, except keys typed into a field or meant for the focused control.
 *
 * Space is meant for a control that was reached with keys. One that was pressed with a pointer has done its part.
 * A key that one handler has handled is over for those after it; those that are `first` come before the others.
 */
export function useKeys(handle: (event: KeyboardEvent) => boolean, first = false): void {
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => heard((event) => latest.current(event), first), [first]);
}

/** Hears the page's keys as `useKeys` does, until the function that it returns is called. */
export function heard(handle: (event: KeyboardEvent) => boolean, first: boolean): () => void {
  // The same listeners again change nothing.
  window.addEventListener("pointerdown", onPointerDown, true);
  window.addEventListener("focusin", onFocusIn);
  let handledSpace = false;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    if (!handle(event)) return;
    event.preventDefault();
    handledSpace = event.key === " ";
  };
  // Some browsers press a button when Space is released, whatever became of its press.
  const onKeyUp = (event: KeyboardEvent) => {
    if (event.key !== " " || !handledSpace) return;
    event.preventDefault();
    handledSpace = false;
  };
  window.addEventListener("keydown", onKeyDown, first);
  window.addEventListener("keyup", onKeyUp);
  return () => {
    window.removeEventListener("keydown", onKeyDown, first);
    window.removeEventListener("keyup", onKeyUp);
  };
}

function isTaken({ key, target }: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (isTypedInto(target)) return true;
  if (target instanceof HTMLInputElement && target.type === "range") return OF_A_SLIDER.has(key);
  if (target instanceof HTMLSelectElement) return key !== " " || isOpen(target) || target !== pressed;
  return key === " " && target !== pressed && target.closest("button, summary, input") !== null;
}

function isTypedInto(target: HTMLElement): boolean {
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && EDITABLE.test(target.type);
}

function isOpen(select: HTMLSelectElement): boolean {
  return CSS.supports("selector(:open)") && select.matches(":open");
}
