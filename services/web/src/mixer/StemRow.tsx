import type { CSSProperties } from "react";
import type { Stem } from "../api/client";
import { Slider } from "../ui/controls";
import { Icon } from "../ui/Icon";
import { NumberField } from "../ui/NumberField";
import { downloadName, signed } from "../ui/format";
import type { StemsSource } from "./engine";
import { Meter } from "./Meter";
import { type Channel, LOUDEST_DB, QUIETEST_DB } from "./mix";
import { Solo, Switch } from "./Solo";
import { StemLane } from "./StemLane";

const KNOWN = new Set(["vocals", "drums", "bass", "other", "guitar", "piano"]);

type Props = {
  /** The recording's file name. */
  recording: string;
  stem: Stem;
  /** The highest peak of all stems, which share one scale. */
  loudest: number;
  buffer: AudioBuffer | undefined;
  source: StemsSource | null;
  channel: Channel;
  silent: boolean;
  without: string | null;
  onChange: (change: Partial<Channel>) => void;
  /** Is called for a value to be as it was at first. */
  onReset: (change: Partial<Channel>) => void;
  onAlone: () => void;
};

export function StemRow({ recording, stem, loudest, buffer, source, channel, silent, without, onChange, onReset, onAlone }: Props) {
  const { name } = stem;
  const token = `--${KNOWN.has(name) ? name : "other"}`;
  const switches: Record<string, () => void> = {
    m: () => onChange({ muted: !channel.muted }),
    s: () => onChange({ solo: !channel.solo }),
    S: onAlone,
  };
  return (
    <li
      className={`stem ${silent ? "stem--silent" : ""}`}
      style={{ "--stem": `var(${token})` } as CSSProperties}
      onKeyDown={(event) => {
        const press = switches[event.key];
        if (!press || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        press();
      }}
    >
      <span className="stem__name">{name}</span>
      <div className="stem__switches">
        <Switch letter="M" label={`Mute ${name}`} on={channel.muted} onClick={() => onChange({ muted: !channel.muted })} />
        <Solo name={name} on={channel.solo} onChange={(solo) => onChange({ solo })} onAlone={onAlone} />
      </div>
      <div className="stem__level">
        <Slider
          label="gain"
          min={QUIETEST_DB}
          max={LOUDEST_DB}
          step={0.5}
          value={channel.gainDb}
          valueText={channel.gainDb <= QUIETEST_DB ? "silence" : `${signed(channel.gainDb, 1)} dB`}
          onChange={(gainDb) => onChange({ gainDb })}
          onReset={() => onReset({ gainDb: 0 })}
        />
        <NumberField
          name={`Gain of ${name} in dB`}
          min={QUIETEST_DB}
          max={LOUDEST_DB}
          step={0.5}
          digits={1}
          value={channel.gainDb}
          unit="dB"
          onChange={(gainDb) => onChange({ gainDb })}
        />
      </div>
      <div className="stem__pan">
        <Slider
          label="pan"
          min={-1}
          max={1}
          step={0.05}
          value={channel.pan}
          valueText={panText(channel.pan)}
          onChange={(pan) => onChange({ pan })}
          onReset={() => onReset({ pan: 0 })}
        />
        <NumberField
          name={`Pan of ${name} in percent, left is negative`}
          min={-100}
          max={100}
          step={5}
          value={channel.pan * 100}
          unit="%"
          onChange={(percent) => onChange({ pan: percent / 100 })}
        />
      </div>
      <Meter source={source} stem={name} />
      <span className="stem__without small quiet clip" title={without ?? undefined}>
        {without}
      </span>
      <a className="button button--plain" href={stem.audio.url} download={downloadName(recording, stem.audio.name)} aria-label={`Download ${name}`} title={`Download ${name}`}>
        <Icon name="download" />
      </a>
      <StemLane buffer={buffer} loudest={loudest} name={name} token={token} />
    </li>
  );
}

function panText(pan: number): string {
  if (Math.abs(pan) < 0.005) return "middle";
  return `${Math.round(Math.abs(pan) * 100)} % ${pan < 0 ? "left" : "right"}`;
}
