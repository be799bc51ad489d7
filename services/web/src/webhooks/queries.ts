import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, dataOf } from "../api/client";
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
    queryFn: async ({ signal }) => dataOf(await api.GET("/v1/webhooks", { params: { query: { limit: 100 } }, signal })).items,
  });
}

/** The deliveries to an endpoint, newest first, read again every two seconds. */
export function useDeliveries(webhookId: string, status: DeliveryStatus | null) {
  return useInfiniteQuery({
    queryKey: ["webhooks", "log", webhookId, status],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: 20, ...(status && { status }), ...(pageParam && { cursor: pageParam }) };
      const params = { path: { webhook_id: webhookId }, query };
      return dataOf(await api.GET("/v1/webhooks/{webhook_id}/deliveries", { params, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: EVERY_MS,
  });
}

/** The actions on endpoints and deliveries. The lists are read again after each. */
export function useWebhookActions() {
  const queries = useQueryClient();
  return {
    create: useAction(async (body: WebhookRequest) => dataOf(await api.POST("/v1/webhooks", { body }))),
    test: useAction((id: string) => api.POST("/v1/webhooks/{webhook_id}/test", endpoint(id))),
    remove: useAction(async (id: string) => {
      await queries.cancelQueries({ queryKey: ["webhooks", "log", id] });
      await api.DELETE("/v1/webhooks/{webhook_id}", endpoint(id));
    }),
    enable: useAction(({ id, enabled }: { id: string; enabled: boolean }) =>
      api.PATCH("/v1/webhooks/{webhook_id}", { ...endpoint(id), body: { enabled } }),
    ),
    rotate: useAction(async ({ id, overlapS }: { id: string; overlapS: number }) =>
      dataOf(await api.POST("/v1/webhooks/{webhook_id}/rotate-secret", { ...endpoint(id), body: { overlap_s: overlapS } })),
    ),
    redeliver: useAction((id: string) =>
      api.POST("/v1/deliveries/{delivery_id}/redeliver", { params: { path: { delivery_id: id } } }),
    ),
    redeliverDead: useAction((id: string) =>
      api.POST("/v1/webhooks/{webhook_id}/redeliver", { ...endpoint(id), body: { since: BEGINNING, status: "dead" as const } }),
    ),
  };
}

function endpoint(id: string) {
  return { params: { path: { webhook_id: id } } };
}

function useAction<Given, Made>(act: (given: Given) => Promise<Made>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => queries.invalidateQueries({ queryKey: ["webhooks"] }) });
}
