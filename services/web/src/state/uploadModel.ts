import { useSyncExternalStore } from "react";
import { ownName } from "../api/own";
import { currentKey } from "../api/session";

const listeners = new Set<() => void>();

/** The model that classifies this owner's new recordings from this browser; null for the one that what is heard decides on. */
export function uploadModel(): string | null {
  return localStorage.getItem(name()) || null;
}

/** Keeps the model for new recordings until somebody signs out; null for the service's choice. */
export function setUploadModel(model: string | null): void {
  if (model === null) localStorage.removeItem(name());
  else localStorage.setItem(name(), model);
  for (const listener of listeners) listener();
}

/** As `uploadModel`, also when another tab changes it. */
export function useUploadModel(): string | null {
  return useSyncExternalStore(subscribe, uploadModel);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

function name(): string {
  return ownName("upload model", currentKey());
}
