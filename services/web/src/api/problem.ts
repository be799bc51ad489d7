import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];

/** The code of a request whose token is not the one of the session that the browser has now. */
export const CROSS_SITE = "cross_site_request";

/** An error answer of the service (RFC 9457). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;

  constructor(body: Partial<Problem>, status: number) {
    super(body.detail ?? body.title ?? `The service answered ${status}.`);
    this.name = "ApiProblem";
    this.status = body.status ?? status;
    this.code = body.code ?? "unknown";
    this.retryable = body.retryable ?? status >= 500;
  }
}

/** The problem in a response that is not a success. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => ({}));
  return new ApiProblem(typeof body === "object" && body ? (body as Partial<Problem>) : {}, response.status);
}

/** An error as one sentence for the page. */
export function errorText(error: unknown): string {
  if (error instanceof ApiProblem) return sentence(error.message);
  if (error instanceof TypeError) return "The service does not answer. Is it running?";
  return error instanceof Error ? sentence(error.message) : "Something went wrong.";
}

/** The text with a capital letter first and a full stop last. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const ended = /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
