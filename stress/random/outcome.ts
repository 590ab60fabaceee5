/** What an operation came to on one side, the model or the system under test. */
import { FsError } from '../../fs/errors.js';

export type Outcome<T> = { readonly value: T } | { readonly error: FsError };

/** Other errors are not an outcome: they are thrown. */
export async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof FsError) return { error };
    throw error;
  }
}

export function resultOf<T>(outcome: Outcome<T>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

/** The code of the error, or `success`. */
export const codeOf = (outcome: Outcome<unknown>): string => ('error' in outcome ? outcome.error.code : 'success');

/** Attributes of something that an operation may have made. */
export function isMade(value: unknown): value is { inode: number } {
  return typeof value === 'object' && value !== null && 'inode' in value && typeof value.inode === 'number';
}
