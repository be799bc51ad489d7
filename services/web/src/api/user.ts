const USER = "user:";

/** What stands in place of an API key for somebody who signed in; the browser itself sends their session's cookie. */
export function userCredential(user: { id: string; csrf_token: string }): string {
  return `${USER}${user.id}:${user.csrf_token}`;
}

/** Whether a credential is of somebody who signed in, and no API key. */
export function isUser(credential: string): boolean {
  return credential.startsWith(USER);
}

/** The header that a request with a credential has. */
export function headerOf(credential: string): [name: string, value: string] {
  if (!isUser(credential)) return ["Authorization", `Bearer ${credential}`];
  return ["X-CSRF-Token", credential.slice(credential.lastIndexOf(":") + 1)];
}
