import { useQuery } from "@tanstack/react-query";
import { api, dataOf, type ModelCard, type StemModelCard } from "../api/client";

export function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/models", { signal })).items,
    staleTime: 300_000,
  });
}

/** The models that classify and embed. */
export function useClassifiers() {
  const models = useModels();
  return { ...models, data: models.data?.filter(isClassifier) };
}

/** The models that separate. */
export function useSeparators() {
  const models = useModels();
  return { ...models, data: models.data?.filter((card) => !isClassifier(card)) };
}

/** The card of a classification model by its name; undefined when it is not served any more. */
export function useModel(name: string | undefined) {
  const models = useClassifiers();
  return { ...models, data: models.data?.find((card) => card.name === name) };
}

export function isClassifier(card: ModelCard | StemModelCard): card is ModelCard {
  return "labels" in card;
}

/** The spaces that hold something of the library's, asked again while one is being filled. */
export function useSpaces() {
  return useQuery({
    queryKey: ["spaces"],
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/spaces", { signal })).items,
    refetchInterval: (query) => (query.state.data?.some((card) => card.reembedding?.finished_at === null) ? 3_000 : false),
  });
}
