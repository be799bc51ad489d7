import { remember, remembered } from "../../api/session";

/** The windows that were skipped, in this tab. */
export function skippedOf(classifier: string) {
  const name = `skipped ${classifier}`;
  const all = (): string[] => JSON.parse(remembered(name) ?? "[]") as string[];
  const keep = (keys: string[]) => remember(name, JSON.stringify(keys));
  return {
    all,
    add: (key: string) => keep([...new Set([...all(), key])]),
    clear: () => remember(name, null),
    remove: (key: string) => keep(all().filter((one) => one !== key)),
  };
}
