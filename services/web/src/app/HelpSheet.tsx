import { useMayWrite } from "../state/mayWrite";
import { Dialog } from "../ui/Dialog";

// Keys, what they do, and a mark where that is for those who may write.
const KEYS: [keys: string[], what: string, writes?: "writes"][] = [
  [["Space"], "play or pause"],
  [["←", "→"], "1 s back or forward; with Shift 5 s"],
  [["Home", "End"], "go to the start or the end"],
  [["["], "start the loop here"],
  [["]"], "end the loop here; press it there again to remove the loop"],
  [["l"], "loop the bar here, or the second where no bars are known; again, or Esc: no loop"],
  [["{", "}"], "shorten or lengthen the loop by a bar"],
  [["<", ">"], "play slower or faster"],
  [["Shift ↑", "Shift ↓"], "louder or quieter"],
  [["+", "−"], "zoom in or out"],
  [["x"], "switch between the recording and its evidence"],
  [["m"], "mute; on a focused stem mute that one"],
  [["s"], "solo the focused stem; with Shift, or by a long press of its S, that one alone"],
  [["Ctrl Z"], "in the mixer: undo the last change"],
  [["↑", "↓"], "move through the library's rows"],
  [["↑", "↓"], "in the spectrogram: read its level at the playhead"],
  [["←", "↑", "→", "↓"], "move the map; with Shift go from recording to recording"],
  [["0"], "show the whole map"],
  [["y", "n", "o"], "in a review: yes, no, another label", "writes"],
  [["s", "u"], "in a review: skip, or undo the last answer", "writes"],
  [["/"], "filter the library by name; Enter there searches by what is heard too"],
  [["?"], "show this list"],
];

export function HelpSheet({ onClose }: { onClose: () => void }) {
  const mayWrite = useMayWrite();
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="keys">
        {KEYS.filter(([, , writes]) => mayWrite || !writes).map(([keys, what]) => (
          <div key={what} style={{ display: "contents" }}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
