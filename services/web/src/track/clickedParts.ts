import { fetchWithKey, type WaveformLevels } from "../api/client";
import { pause } from "../api/pause";
import { ApiProblem, errorText } from "../api/problem";
import { PART_S } from "../sound/soundParts";
import type { SourceName } from "../sound/transport";
import { time } from "../ui/format";

const TOO_MANY = 429;
const AGAIN_MS = 3_000;
const TRIES = 5;
const CLICKS = "a higher click where a bar starts";

type Decoded = Pick<WaveformLevels, "duration_s" | "detail_end_s">;

/** Up to where a recording comes in decoded parts, in seconds: its end, or that of the last part before its detail ends. */
export function partsEndS({ duration_s, detail_end_s }: Decoded): number {
  return detail_end_s >= duration_s ? duration_s : Math.floor(detail_end_s / PART_S + 1e-9) * PART_S;
}

/**
 * A part of a recording's sound, as a file. Where too many wait for the service it is asked again, every three seconds, five times in all.
 *
 * Throws an `Error` with a sentence for the page where it cannot be had, and the signal's reason when that aborts.
 */
export async function fetchPart(path: string, signal: AbortSignal): Promise<ArrayBuffer> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetchWithKey(path, { signal });
      if (answer.status !== 200) throw new Error("The recording is being measured. Play it again when that is done.");
      return await answer.arrayBuffer();
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof ApiProblem) || error.status !== TOO_MANY || tries === TRIES) throw new Error(errorText(error));
    }
    await pause(AGAIN_MS, signal);
  }
}

type Facts = {
  on: boolean;
  source: SourceName;
  levels: Decoded | undefined;
  /** Why there are no levels, where they were refused. */
  error: unknown;
  /** Whether whoever listens can have it measured. */
  mayWrite: boolean;
};

/** Why there can be no clicks for what is played, and what is said of them besides. */
export function clicksText({ on, source, levels, error, mayWrite }: Facts): { blocked: string | null; said: string } {
  if (source === "stems") return { blocked: null, said: on ? CLICKS : "" };
  if (!levels && error) return { blocked: `No clicks with the recording: what they need could not be read. ${errorText(error)}`, said: "" };
  const endS = levels ? partsEndS(levels) : Number.POSITIVE_INFINITY;
  const again = mayWrite ? " If an earlier release measured it, a new describe task gives them everywhere." : "";
  if (endS === 0) return { blocked: `This recording cannot be decoded in parts: clicks are heard with its stems.${again}`, said: "" };
  if (!on) return { blocked: null, said: "" };
  if (source !== "recording") return { blocked: null, said: "heard with the recording or its stems: choose one as the sound" };
  if (!levels) return { blocked: null, said: "loading what the clicks need …" };
  const only = endS < levels.duration_s ? `, up to ${time(endS, 0)}; with its stems throughout.${again}` : "";
  return { blocked: null, said: CLICKS + only };
}
