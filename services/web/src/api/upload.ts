import { ROOT_PATH } from "./root";
import { currentKey } from "./session";
import type { Track } from "./client";
import { ApiProblem } from "./problem";
import { headerOf } from "./user";

const ALREADY = 200;

/** A stored recording, and whether these very bytes were in the library before. */
export type Uploaded = { track: Track; already: boolean };

/**
 * Uploads a recording. Calls `sent` with the share that was sent, 0 to 1.
 *
 * Throws an `ApiProblem` when the service refuses, a `TypeError` when the connection breaks and the signal's reason when it aborts.
 */
export function upload(file: File, sent: (share: number) => void, signal: AbortSignal): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    // `fetch` does not report how much was sent.
    const request = new XMLHttpRequest();
    request.open("POST", `${ROOT_PATH}/v1/tracks`);
    request.responseType = "json";
    const key = currentKey();
    if (key) request.setRequestHeader(...headerOf(key));
    request.upload.onprogress = (event) => sent(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) resolve({ track: request.response as Track, already: request.status === ALREADY });
      else reject(new ApiProblem((request.response ?? {}) as object, request.status));
    };
    request.onerror = () => reject(new TypeError("the connection was lost"));
    request.onabort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}
