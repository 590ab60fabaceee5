/** What the sender needs to go on where a receiver stopped, as text for a command line. */
import { VolumeError } from '../errors.js';
import { selfChecksum } from '../format/checksum.js';
import { ResumeToken, tokenMagic } from '../format/stream.js';

export function tokenText(token: Omit<ResumeToken, 'magic' | 'checksum'>): string {
  const bytes = new Uint8Array(ResumeToken.size);
  const view = new DataView(bytes.buffer);
  ResumeToken.write(view, 0, { ...token, magic: tokenMagic, checksum: 0 });
  view.setUint32(ResumeToken.offsetOf.checksum, selfChecksum(bytes, ResumeToken.offsetOf.checksum), true);
  return Buffer.from(bytes).toString('base64url');
}

/** Throws VolumeError 'usage'. */
export function parseToken(text: string): ResumeToken {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64url'));
  const token = bytes.length === ResumeToken.size ? ResumeToken.read(new DataView(bytes.buffer)) : undefined;
  if (token?.magic !== tokenMagic || selfChecksum(bytes, ResumeToken.offsetOf.checksum) !== token.checksum)
    throw new VolumeError('usage', 'that is not a token that varve receive has printed, or not all of it');
  return token;
}
