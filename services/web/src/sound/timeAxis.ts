import { createContext, useContext } from "react";
import type { Transport } from "./transport";
import type { View } from "./view";

/** What all plots of a track share: the player, the visible range of time and the width in pixels. */
export type TimeAxis = {
  transport: Transport;
  durationS: number;
  view: View;
  setView: (view: View) => void;
  width: number;
};

const TimeAxisContext = createContext<TimeAxis | null>(null);
export const TimeAxisProvider = TimeAxisContext.Provider;

export function useTimeAxis(): TimeAxis {
  const axis = useContext(TimeAxisContext);
  if (!axis) throw new Error("useTimeAxis needs a TimeAxisProvider above it");
  return axis;
}
