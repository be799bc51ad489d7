import { useEffect, useState } from "react";
import type { Track } from "../api/client";
import { Skeleton } from "../ui/controls";
import { useOutline } from "./queries";

const POINTS = 32;
const LINGER_MS = 250;

/** The outline of a row that stayed visible for a moment; a row that is scrolled past requests nothing. */
export function Thumbnail({ track, quiet }: { track: Track; quiet: boolean }) {
  return useLinger() ? <Outline track={track} quiet={quiet} /> : <NoOutline pending />;
}

function NoOutline({ pending }: { pending: boolean }) {
  return <div className="track__wave">{pending ? <Skeleton height={24} /> : null}</div>;
}

/** Requests nothing while `quiet`: the track may be about to be deleted. */
function Outline({ track, quiet }: { track: Track; quiet: boolean }) {
  const outline = useOutline(track.id, POINTS, !quiet);
  if (!outline.data) return <NoOutline pending={outline.isPending} />;
  const { max } = outline.data;
  const loudest = Math.max(0.01, ...max);
  const bars = max.map((value, at) => {
    const half = Math.max(0.5, (Math.abs(value) / loudest) * 12);
    return `M${((at + 0.5) / max.length) * 96} ${12 - half}v${2 * half}`;
  });
  return (
    <svg className="track__wave" viewBox="0 0 96 24" preserveAspectRatio="none" aria-hidden="true">
      <path d={bars.join("")} stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}

function useLinger(): boolean {
  const [stayed, setStayed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStayed(true), LINGER_MS);
    return () => clearTimeout(timer);
  }, []);
  return stayed;
}
