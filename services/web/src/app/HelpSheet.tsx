import { Dialog } from "../ui/Dialog";

const KEYS: [string[], string][] = [
  [["Space"], "play or pause"],
  [["←", "→"], "back or on by a second; with Shift by five"],
  [["Home", "End"], "to the start or the end"],
  [["["], "the loop starts here"],
  [["]"], "the loop ends here; once more to let it go"],
  [["+", "−"], "zoom"],
  [["x"], "switch between the recording and what the model heard"],
  [["m", "s"], "mute or solo the stem in focus"],
  [["↑", "↓"], "through the library's rows"],
  [["↑", "↓"], "in the spectrogram: read it at the playhead"],
  [["←", "↑", "→", "↓"], "move the map; with Shift from recording to recording"],
  [["0"], "the whole map"],
  [["/"], "search the library"],
  [["?"], "this list"],
];

export function HelpSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
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
