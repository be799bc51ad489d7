import { errorText } from "../api/problem";
import type { Before } from "../classifiers/labelling";
import { useStore } from "../sound/store";
import { useTimeAxis } from "../sound/timeAxis";
import { following } from "../sound/view";
import { useBy, Writes } from "../state/mayWrite";
import { IconButton } from "../ui/controls";
import { labelText } from "../ui/format";
import { Icon } from "../ui/Icon";
import { namedWithPlace, placeText, type StretchLabel, useStretchLabels } from "./ownLabels";
import { playFrom, playLoop } from "./playing";

type Props = { trackId: string; disabled: boolean; put: (label: Before) => void };

/** What was said of stretches of the recording, with buttons that play one and, for whoever may, confirm, reject and remove it. */
export function StretchLabels({ trackId, disabled, put }: Props) {
  const { data: labels = [], error } = useStretchLabels(trackId);
  if (error && labels.length === 0) return <span role="alert">{errorText(error)}</span>;
  if (labels.length === 0) return null;
  return (
    <ul className="own__stretches" aria-label="Labels of stretches">
      {labels.map((one) => (
        <Stretch key={JSON.stringify([one.label, one.start_s, one.end_s])} one={one} disabled={disabled} put={put} />
      ))}
    </ul>
  );
}

function Stretch({ one, disabled, put }: { one: StretchLabel; disabled: boolean; put: (label: Before) => void }) {
  const { state } = one;
  const by = useBy();
  const name = namedWithPlace(one);
  return (
    <li className={`own__label ${state === "rejected" ? "own__label--rejected" : ""}`} title={`${state}${by(one.key_id)}`}>
      <PlayStretch one={one} name={name} />
      <Writes>
        {state === "confirmed" ? (
          <IconButton icon="close" label={`Reject ${name}`} disabled={disabled} onClick={() => put({ ...one, state: "rejected" })} />
        ) : (
          <IconButton icon="check" label={`Confirm ${name}`} disabled={disabled} onClick={() => put({ ...one, state: "confirmed" })} />
        )}
        <IconButton icon="bin" label={`Remove ${name}`} disabled={disabled} onClick={() => put({ ...one, state: null })} />
      </Writes>
    </li>
  );
}

/** Plays a stretch again and again, and from a point on. */
function PlayStretch({ one: { label, state, start_s, end_s }, name }: { one: StretchLabel; name: string }) {
  const { transport, view, setView, durationS } = useTimeAxis();
  const { playing, loop } = useStore(transport.state);
  const on = playing && loop?.startS === start_s && loop.endS === end_s;
  const play = () => {
    if (end_s === null) playFrom(transport, start_s);
    else playLoop(transport, { startS: start_s, endS: end_s });
    setView(following(view, start_s, durationS));
  };
  return (
    <button type="button" className="own__stretch" aria-label={`${on ? "Pause" : "Play"} ${name}`} onClick={() => (on ? transport.pause() : play())}>
      <Icon name={on ? "pause" : "play"} size={14} />
      {state === "confirmed" ? <Icon name="check" size={14} /> : null}
      <span>{labelText(label)},</span> <span className="small quiet">{placeText({ start_s, end_s })}</span>
    </button>
  );
}
