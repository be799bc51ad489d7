const given = globalThis.document?.querySelector<HTMLMetaElement>('meta[name="root-path"]')?.content ?? "";

/** The path prefix under which the page is open, such as "/phonoscope"; empty at the root of its host, or past the proxy. */
export const ROOT_PATH: string = `${globalThis.location?.pathname}/`.startsWith(`${given}/`) ? given : "";
