import { useEffect } from "react";

/** Names the document while a page is open. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Phonoscope`;
    return () => {
      document.title = "Phonoscope";
    };
  }, [title]);
}
