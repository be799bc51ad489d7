import { notHeardText } from "./models";
import type { TrackState } from "./trackState";

/** Why there are no labels: it is being listened to, others have done so, that failed, or nobody has. */
export function unheardText(state: TrackState): string {
  if (state.isGoing("classify")) return "It is being listened to.";
  if (state.labels.length > 0) return notHeardText(state.models);
  return state.task("classify") ? "It could not be listened to." : "It was never listened to.";
}

/** Why there are no figures. Without a result a task that is not under way has failed. */
export function unmeasuredText(state: TrackState): string {
  if (state.isGoing("describe")) return "It is being measured.";
  return state.task("describe") ? "It could not be measured." : "Not measured yet.";
}
