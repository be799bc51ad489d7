import { fetchWithKey } from "./client";

const KEPT_MS = 60_000;

/** Saves what the API answers under a path as a file. Throws an `ApiProblem` when the service refuses. */
export async function saveAs(path: string, filename: string): Promise<void> {
  const response = await fetchWithKey(path);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
