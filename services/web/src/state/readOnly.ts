import { createContext, useContext } from "react";

/** Whether the page only shows what is there, as to whoever has a shared link: nothing is asked for. */
const ReadOnly = createContext(false);

export const ReadOnlyProvider = ReadOnly.Provider;

export function useReadOnly(): boolean {
  return useContext(ReadOnly);
}
