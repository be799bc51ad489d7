import type { Track } from "../api/client";
import { errorText } from "../api/problem";
import { Mixer } from "../mixer/Mixer";
import { tooLong } from "../mixer/queries";
import { TooLong } from "../mixer/TooLong";
import "../mixer/mixer.css";
import type { Explanation } from "../state/explanation";
import { useStems } from "../state/queries";
import { ErrorNote, Skeleton } from "../ui/controls";

/** The mixer of a shared recording that was taken apart. */
export default function SharedStems({ track, explanation }: { track: Track; explanation: Explanation }) {
  const found = useStems(track.id);
  if (found.isError) return <ErrorNote>{errorText(found.error)}</ErrorNote>;
  if (!found.data) return <Skeleton height={240} />;
  if (tooLong(found.data)) return <TooLong stems={found.data} />;
  return <Mixer key={found.data.job_id} track={track} stems={found.data} explanation={explanation} />;
}
