import { type Packed, faded } from "./dots";

const NAME_REM = 0.75;
const FIRST_HUE = 230;
// So many degrees further each colour is unlike those before it: the golden angle.
const HUE_STEP = 137.508;
const FAINT = 0.86;
const UNLABELLED = 0.5;
const CALM = 0.12;

/** How the theme that is on wants the map: names in CSS colours, dots in pixels. */
export type Look = {
  font: string;
  ground: string;
  text: string;
  accent: string;
  accentText: string;
  groundDot: Packed;
  accentDot: Packed;
  faintDot: Packed;
  unlabelledDot: Packed;
  /** Of a label by its rank: the largest is first. */
  labelDot: (rank: number) => Packed;
};

export function lookOf(element: Element): Look {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const [ground, accent] = [token("--panel"), token("--accent")];
  const [groundDot, quiet] = [packed(ground), packed(token("--quiet"))];
  const [lightness, chroma] = [token("--map-lightness"), token("--map-chroma")];
  const labels = new Map<number, Packed>();
  const labelDot = (rank: number) => {
    const hue = (FIRST_HUE + rank * HUE_STEP) % 360;
    const known = labels.get(rank) ?? faded(packed(`oklch(${lightness} ${chroma} ${hue})`), groundDot, CALM);
    labels.set(rank, known);
    return known;
  };
  return {
    font: `600 ${NAME_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)}px ${style.fontFamily}`,
    ground,
    text: token("--text"),
    accent,
    accentText: token("--accent-text"),
    groundDot,
    accentDot: packed(accent),
    faintDot: faded(quiet, groundDot, FAINT),
    unlabelledDot: faded(quiet, groundDot, UNLABELLED),
    labelDot,
  };
}

function packed(colour: string): Packed {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (!context) throw new Error("this browser cannot draw");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return red | (green << 8) | (blue << 16);
}
