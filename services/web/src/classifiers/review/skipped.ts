import { ROOT_PATH } from "../../api/root";

/** The windows that were skipped, in this tab. */
export function skippedOf(classifier: string) {
  const name = `phonoscope.skipped${ROOT_PATH} ${classifier}`;
  const all = (): string[] => JSON.parse(sessionStorage.getItem(name) ?? "[]") as string[];
  const keep = (keys: string[]) => sessionStorage.setItem(name, JSON.stringify(keys));
  return {
    all,
    add: (key: string) => keep([...new Set([...all(), key])]),
    clear: () => sessionStorage.removeItem(name),
    remove: (key: string) => keep(all().filter((one) => one !== key)),
  };
}
