/** What was dropped: the files to add, and what was not taken, with the reason. */
export type Dropped = { files: File[]; refused: { name: string; why: string }[] };

const MOST_FILES = 1_000;
const MOST_DEEP = 16;
const RECORDING =
  /\.(aac|ac3|aif[cf]?|amr|ape|au|caf|dsf|flac|m4[abv]|mk[av]|mov|mp[234]|mpc|og[agv]|opus|ra|rm|snd|tak|tta|voc|w64|wav|webm|wma|wv|3gp)$/i;

/** Opens dropped folders, and the folders in them. To be called while the event is handled; files in folders that are no recordings are left out. */
export async function openDropped(transfer: DataTransfer): Promise<Dropped> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  const found: Dropped = { files: [], refused: [] };
  if (!entries.some((entry) => entry?.isDirectory)) return { files: plain, refused: [] };
  for (const entry of entries) if (entry) await walk(entry, 0, found);
  return found;
}

async function walk(entry: FileSystemEntry, depth: number, found: Dropped): Promise<void> {
  if (found.files.length >= MOST_FILES) {
    refuseOnce(found, entry.name, `Only the first ${MOST_FILES.toLocaleString("en-GB")} recordings of the folders are added.`);
    return;
  }
  if (depth > MOST_DEEP) {
    found.refused.push({ name: entry.name, why: "It is too deep in the folder." });
    return;
  }
  try {
    if (isFolder(entry)) {
      for (const inside of await inFolder(entry)) await walk(inside, depth + 1, found);
    } else if (depth === 0 || RECORDING.test(entry.name)) {
      found.files.push(await fileOf(entry as FileSystemFileEntry));
    }
  } catch {
    found.refused.push({ name: entry.name, why: "It cannot be read." });
  }
}

function refuseOnce({ refused }: Dropped, name: string, why: string): void {
  if (!refused.some((one) => one.why === why)) refused.push({ name: `${name} …`, why });
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** All entries of a folder by name; a reader gives some at a time. */
async function inFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all.sort((a, b) => a.name.localeCompare(b.name));
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
