let region: HTMLElement | null = null;

/** Announces a text to screen readers, after what they are reading. */
export function announce(text: string): void {
  region ??= makeRegion();
  region.textContent = "";
  requestAnimationFrame(() => {
    if (region) region.textContent = text;
  });
}

function makeRegion(): HTMLElement {
  const made = document.createElement("div");
  made.className = "unseen";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  document.body.append(made);
  return made;
}
