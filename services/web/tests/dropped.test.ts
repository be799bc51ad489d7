import { expect, test } from "vitest";
import { openDropped } from "../src/ui/dropped";

type Tree = { [name: string]: Tree | File | null };

/** A dropped entry, as browsers have them: a folder gives two entries at a time, and null cannot be read. */
function entry(name: string, what: Tree | File | null): FileSystemEntry {
  const isDirectory = what !== null && !(what instanceof File);
  const inside = isDirectory ? Object.entries(what).map(([each, one]) => entry(each, one)) : [];
  return {
    name,
    isDirectory,
    isFile: !isDirectory,
    file: (resolve: (file: File) => void, reject: (error: Error) => void) => (what instanceof File ? resolve(what) : reject(new Error("no"))),
    createReader: () => ({ readEntries: (resolve: (found: FileSystemEntry[]) => void) => resolve(inside.splice(0, 2)) }),
  } as unknown as FileSystemEntry;
}

function dropped(tree: Tree, files: File[] = []): DataTransfer {
  const items = Object.entries(tree).map(([name, what]) => ({ webkitGetAsEntry: () => entry(name, what) }));
  return { items, files } as unknown as DataTransfer;
}

const file = (name: string) => new File(["x"], name);

test("folders are opened, however deep, and only their recordings are taken", async () => {
  const tree = { birds: { "b.wav": file("b.wav"), "a.FLAC": file("a.FLAC"), "cover.jpg": file("cover.jpg"), ".DS_Store": file(".DS_Store"), deep: { "c.opus": file("c.opus") } }, "notes.txt": file("notes.txt") };
  const { files, refused } = await openDropped(dropped(tree));
  expect(files.map(({ name }) => name)).toEqual(["a.FLAC", "b.wav", "c.opus", "notes.txt"]);
  expect(refused).toEqual([]);
});

test("plain files are taken as they are", async () => {
  const files = [file("a.wav"), file("b.bin")];
  expect(await openDropped(dropped({ "a.wav": file("a.wav"), "b.bin": file("b.bin") }, files))).toEqual({ files, refused: [] });
});

test("what cannot be read is named, and the rest is taken", async () => {
  const { files, refused } = await openDropped(dropped({ birds: { "a.wav": null, "b.wav": file("b.wav") } }));
  expect(files.map(({ name }) => name)).toEqual(["b.wav"]);
  expect(refused).toEqual([{ name: "a.wav", why: "It cannot be read." }]);
});

test("a folder without end is taken up to a number and a depth", async () => {
  const many = Object.fromEntries(Array.from({ length: 1_003 }, (_, at) => [`${at}.wav`, file(`${at}.wav`)]));
  const found = await openDropped(dropped({ many }));
  expect(found.files).toHaveLength(1_000);
  expect(found.refused.map(({ why }) => why)).toEqual(["Only the first 1,000 recordings of the folders are added."]);
  let deep: Tree = { "a.wav": file("a.wav") };
  for (let at = 0; at < 40; at += 1) deep = { [`in${at}`]: deep };
  expect((await openDropped(dropped({ deep }))).refused.map(({ why }) => why)).toEqual(["It is too deep in the folder."]);
});
