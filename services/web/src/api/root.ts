/** The path prefix under which the page is served, such as "/phonoscope"; empty at the root of its host. */
export const ROOT_PATH: string = globalThis.document?.querySelector<HTMLMetaElement>('meta[name="root-path"]')?.content ?? "";
