import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, dataOf, type Track, type TrackShare } from "../api/client";
import { errorText } from "../api/problem";
import { Button, ErrorNote, Select } from "../ui/controls";
import { useCopy } from "../ui/copying";
import { announce } from "../ui/live";

const DAY_S = 86_400;
const DAYS = ["1", "7", "30", "90"] as const;

/** Links by which others read this recording alone: makes, lists and revokes them. */
export function Sharing({ track: { id } }: { track: Track }) {
  const queries = useQueryClient();
  const box = useRef<HTMLDivElement>(null);
  const [days, setDays] = useState<(typeof DAYS)[number]>("7");
  const params = { path: { track_id: id } };
  const queryKey = ["shares", id];
  const onSettled = () => queries.invalidateQueries({ queryKey });
  const shares = useQuery({
    queryKey,
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/tracks/{track_id}/shares", { params, signal })).items,
  });
  const making = useMutation({
    mutationFn: async () => dataOf(await api.POST("/v1/tracks/{track_id}/shares", { params, body: { expires_in_s: Number(days) * DAY_S } })),
    onSettled,
  });
  const revoking = useMutation({
    mutationFn: (share_id: string) => api.DELETE("/v1/tracks/{track_id}/shares/{share_id}", { params: { path: { track_id: id, share_id } } }),
    onSuccess: (_, share_id) => {
      if (making.data?.id === share_id) making.reset();
      // The button that had the focus goes with the link.
      box.current?.querySelector("button")?.focus();
      announce("The link is revoked.");
    },
    onSettled,
  });
  const problem = making.error ?? revoking.error ?? shares.error;
  return (
    <div ref={box} className="stack">
      <p>
        Whoever has a link sees and hears this recording and what is known of it, without your notes and the rest of your library, until the link ends or
        you revoke it.
      </p>
      <div className="row wrap">
        <Select label="ends after" name="Days until the link ends" value={days} options={DAYS} text={(count) => `${count} ${count === "1" ? "day" : "days"}`} onChange={setDays} />
        <Button main disabled={making.isPending} onClick={() => making.mutate()}>
          Make a link
        </Button>
      </div>
      {making.data ? <NewLink url={location.origin + making.data.url} /> : null}
      {problem ? <ErrorNote>{errorText(problem)}</ErrorNote> : null}
      {shares.data?.length ? (
        <ul className="shares" aria-label="Shared links">
          {shares.data.map((share) => (
            <Shared key={share.id} share={share} disabled={revoking.isPending} revoke={() => revoking.mutate(share.id)} />
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function NewLink({ url }: { url: string }) {
  const shown = useRef<HTMLInputElement>(null);
  const { word, copy } = useCopy(url);
  return (
    <div className="row">
      <input ref={shown} className="field shares__link" aria-label="Shared link" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      <Button icon="copy" onClick={() => void copy(shown.current)}>
        {word}
      </Button>
      <span className="small quiet">shown only once</span>
    </div>
  );
}

function Shared({ share: { id, created_at, expires_at }, disabled, revoke }: { share: TrackShare; disabled: boolean; revoke: () => void }) {
  return (
    <li className="row spread">
      <span>
        made {moment(created_at)}, ends {moment(expires_at)} <span className="quiet small">{id}</span>
      </span>
      <Button disabled={disabled} aria-label={`Revoke ${id}`} onClick={revoke}>
        Revoke
      </Button>
    </li>
  );
}

function moment(when: string): string {
  return new Date(when).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
