let held: File | null = null;

/** Holds up a sound for the search page, which is opened next. */
export function holdUp(file: File): void {
  held = file;
}

/** The sound that was held up for it, once. */
export function takeHeldUp(): File | null {
  const file = held;
  held = null;
  return file;
}
