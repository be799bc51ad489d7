// Shorter than any useful life of a link. Also the pace of renewals when the browser's clock is far ahead.
const LEAST_MS = 30_000;
const SHARE_OF_LIFE = 2 / 3;

/**
 * Milliseconds until an answer should be read again, so that none of its signed links expires before; false without links.
 *
 * `readAt` is when the answer was read, in milliseconds since 1970. Links are renewed after two thirds of their life.
 */
export function renewalMs(answer: unknown, readAt: number, now = Date.now()): number | false {
  const expiresAt = earliestExpiry(answer);
  if (expiresAt === Number.POSITIVE_INFINITY) return false;
  return Math.max(LEAST_MS, readAt + (expiresAt - readAt) * SHARE_OF_LIFE - now);
}

/** The address in the link to an artifact, wherever in an answer it is; undefined without one. */
export function urlIn(answer: unknown, artifactId: string): string | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  if ("id" in answer && answer.id === artifactId && "url" in answer && typeof answer.url === "string") return answer.url;
  for (const part of Object.values(answer)) {
    const found = urlIn(part, artifactId);
    if (found) return found;
  }
  return undefined;
}

/** When the first of the links in an answer expires, wherever they are in it; infinity without links. */
function earliestExpiry(value: unknown): number {
  if (typeof value !== "object" || value === null) return Number.POSITIVE_INFINITY;
  const own = "expires_at" in value && typeof value.expires_at === "string" ? Date.parse(value.expires_at) : Number.POSITIVE_INFINITY;
  return Object.values(value).reduce((earliest: number, part: unknown) => Math.min(earliest, earliestExpiry(part)), own);
}
