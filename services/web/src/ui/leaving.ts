const lost = new Set<string>();

/** Has the browser ask before the page is left, as long as anything would be lost with it. */
export function askBeforeLeaving(what: string, isLost: boolean): void {
  if (isLost) lost.add(what);
  else lost.delete(what);
  window.onbeforeunload = lost.size ? (event) => event.preventDefault() : null;
}
