import { useEffect, useRef, useState } from "react";
import WaveSurfer from "wavesurfer.js";
import { useToken } from "../ui/theme";
import { Skeleton } from "../ui/controls";
import { signed } from "../ui/format";
import { useTimeAxis } from "../sound/timeAxis";
import { usePeaks } from "./queries";

/** The recording's outline, drawn by wavesurfer from the service's peaks. */
export function Waveform({ trackId }: { trackId: string }) {
  const { durationS, view, width } = useTimeAxis();
  const peaks = usePeaks(trackId).data;
  const colour = useToken("--wave");
  const box = useRef<HTMLDivElement>(null);
  const [surfer, setSurfer] = useState<WaveSurfer | null>(null);

  useEffect(() => {
    if (!box.current || !peaks) return;
    const made = WaveSurfer.create({
      container: box.current,
      peaks: [peaks.max, peaks.min],
      duration: peaks.duration_s,
      height: "auto",
      waveColor: colour,
      progressColor: colour,
      cursorWidth: 0,
      interact: false,
      hideScrollbar: true,
      autoScroll: false,
      normalize: true,
      cspNonce: nonce(),
    });
    made.on("ready", () => setSurfer(made));
    return () => {
      setSurfer(null);
      made.destroy();
    };
  }, [peaks, colour]);

  useEffect(() => {
    if (!surfer || !width) return;
    surfer.zoom(width / (view.endS - view.startS));
    surfer.setScrollTime(view.startS);
  }, [surfer, view, width]);

  const peak = peaks ? Math.max(...peaks.max.map(Math.abs), ...peaks.min.map(Math.abs)) : 0;
  const text = `Waveform of ${durationS.toFixed(1)} seconds, peak ${peak ? signed(20 * Math.log10(peak), 1) : "−∞"} dBFS`;
  return (
    <div className="plot plot--wave">
      <div ref={box} className="wave" role="img" aria-label={text} />
      {peaks ? null : <Skeleton height="100%" />}
    </div>
  );
}

function nonce(): string {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}
