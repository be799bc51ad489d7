/** A request as a page makes it, to a path of its own origin: Node's needs a whole address. Stub it before the client is imported. */
export class PageRequest extends Request {
  constructor(input: string, init?: RequestInit) {
    super(new URL(input, "http://service"), init);
  }
}
