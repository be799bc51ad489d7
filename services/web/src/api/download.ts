import { fetchWithKey } from "./client";

const KEPT_MS = 60_000;

/** Saves what the API answers under a path as a file. Throws an `ApiProblem` when the service refuses. */
export async function saveAs(path: string, filename: string): Promise<void> {
  const response = await fetchWithKey(path);
  keepAs(await response.blob(), filename);
}

/** Saves content as a file. */
export function keepAs(content: Blob, filename: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
