import type { RefObject } from "react";
import { useLocation } from "wouter";
import { holdUp } from "../state/heldSound";
import { useDrop } from "../ui/drop";

type Props = { field: RefObject<HTMLInputElement | null>; value: string; collection: string | null; onChange: (typed: string) => void; opens: string | undefined };

/** Searches by the name that is typed; a clip that is dropped on it is searched by on the search's page, and not added. */
export function SearchField({ field, value, collection, onChange, opens }: Props) {
  const [, go] = useLocation();
  const { over, target } = useDrop(([file]) => {
    if (!file) return;
    holdUp(file);
    go(collection ? `/search?${new URLSearchParams({ collection })}` : "/search");
  });
  return (
    <input
      ref={field}
      className={`field ${over ? "field--over" : ""}`}
      type="search"
      placeholder={over ? "Drop to search by it" : "Search by name"}
      title="Type a name, or drop a clip to search by its sound"
      aria-label="Search by name"
      data-opens={opens}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      {...target}
    />
  );
}
