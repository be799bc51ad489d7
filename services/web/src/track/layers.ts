import type { ModelCard } from "../api/client";
import type { ResultOf } from "../state/results";

/** A layer's name, with how it sees beside the one that is shown: finer, coarser or as finely. */
export function textOfLayer(name: string, shown: string, card: Pick<ModelCard, "strides" | "default_layer"> | undefined): string {
  const [own, other] = [card?.strides?.[name], card?.strides?.[shown]];
  const said = own === undefined || other === undefined || own === other ? [] : [own < other ? "finer" : "coarser"];
  if (name === card?.default_layer) said.push("default");
  return said.length ? `${name} (${said.join(", ")})` : name;
}

/** How coarse a layer's cells are, in a sentence; nothing for earlier results, which do not say. */
export function coarseness({ layer, cell_s, cell_bands }: Pick<ResultOf<"explain">, "layer" | "cell_s" | "cell_bands">): string {
  if (cell_s == null || cell_bands == null) return "";
  const bands = cell_bands === 1 ? "all bands as one" : `${cell_bands} bands`;
  return `Its layer ${layer} sees in steps of ${secondsText(cell_s)} and ${bands}.`;
}

function secondsText(seconds: number): string {
  return seconds < 0.1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
}
