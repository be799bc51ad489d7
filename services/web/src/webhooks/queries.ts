import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, held } from "../api/client";
import type { components } from "../api/schema";

type Schemas = components["schemas"];
export type Webhook = Schemas["Webhook"];
export type Delivery = Schemas["Delivery"];
export type Attempt = Schemas["Attempt"];
export type DeliveryStatus = Schemas["DeliveryStatus"];
export type WebhookRequest = Schemas["WebhookRequest"];
export type EventType = NonNullable<WebhookRequest["events"]>[number];

const EVERY_MS = 2_000;
const BEGINNING = "1970-01-01T00:00:00Z";

export function useWebhooks() {
  return useQuery({
    queryKey: ["webhooks", "all"],
    queryFn: async ({ signal }) => held(await api.GET("/v1/webhooks", { params: { query: { limit: 100 } }, signal })).items,
  });
}

/** The log of an endpoint, newest first; looked at again while something is on its way. */
export function useDeliveries(webhookId: string, status: DeliveryStatus | null) {
  return useInfiniteQuery({
    queryKey: ["webhooks", "log", webhookId, status],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: 20, ...(status && { status }), ...(pageParam && { cursor: pageParam }) };
      const params = { path: { webhook_id: webhookId }, query };
      return held(await api.GET("/v1/webhooks/{webhook_id}/deliveries", { params, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: EVERY_MS,
  });
}

/** Everything that can be done with an endpoint; the lists are read anew afterwards. */
export function useWebhookActions() {
  const queries = useQueryClient();
  return {
    create: useAction(async (body: WebhookRequest) => held(await api.POST("/v1/webhooks", { body }))),
    test: useAction((id: string) => api.POST("/v1/webhooks/{webhook_id}/test", at(id))),
    remove: useAction(async (id: string) => {
      await queries.cancelQueries({ queryKey: ["webhooks", "log", id] });
      await api.DELETE("/v1/webhooks/{webhook_id}", at(id));
    }),
    enable: useAction(({ id, enabled }: { id: string; enabled: boolean }) =>
      api.PATCH("/v1/webhooks/{webhook_id}", { ...at(id), body: { enabled } }),
    ),
    redeliver: useAction((id: string) =>
      api.POST("/v1/deliveries/{delivery_id}/redeliver", { params: { path: { delivery_id: id } } }),
    ),
    redeliverDead: useAction((id: string) =>
      api.POST("/v1/webhooks/{webhook_id}/redeliver", { ...at(id), body: { since: BEGINNING, status: "dead" as const } }),
    ),
  };
}

function at(id: string) {
  return { params: { path: { webhook_id: id } } };
}

function useAction<Given, Made>(act: (given: Given) => Promise<Made>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => queries.invalidateQueries({ queryKey: ["webhooks"] }) });
}
