import type { ReactNode } from "react";
import type { Explanation } from "../state/explanation";

type Props = { className: string; title: string; of: { model: string; label: string }; explanation: Explanation; children: ReactNode };

/** The name of a label: a press shows the evidence for it, where that is there or can be asked for. */
export function Evidence({ className, title, of, explanation, children }: Props) {
  const change = { ...of, stretch: null };
  if (!explanation.offers(change)) return <span className={className}>{children}</span>;
  return (
    <button type="button" className={className} title={title} onClick={() => explanation.choose(change)}>
      {children}
    </button>
  );
}
