import type { SharedTrack, Track } from "../api/client";
import { notHeardText } from "./models";
import type { TrackState } from "./trackState";

/** In place of the labels of silence. */
export const SILENCE = "Nothing in the recording is loud enough to be classified.";

const UNMEASURABLE = "It could not be measured.";
const UNMEASURED = "Not measured yet.";

/** Why there are no labels: it is being listened to, others have done so, that failed, or nobody has. */
export function unheardText(state: TrackState): string {
  if (state.isGoing("classify")) return "It is being listened to.";
  if (state.labels.length > 0) return notHeardText(state.models);
  return state.task("classify") ? "It could not be listened to." : "It was never listened to.";
}

/** Why a shared recording has no labels. A visitor reads no jobs: what is under way was not listened to yet. */
export function unheardTrackText({ classified_by: models = [], classification_failed }: Pick<Track, "classified_by" | "classification_failed">): string {
  if (models.length > 0) return `It was listened to by ${models.join(" and ")}.`;
  return classification_failed ? "It could not be listened to." : "It was not listened to yet.";
}

/** Why there is no evidence. Without a result a task that is not under way has failed. */
export function unexplainedText(state: TrackState): string {
  if (state.isGoing("explain")) return "The evidence is being computed.";
  return state.task("explain") ? "No evidence could be computed." : "No evidence has been computed yet.";
}

/** Why a shared recording has no figures. As with labels, what is under way was not measured yet. */
export function unmeasuredSharedText({ measurement_failed }: Pick<SharedTrack, "measurement_failed">): string {
  return measurement_failed ? UNMEASURABLE : UNMEASURED;
}

/** Why there are no figures. Without a result a task that is not under way has failed. */
export function unmeasuredText(state: TrackState): string {
  if (state.isGoing("describe")) return "It is being measured.";
  return state.task("describe") ? UNMEASURABLE : UNMEASURED;
}
