import { currentKey } from "./session";
import type { Track } from "./client";
import { ApiProblem } from "./problem";

/** Sends a recording. `XMLHttpRequest`, because `fetch` does not tell how much has been sent. */
export function upload(file: File, sent: (share: number) => void, signal: AbortSignal): Promise<Track> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/tracks");
    request.responseType = "json";
    const key = currentKey();
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.onprogress = (event) => sent(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(request.response as Track);
      else reject(new ApiProblem((request.response ?? {}) as object, request.status));
    };
    request.onerror = () => reject(new TypeError("the connection broke off"));
    request.onabort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}
