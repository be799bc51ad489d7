import { expect, test } from "vitest";

const sources = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** The folder of a path; of a bare name the empty string. */
function folderOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

/** A path without `.` and `..`. */
function resolved(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** For each folder, the folders that its modules import, dynamic imports and types included. */
function imports(files: Record<string, string>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [path, text] of Object.entries(files)) {
    const from = folderOf(path);
    const to = found.get(from) ?? new Set();
    found.set(from, to);
    for (const [, target = ""] of text.matchAll(IMPORT)) {
      const folder = folderOf(resolved(`${from}/${target}`));
      if (folder !== from) to.add(folder);
    }
  }
  return found;
}

/** A path of folders that returns to its first, or null when there is none. */
function circle(graph: Map<string, Set<string>>): string[] | null {
  const done = new Set<string>();
  const visit = (folder: string, path: string[]): string[] | null => {
    const start = path.indexOf(folder);
    if (start >= 0) return [...path.slice(start), folder];
    if (done.has(folder)) return null;
    done.add(folder);
    for (const next of graph.get(folder) ?? []) {
      const found = visit(next, [...path, folder]);
      if (found) return found;
    }
    return null;
  };
  for (const folder of graph.keys()) {
    const found = visit(folder, []);
    if (found) return found;
  }
  return null;
}

test("folders import each other in one direction only", () => {
  const files = Object.fromEntries(Object.entries(sources).map(([path, text]) => [path.replace("../src/", ""), text]));
  const graph = imports(files);
  expect([...(graph.get("app") ?? [])]).toContain("track");
  expect(circle(graph)).toBeNull();
});

test("a circle over three folders is found", () => {
  const files = {
    "a/one.ts": 'import { two } from "../b/two";',
    "b/two.ts": 'const three = import("./deep/three");',
    "b/deep/three.ts": 'export * from "../../a/one";',
  };
  expect(circle(imports(files))).toEqual(["a", "b", "b/deep", "a"]);
});
