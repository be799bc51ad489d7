import { describe, expect, it } from "vitest";
import type { Job } from "../src/api/client";
import { EventParser } from "../src/api/sse";
import { withProgress } from "../src/api/watch";

describe("an event stream", () => {
  it("is parsed in pieces of any size", () => {
    const text = ': hello\r\n\r\nretry: 500\r\nid: 7-0412\r\nevent: status\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: x\n\n';
    for (const size of [1, 2, 3, 7, text.length]) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.add(text.slice(at, at + size)));
      expect(events).toEqual([
        { type: "status", data: '{"a":\n1}', id: "7-0412" },
        { type: "message", data: "x", id: "7-0412" },
      ]);
    }
  });

  it("changes the tasks that a progress event names, and no other", () => {
    const job = { tasks: [{ name: "classify", progress: 0 }, { name: "embed", progress: 0 }] } as unknown as Job;
    const after = withProgress(job, { tasks: [{ name: "embed", progress: 0.5, stage: "placing" }] });
    expect(after.tasks.map(({ progress }) => progress)).toEqual([0, 0.5]);
  });
});
