let region: HTMLElement | null = null;

/** Says something to screen readers, when they have finished what they say. */
export function announce(text: string): void {
  region ??= madeRegion();
  region.textContent = "";
  requestAnimationFrame(() => {
    if (region) region.textContent = text;
  });
}

function madeRegion(): HTMLElement {
  const made = document.createElement("div");
  made.className = "unseen";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}
