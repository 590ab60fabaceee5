/** What the page asks its server for. Relative addresses: the secret in the address of the page is in these too. */

/** Rejects with what the server says, or when it is gone. */
export async function ask<T>(
  file: string,
  given: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<T> {
  const query = new URLSearchParams(given).toString();
  const response = await fetch(`${file}.json${query === '' ? '' : `?${query}`}`, {
    cache: 'no-store',
    ...(signal && { signal }),
  });
  const found = (await response.json().catch(() => ({ error: `the server says ${response.status}` }))) as T & {
    error?: string;
  };
  if (!response.ok) throw new Error(found.error ?? `the server says ${response.status}`);
  return found;
}
