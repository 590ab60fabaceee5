/**
 * Memory of libfuse's threads, by address. A thread waits while its operation runs, so what its pointers lead to
 * (arguments, results on its stack) stays as it is until the operation is answered, and no longer.
 */
import { libc } from '../../host/libc.js';

const copyIn = libc.func('void *memcpy(void *into, uintptr_t from, size_t count)') as (
  into: Uint8Array,
  from: bigint | number,
  count: number,
) => unknown;
const copyOut = libc.func('memcpy', 'void *', ['uintptr_t', 'const void *', 'size_t']) as (
  to: bigint | number,
  from: Uint8Array,
  count: number,
) => unknown;
const strlen = libc.func('size_t strlen(uintptr_t text)') as (text: bigint | number) => number;

/** A copy of what lies there. */
export const bytesAt = (address: bigint | number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  copyIn(bytes, address, length);
  return bytes;
};

/** A copy of the text there, without the NUL that ends it. */
export const textAt = (address: bigint | number): Buffer => bytesAt(address, strlen(address));

export const writeAt = (address: bigint | number, bytes: Uint8Array): void => {
  copyOut(address, bytes, bytes.length);
};
