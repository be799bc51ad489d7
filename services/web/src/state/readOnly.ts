import { createContext, useContext } from "react";

/** Whether the page only shows what is there, as to a shared link's visitor, who can ask for nothing. */
const ReadOnly = createContext(false);

export const ReadOnlyProvider = ReadOnly.Provider;

export function useReadOnly(): boolean {
  return useContext(ReadOnly);
}
