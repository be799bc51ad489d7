import { useQuery } from "@tanstack/react-query";
import { api, dataOf, type ModelCard, type StemModelCard } from "../api/client";

export function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/models", { signal })).items,
    staleTime: 300_000,
  });
}

/** Those that name what they hear. */
export function useListeners() {
  const models = useModels();
  return { ...models, data: models.data?.filter(listens) };
}

/** Those that take recordings apart. */
export function useSeparators() {
  const models = useModels();
  return { ...models, data: models.data?.filter((card) => !listens(card)) };
}

/** The card of a model that listens, by its name, which may not be served any more. */
export function useModel(name: string | undefined) {
  const models = useListeners();
  return { ...models, data: models.data?.find((card) => card.name === name) };
}

export function listens(card: ModelCard | StemModelCard): card is ModelCard {
  return "labels" in card;
}
