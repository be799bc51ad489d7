import { useMemo } from "react";
import { LevelMeter } from "../sound/LevelMeter";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { StemsSource } from "./engine";

/** The level of a stem as it is in the mix, or without one of the mix, in dBFS. */
export function Meter({ source, stem }: { source: StemsSource | null; stem?: string }) {
  const { transport } = useTimeAxis();
  const { playing, source: what } = useStore(transport.state);
  const on = playing && what === "stems";
  const level = useMemo(() => (on && source ? () => source.level(stem) : null), [on, source, stem]);
  return <LevelMeter label={`Level of ${stem ?? "the mix"}`} level={level} />;
}
