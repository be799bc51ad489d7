import type { Kind } from "../api/client";
import { Icon } from "./Icon";

const NAMES = {
  music: "Music",
  singing: "Singing",
  speech: "Speech",
  sound: "Sound",
  silence: "Silence",
} as const satisfies Record<Kind, string>;

export function kindText(kind: Kind): string {
  return NAMES[kind];
}

/** What is heard, as a word with an icon in the kind's colour. */
export function KindMark({ kind }: { kind: Kind }) {
  return (
    <span className={`kind kind--${kind}`}>
      <Icon name={kind} size={16} />
      {kindText(kind)}
    </span>
  );
}
