import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { Speed, Volume } from "../track/PlaybackControls";
import { Player } from "../track/Player";
import { Choice } from "../ui/controls";
import { SOUNDS } from "./Side";

/** The player of a comparison, with which side is heard. `same` says that both sides are one recording. */
export function CompareBar({ names, same }: { names: readonly [string, string]; same: boolean }) {
  const { transport } = useTimeAxis();
  const { source } = useStore(transport.state);
  const sides = SOUNDS.map((value, at) => ({ value, text: `${at === 0 ? "A" : "B"}: ${names[at]}` }));
  return (
    <Player
      sounds={same ? null : <Choice label="Which is heard" value={source} options={sides} onChange={(name) => transport.switchTo(name)} />}
      folded="Volume and speed"
    >
      <Volume />
      <Speed />
    </Player>
  );
}
