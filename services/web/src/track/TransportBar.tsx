import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import type { SourceName } from "../sound/transport";
import { Choice } from "../ui/controls";
import { PlaybackControls } from "./PlaybackControls";
import { Player } from "./Player";

/** The player of a recording, its evidence and its stems. */
export function TransportBar() {
  const { transport } = useTimeAxis();
  const { source, ready } = useStore(transport.state);
  const options: { value: SourceName; text: string; disabled?: boolean }[] = [
    { value: "recording", text: "recording" },
    { value: "evidence", text: "evidence only", disabled: !ready.includes("evidence") },
  ];
  if (ready.includes("stems")) options.push({ value: "stems", text: "stems" });
  return (
    <Player
      sounds={<Choice label="Sound" value={source} options={options} onChange={(name) => transport.switchTo(name)} />}
      folded="Volume, speed and length of the loop"
    >
      <PlaybackControls />
    </Player>
  );
}
