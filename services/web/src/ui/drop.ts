import { type DragEvent as ReactDragEvent, useEffect, useRef, useState } from "react";
import { type Dropped, openDropped } from "./dropped";

/** What makes an element take dropped files, and whether some are held over it. Anything else, as text, is the browser's. */
export function useDrop(onFiles: (files: FileList) => void) {
  const [over, setOver] = useState(false);
  return {
    over,
    target: {
      onDragOver: (event: ReactDragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event: ReactDragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        onFiles(event.dataTransfer.files);
      },
    },
  };
}

/**
 * Takes files and folders that are dropped anywhere in the window, but where an element takes them itself. True while some are held over it.
 *
 * Without it the browser opens a dropped file in the page's place.
 */
export function useWindowDrop(onDrop: (dropped: Dropped) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(onDrop);
  latest.current = onDrop;
  useEffect(() => {
    const stop = new AbortController();
    const on = (type: "dragover" | "dragleave" | "drop", handle: (event: DragEvent) => void) =>
      window.addEventListener(type, handle, { signal: stop.signal });
    on("dragover", (event) => {
      if (!hasFiles(event)) return;
      setOver(!event.defaultPrevented);
      event.preventDefault();
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setOver(false);
    });
    on("drop", (event) => {
      setOver(false);
      if (event.defaultPrevented || !hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      void openDropped(event.dataTransfer).then((dropped) => latest.current(dropped));
    });
    return () => stop.abort();
  }, []);
  return over;
}

function hasFiles({ dataTransfer }: Pick<DragEvent, "dataTransfer">): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}
