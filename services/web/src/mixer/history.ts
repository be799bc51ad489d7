import type { Mix } from "./mix";

const MOST = 100;

/** A mix and those before it; `open` names the change that goes on, such as a drag of one slider. */
export type History = { mix: Mix; earlier: readonly Mix[]; last: string; open: boolean };

export function begun(mix: Mix): History {
  return { mix, earlier: [], last: "", open: false };
}

/** The history with another mix. Steps of one change that goes on are undone together. */
export function stepped(history: History, mix: Mix, change: string, joins = history.open): History {
  const joined = joins && change === history.last && history.earlier.length > 0;
  const earlier = joined ? history.earlier : [...history.earlier, history.mix].slice(-MOST);
  return { mix, earlier, last: change, open: true };
}

/** The history after a change has ended: the next one is undone by itself. */
export function settled(history: History): History {
  return history.open ? { ...history, open: false } : history;
}

export function undone(history: History): History {
  const mix = history.earlier.at(-1);
  return mix ? { mix, earlier: history.earlier.slice(0, -1), last: "", open: false } : history;
}
