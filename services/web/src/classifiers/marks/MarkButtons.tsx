import { Writes } from "../../state/mayWrite";
import { IconButton } from "../../ui/controls";
import { isSame, type Markable, toggleMark, useMarks } from "./marks";
import "./marks.css";

type Props = { what: Markable; also?: Markable | undefined };

/** Marks what was found as like what is looked for, or as not like it, for those who may make a classifier of the marks. */
export function MarkButtons(props: Props) {
  return (
    <Writes>
      <Both {...props} />
    </Writes>
  );
}

function Both({ what, also }: Props) {
  const like = useMarks().find((one) => isSame(one, what))?.like;
  return (
    <span className="marks">
      <IconButton icon="check" className="marks__like" label={`Like these: ${what.name}`} aria-pressed={like === true} onClick={() => toggleMark(what, true, also)} />
      <IconButton icon="close" className="marks__unlike" label={`Not like these: ${what.name}`} aria-pressed={like === false} onClick={() => toggleMark(what, false, also)} />
    </span>
  );
}
