import { createContext, useContext } from "react";
import type { Transport } from "./transport";
import type { View } from "./view";

/** What all views of a track share: one clock, one stretch of time to be seen, one width of their plots. */
export type Desk = {
  transport: Transport;
  durationS: number;
  view: View;
  setView: (view: View) => void;
  width: number;
};

const DeskContext = createContext<Desk | null>(null);
export const DeskProvider = DeskContext.Provider;

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("a view stands outside of its desk");
  return desk;
}
