import { COLOUR_MAPS } from "../sound/colours";
import { FRAMES, type Frames, type Look, look as lookStore, PLAIN, RANGE_DB, SCALES, TOP_DB, windowOf } from "../sound/look";
import type { Band } from "../sound/settings";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { Button, Select, Slider } from "../ui/controls";
import { band as bandText, signed } from "../ui/format";
import { NumberField } from "../ui/NumberField";
import "./spectrogramSettings.css";

const SCALE_NAMES = { mel: "mel", linear: "linear", log: "logarithmic" } as const;
const FRAME_NAMES: Partial<Record<Frames, string>> = { longest: "longest: sharp in pitch", shorter: "shorter: sharp in time" };
const LEAST_HZ = 10;

/** How the spectrogram is drawn, and which of its frequencies are played. */
export function SpectrogramSettings({ sampleRateHz }: { sampleRateHz: number }) {
  return (
    <div className="look">
      <details>
        <summary>Spectrogram settings</summary>
        <div className="look__fields">
          <Drawing sampleRateHz={sampleRateHz} />
          <Frequencies highestHz={sampleRateHz / 2} />
        </div>
      </details>
      <Played highestHz={sampleRateHz / 2} />
    </div>
  );
}

function Drawing({ sampleRateHz }: { sampleRateHz: number }) {
  const look = useStore(lookStore);
  const set = (change: Partial<Look>) => lookStore.update(change);
  const dB = (value: number) => `${signed(value, 0)} dB`;
  return (
    <fieldset className="look__group">
      <legend className="unseen">Drawing</legend>
      <Select label="colours" name="Colours of the spectrogram" value={look.colours} options={COLOUR_MAPS} onChange={(colours) => set({ colours })} />
      <label className="labelled">
        <input type="checkbox" checked={look.inverted} onChange={(event) => set({ inverted: event.currentTarget.checked })} />
        loud is dark, for print
      </label>
      <Select
        label="scale"
        name="Frequency scale"
        value={look.scale}
        options={SCALES}
        text={(scale) => SCALE_NAMES[scale]}
        onChange={(scale) => set({ scale })}
      />
      <Slider
        label="range"
        min={RANGE_DB.least}
        max={RANGE_DB.most}
        step={5}
        value={look.rangeDb}
        valueText={dB(look.rangeDb)}
        onChange={(rangeDb) => set({ rangeDb })}
        onReset={() => set({ rangeDb: PLAIN.rangeDb })}
      />
      <output className="small">{dB(look.rangeDb)}</output>
      <Slider
        label="brightest"
        min={TOP_DB.least}
        max={TOP_DB.most}
        step={5}
        value={look.topDb}
        valueText={`${dB(look.topDb)} to the loudest spot`}
        onChange={(topDb) => set({ topDb })}
        onReset={() => set({ topDb: PLAIN.topDb })}
      />
      <output className="small">{dB(look.topDb)}</output>
      <Select
        label="window"
        name="Window of the frames"
        value={look.frames}
        options={FRAMES}
        text={(frames) => FRAME_NAMES[frames] ?? windowText(frames, sampleRateHz)}
        onChange={(frames) => set({ frames })}
      />
      <Button onClick={() => lookStore.set(PLAIN)}>Default look</Button>
      <p className="small quiet look__note">
        Frames of 40 ms or more are kept; closer in, shorter ones are computed where the recording can be decoded again. So are those of a window that you choose: shorter ones are sharp in time,
        longer ones in pitch.
      </p>
    </fieldset>
  );
}

/** A window's length, as in `512 samples · 12 ms`. */
function windowText(frames: Frames, sampleRateHz: number): string {
  const samples = windowOf(frames);
  return samples ? `${samples} samples · ${((1000 * samples) / sampleRateHz).toPrecision(2)} ms` : frames;
}

/** The band that is played, by its edges. */
function Frequencies({ highestHz }: { highestHz: number }) {
  const { transport } = useTimeAxis();
  const { band } = useStore(transport.sound);
  const { lowHz, highHz } = band ?? { lowHz: LEAST_HZ, highHz: highestHz };
  const set = (change: Partial<Band>) => transport.setSound({ band: { lowHz, highHz, ...change } });
  return (
    <fieldset className="look__group">
      <legend className="unseen">Frequencies that are played</legend>
      <span className="small quiet">play from</span>
      <NumberField name="Lowest frequency that is played, in Hz" value={lowHz} min={LEAST_HZ} max={highHz} step={10} unit="Hz" onChange={(lowHz) => set({ lowHz })} />
      <span className="small quiet">to</span>
      <NumberField name="Highest frequency that is played, in Hz" value={highHz} min={lowHz} max={highestHz} step={10} unit="Hz" onChange={(highHz) => set({ highHz })} />
      <span className="small quiet">or drag along the frequencies at the picture's left edge</span>
    </fieldset>
  );
}

/** Says that not everything is played. */
function Played({ highestHz }: { highestHz: number }) {
  const { transport } = useTimeAxis();
  const { band } = useStore(transport.sound);
  if (!band) return null;
  return (
    <span className="row small" role="status">
      Only {bandText(band.lowHz, Math.min(band.highHz, highestHz))} is played.
      <Button onClick={() => transport.setSound({ band: null })}>Play everything</Button>
    </span>
  );
}
