import { type ReactNode, useState } from "react";
import type { Track } from "../api/client";
import { saveAs } from "../api/download";
import { errorText } from "../api/problem";
import { ROOT_PATH } from "../api/root";
import { ErrorNote } from "../ui/controls";
import { copied } from "../ui/copying";
import { Dialog } from "../ui/Dialog";
import { downloadName, shownFilename } from "../ui/format";
import { Menu, type MenuItem } from "../ui/Menu";
import { titleOf } from "../ui/tags";
import { Comparing } from "./Comparing";
import { useReport } from "../report/useReport";
import type { Explanation } from "../state/explanation";
import { useMayWrite } from "../state/mayWrite";
import { NotesForm, RenameForm } from "./Naming";
import { Removal } from "./Removal";
import { Sharing } from "./Sharing";
import { useMeasuring } from "./measuring";
import { useSaid } from "./said";
import "./menu.css";

type Opened = "rename" | "notes" | "share" | "link" | "compare" | "delete";

const TABLES = [
  ["csv", "CSV", "labels.csv"],
  ["audacity", "Audacity", "labels.txt"],
  ["raven", "Raven", "labels.selections.txt"],
] as const;

/** What can be done with a recording as a whole by whoever looks at it. */
export function TrackMenu({ track, explanation }: { track: Track; explanation: Explanation }) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const address = `${location.origin}${ROOT_PATH}/tracks/${track.id}`;
  const copyLink = async () => {
    if (!(await copied(address))) setOpened("link");
  };
  const report = useReport(track, explanation, useSaid());
  const [problem, setProblem] = useState<string | null>(null);
  const measuring = useMeasuring(track.id);
  const mayWrite = useMayWrite();
  const forWriters = (...written: MenuItem[]) => (mayWrite ? written : []);
  const exported = (format: string, name: string) => {
    setProblem(null);
    const path = `/v1/tracks/${track.id}/labels?format=${format}&predicted=true`;
    saveAs(path, downloadName(shownFilename(track), name)).catch((error: unknown) => setProblem(errorText(error)));
  };
  const items: MenuItem[] = [
    ...forWriters(
      { text: "Rename …", act: () => setOpened("rename") },
      { text: track.notes ? "Change the notes …" : "Add notes …", act: () => setOpened("notes") },
    ),
    { text: "Download the original", href: track.audio.url, download: shownFilename(track) },
    { text: "Copy the link", act: () => void copyLink() },
    ...forWriters({ text: "Share …", act: () => setOpened("share") }),
    { text: "Compare …", act: () => setOpened("compare") },
    ...TABLES.map(([format, program, name]) => ({ text: `Labels for ${program}`, act: () => exported(format, name) })),
    ...(measuring.going ? [] : forWriters({ text: measuring.measured ? "Measure it again" : "Measure it", act: measuring.measure })),
    { text: "Report (HTML)", act: report },
    { text: "Print or save as PDF …", act: () => window.print() },
    ...forWriters({ text: "Delete …", act: () => setOpened("delete") }),
  ];
  const close = () => setOpened(null);
  const dialogs: Record<Opened, [string, ReactNode]> = {
    rename: ["Rename", <RenameForm key="rename" track={track} onDone={close} />],
    notes: ["Notes", <NotesForm key="notes" track={track} onDone={close} />],
    share: ["Share", <Sharing key="share" track={track} />],
    link: ["Link to this page", <input key="link" className="field" aria-label="Link" readOnly value={address} data-focused />],
    compare: ["Compare with", <Comparing key="compare" track={track} onDone={close} />],
    delete: [`Delete ${titleOf(track)}?`, <Removal key="delete" track={track} onCancel={close} />],
  };
  const [title, content] = opened ? dialogs[opened] : ["", null];
  return (
    <>
      <Menu label="Menu" items={items} />
      <span className="small quiet" role="status">
        {measuring.said}
      </span>
      {[problem, measuring.problem].map((text) => (text ? <ErrorNote key={text}>{text}</ErrorNote> : null))}
      {opened ? (
        <Dialog title={title} onClose={close}>
          <div className="menu-dialog">{content}</div>
        </Dialog>
      ) : null}
    </>
  );
}
