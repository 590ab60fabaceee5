/** UUIDs as they are written: `8-4-4-4-12` hexadecimal digits. */
import { randomUUID } from 'node:crypto';
import { VolumeError } from '../errors.js';

/** The 16 bytes of a UUID, or of a new one for `random`. Throws VolumeError 'usage'. */
export function parseUuid(text: string): Uint8Array {
  const digits = (text === 'random' ? randomUUID() : text).replaceAll('-', '');
  if (/^[0-9a-f]{32}$/i.test(digits)) return Uint8Array.from(Buffer.from(digits, 'hex'));
  throw new VolumeError('usage', `'${text}' is not a UUID: write 32 hexadecimal digits, or 'random'`);
}

export function formatUuid(uuid: Uint8Array): string {
  return Buffer.from(uuid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
