import { useState } from "react";
import { Choice } from "../ui/controls";
import { time } from "../ui/format";
import type { Span } from "./labelling";

type Of = "whole" | "loop";
type Part = { loop: Span | null; of: Of; setOf: (of: Of) => void; span: Span | null };

/** What of a recording is meant: all of it, or its loop where it has one; `span` is null for all. */
export function usePart(loop: Span | null): Part {
  const [of, setOf] = useState<Of>("whole");
  return { loop, of, setOf, span: of === "loop" ? loop : null };
}

/** Chooses between the whole recording and its loop. Nothing where there is no loop. */
export function PartChoice({ label, loop, of, setOf }: Part & { label: string }) {
  if (!loop) return null;
  const options = [
    { value: "whole", text: "whole recording" },
    { value: "loop", text: `${time(loop.startS)} – ${time(loop.endS)}` },
  ] as const;
  return <Choice label={label} value={of} options={options} onChange={setOf} />;
}
