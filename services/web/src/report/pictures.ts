import type { View } from "../sound/view";
import { time } from "../ui/format";
import type { Picture } from "./report";

const PLOTS = [
  [".plot--wave canvas", "Waveform"],
  [".plot--spectrogram canvas", "Mel spectrogram, low tones at the bottom; amber is where the evidence is"],
] as const;

/** The waveform and the spectrogram as the page shows them; without those that are not drawn yet. */
export function shownPictures({ startS, endS }: View): Picture[] {
  return PLOTS.flatMap(([selector, text]) => {
    const canvas = document.querySelector<HTMLCanvasElement>(selector);
    if (!canvas?.width || !canvas.height || canvas.closest("[aria-busy=true]")) return [];
    return [{ url: canvas.toDataURL("image/png"), text: `${text}, ${time(startS)} to ${time(endS)}` }];
  });
}
