import type { Stems } from "../api/client";
import { time } from "../ui/format";
import { longestS } from "./queries";

/** Says that stems are too long for the mixer, and how long they may be. */
export function TooLong({ stems }: { stems: Stems }) {
  return (
    <p className="note">
      The mixer of this page takes {stems.stems.length} stems of up to {time(longestS(stems), 0)}; these are longer.
    </p>
  );
}
