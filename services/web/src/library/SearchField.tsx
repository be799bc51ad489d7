import type { RefObject } from "react";
import { useLocation } from "wouter";
import { holdUp } from "../state/heldSound";
import { useMayWrite } from "../state/mayWrite";
import { useDrop } from "../ui/drop";
import { addressOfWords } from "./libraryView";

type Props = { field: RefObject<HTMLInputElement | null>; value: string; collection: string | null; onChange: (typed: string) => void; opens: string | undefined };

/**
 * Filters the library by the name that is typed. The search's page looks for what is heard too: for the words by Enter, and for the
 * sound of a clip that is dropped, which is not added; the service takes one of those who may write.
 */
export function SearchField({ field, value, collection, onChange, opens }: Props) {
  const [, go] = useLocation();
  const mayWrite = useMayWrite();
  const { over, target } = useDrop(([file]) => {
    if (!file) return;
    holdUp(file);
    go(addressOfWords("", collection));
  });
  const words = value.trim();
  return (
    <input
      ref={field}
      className={`field ${over ? "field--over" : ""}`}
      type="search"
      placeholder={over ? "Drop to search by it" : "Filter by name"}
      title={`Type a name. Enter searches by what is heard too${mayWrite ? ", a clip that is dropped by its sound" : ""}.`}
      aria-label="Filter by name"
      data-opens={opens}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && words && !event.nativeEvent.isComposing) go(addressOfWords(words, collection));
      }}
      {...(mayWrite && target)}
    />
  );
}
