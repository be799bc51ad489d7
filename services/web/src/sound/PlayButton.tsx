import { IconButton } from "../ui/controls";
import type { Preview, Sound } from "./preview";

type Props = {
  /** Of what it plays, among all that the preview plays. */
  id: string;
  name: string;
  sound: Sound;
  preview: Preview;
};

/** Plays something in its place in a list, or stops it. */
export function PlayButton({ id, name, sound, preview }: Props) {
  const playing = preview.playing === id;
  return <IconButton icon={playing ? "pause" : "play"} label={`${playing ? "Stop" : "Play"} ${name}`} onClick={() => preview.toggle(id, sound)} />;
}

/** Why what has this id does not play, beside it; nothing where nothing is wrong. */
export function Unplayed({ id, preview: { problem } }: Pick<Props, "id" | "preview">) {
  return problem?.id === id ? (
    <span className="unplayed small" role="alert">
      {problem.text}
    </span>
  ) : null;
}
