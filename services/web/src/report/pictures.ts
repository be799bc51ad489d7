import type { View } from "../sound/view";
import { time } from "../ui/format";
import type { Picture } from "./report";

const PLOTS = [".plot--wave canvas", ".plot--spectrogram canvas"];

/** The waveform and the spectrogram as the page shows and describes them; without those that are not drawn yet. */
export function shownPictures({ startS, endS }: View): Picture[] {
  return PLOTS.flatMap((selector) => {
    const canvas = document.querySelector<HTMLCanvasElement>(selector);
    if (!canvas?.width || !canvas.height || canvas.closest("[aria-busy=true]")) return [];
    return [{ url: canvas.toDataURL("image/png"), text: `${time(startS)} to ${time(endS)}: ${canvas.getAttribute("aria-label") ?? ""}` }];
  });
}
