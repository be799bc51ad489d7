import { type Packed, faded } from "./dots";

const NAME_REM = 0.75;
const FIRST_HUE = 230;
// Steps of the golden angle keep neighbouring colours different.
const HUE_STEP = 137.508;
const FAINT = 0.86;
const UNLABELLED = 0.5;
const CALM = 0.12;

/** The map's colours and font in the current theme: CSS colours for names, packed pixels for dots. */
export type MapTheme = {
  font: string;
  ground: string;
  text: string;
  accent: string;
  accentText: string;
  groundDot: Packed;
  accentDot: Packed;
  faintDot: Packed;
  unlabelledDot: Packed;
  /** The colour of a label by its rank, the label with most recordings first. */
  labelDot: (rank: number) => Packed;
};

export function mapTheme(element: Element): MapTheme {
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
