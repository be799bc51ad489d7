/** Lowest and highest values of equal parts of a stem, of one or several channels; an index is one part. */
export type Outline = { low: readonly Float32Array[]; high: readonly Float32Array[]; points: number; durationS: number };

type Sound = Pick<AudioBuffer, "numberOfChannels" | "length" | "duration" | "getChannelData">;

/** The samples themselves. */
export function outlineOfSamples(sound: Sound): Outline {
  const channels = channelsOf(sound);
  return { low: channels, high: channels, points: sound.length, durationS: sound.duration };
}

/** The lowest and highest sample of all channels in each of `points` equal parts. */
export function outline(sound: Sound, points: number): Outline {
  const samples = outlineOfSamples(sound);
  const low = new Float32Array(points);
  const high = new Float32Array(points);
  for (let point = 0; point < points; point += 1) {
    const [from, to] = [point, point + 1].map((edge) => Math.floor((edge * sound.length) / points)) as [number, number];
    [low[point], high[point]] = extremesOf(samples, from, to);
  }
  return { low: [low], high: [high], points, durationS: sound.duration };
}

/** The lowest and highest value of all channels from one part up to another; 0 lies between them. */
export function extremesOf({ low, high, points }: Outline, from: number, to: number): [number, number] {
  const end = Math.min(to, points);
  let [lowest, highest] = [0, 0];
  low.forEach((lows, channel) => {
    const highs = high[channel] ?? lows;
    for (let at = from; at < end; at += 1) {
      lowest = Math.min(lowest, lows[at] ?? 0);
      highest = Math.max(highest, highs[at] ?? 0);
    }
  });
  return [lowest, highest];
}

function channelsOf(sound: Sound): Float32Array[] {
  return Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
}
