import { useState } from "react";
import { useLocation } from "wouter";
import { errorText } from "../api/problem";
import { useSpaces } from "../models/queries";
import { Button, Choice, ErrorNote, Select, Skeleton } from "../ui/controls";
import { labelText } from "../ui/format";
import { type Chosen, ChosenRecordings, examplesOf } from "./ChosenRecordings";
import { type ClassifierRequest, useClassifierActions, useConfirmedLabels } from "./queries";
import { counted, nameFrom } from "./words";

const SOURCES = [
  { value: "confirmed", text: "labels you confirmed" },
  { value: "chosen", text: "recordings you choose" },
] as const;
type From = (typeof SOURCES)[number]["value"];
const BY_ITSELF = "auto";
const FEWEST = 2;

/** Teaches a classifier from confirmed labels, or from recordings that are chosen for each label. */
export function NewClassifier({ onCancel }: { onCancel: () => void }) {
  const [, go] = useLocation();
  const { create } = useClassifierActions();
  const [name, setName] = useState("");
  const [from, setFrom] = useState<From>("confirmed");
  const [labels, setLabels] = useState<string[]>([]);
  const [chosen, setChosen] = useState<Chosen[]>([]);
  const [space, setSpace] = useState(BY_ITSELF);
  const [several, setSeveral] = useState(false);
  const [reteach, setReteach] = useState(false);
  const examples = examplesOf(chosen);
  const taught = from === "confirmed" ? labels : Object.keys(examples);
  const request: ClassifierRequest = {
    name: nameFrom(name),
    space,
    labels: taught,
    ...(from === "chosen" && { examples }),
    multi_label: several,
    reteach,
  };
  return (
    <form
      className="teaching"
      aria-label="New classifier"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate(request, { onSuccess: (made) => go(`/classifiers/${made.name}`) });
      }}
    >
      <label className="stack">
        Name
        <input className="field" required maxLength={63} placeholder="compressor-fault" value={name} onChange={(event) => setName(event.currentTarget.value)} />
      </label>
      {name && nameFrom(name) !== name ? <p className="small quiet">It will be named “{nameFrom(name) || "…"}”.</p> : null}
      <div className="row wrap">
        <span>Taught from</span>
        <Choice label="Taught from" value={from} options={SOURCES} onChange={setFrom} />
      </div>
      {from === "confirmed" ? (
        <ConfirmedLabels chosen={labels} onChange={setLabels} />
      ) : (
        <ChosenRecordings chosen={chosen} onChange={setChosen} />
      )}
      <Settings {...{ space, setSpace, several, setSeveral, reteach, setReteach }} />
      {create.isError ? <ErrorNote>{errorText(create.error)}</ErrorNote> : null}
      <div className="row wrap">
        <Button main type="submit" disabled={!request.name || taught.length < FEWEST || create.isPending}>
          {create.isPending ? "Asking …" : "Teach it"}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
        {taught.length < FEWEST ? <span className="small quiet">It needs two labels at least.</span> : null}
      </div>
    </form>
  );
}

function ConfirmedLabels({ chosen, onChange }: { chosen: string[]; onChange: (labels: string[]) => void }) {
  const found = useConfirmedLabels();
  if (found.isPending) return <Skeleton height={64} />;
  if (found.isError) return <ErrorNote>{errorText(found.error)}</ErrorNote>;
  if (found.data.length === 0) return <p className="quiet">You have not confirmed a label yet. Open a recording to confirm one, or choose recordings here.</p>;
  const toggle = (label: string) => onChange(chosen.includes(label) ? chosen.filter((one) => one !== label) : [...chosen, label]);
  return (
    <fieldset className="teaching__labels">
      <legend>Labels it tells apart</legend>
      {found.data.map(({ label, confirmed }) => (
        <label key={label} className="row">
          <input type="checkbox" checked={chosen.includes(label)} onChange={() => toggle(label)} />
          <span className="clip">{labelText(label)}</span> <span className="small quiet">{counted(confirmed, "recording")}</span>
        </label>
      ))}
    </fieldset>
  );
}

type SettingsProps = {
  space: string;
  setSpace: (space: string) => void;
  several: boolean;
  setSeveral: (several: boolean) => void;
  reteach: boolean;
  setReteach: (reteach: boolean) => void;
};

function Settings({ space, setSpace, several, setSeveral, reteach, setReteach }: SettingsProps) {
  const spaces = useSpaces().data ?? [];
  const options = [...new Set([BY_ITSELF, ...spaces.filter(({ read }) => read).map(({ model }) => model)])];
  return (
    <div className="row wrap teaching__settings">
      <Select
        label="compared in a space"
        name="Space"
        value={space}
        options={options}
        text={(one) => (one === BY_ITSELF ? "chosen by itself" : `that of ${one}`)}
        onChange={setSpace}
      />
      <label className="row">
        <input type="checkbox" checked={several} onChange={() => setSeveral(!several)} />
        several labels can hold at once
      </label>
      <label className="row">
        <input type="checkbox" checked={reteach} onChange={() => setReteach(!reteach)} />
        teach it again when my labels change
      </label>
    </div>
  );
}
