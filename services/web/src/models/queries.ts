import { useQuery } from "@tanstack/react-query";
import { api, held } from "../api/client";

export function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: async ({ signal }) => held(await api.GET("/v1/models", { signal })).items,
    staleTime: 300_000,
  });
}

/** The card of a model by its name, which may not be served any more. */
export function useModel(name: string | undefined) {
  const models = useModels();
  return { ...models, data: models.data?.find((card) => card.name === name) };
}
