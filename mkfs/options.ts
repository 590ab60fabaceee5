/** What mkfs.varve was asked for, checked before anything is touched. */
import type { ProgressStyle } from '../fs/cli/progress.js';
import { newSecret } from '../fs/cli/secret.js';
import { parseSize } from '../fs/cli/size.js';
import { hideMemory } from '../fs/cli/unlock.js';
import { parseUuid } from '../fs/cli/uuid.js';
import { VolumeError } from '../fs/errors.js';
import { maxSegmentShift, minSegmentShift } from '../fs/format/geometry.js';
import { Superblock } from '../fs/format/superblock.js';
import { none, parseChain, type Wanted } from '../fs/transform/chain.js';
import { loadConfigured } from '../fs/transform/configured.js';
import { loadTransform } from '../fs/transform/external.js';
import type { Secret } from '../fs/transform/key-slots.js';
import { Registry } from '../fs/transform/registry.js';
import { pageSize } from '../fs/units.js';
import { type Holder, holders } from '../fs/volume/usage.js';

/** As commander gives them. */
export interface MkfsArguments {
  readonly label?: string;
  readonly size?: string;
  readonly force?: boolean;
  readonly quiet?: boolean;
  readonly segment?: string;
  readonly uuid?: string;
  readonly json?: boolean;
  readonly compress?: string;
  readonly transform?: readonly string[];
  readonly encrypt?: boolean;
  readonly keyFile?: string;
  readonly passphraseFd?: string;
  readonly quota?: string;
  readonly progress?: ProgressStyle;
}

export interface MkfsOptions {
  readonly label: string;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  /** Bytes wanted for the image; undefined: as large as it is. */
  readonly size: number | undefined;
  /** log2 of the pages of a segment; undefined: by size. */
  readonly segmentShift: number | undefined;
  readonly force: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Chain for all new data. */
  readonly compression: Wanted | undefined;
  /** What shall open an encrypted volume; undefined: it is not encrypted. */
  readonly secret: Secret | undefined;
  /** Whose limits a mount enforces unless told otherwise. */
  readonly quotas: readonly Holder[];
}

const labelBytes = Superblock.fields.label.size;

/** `warn` is told what may be a mistake elsewhere. Throws VolumeError 'usage'. */
export async function readOptions(
  args: MkfsArguments,
  warn: (line: string) => void = () => undefined,
): Promise<MkfsOptions> {
  const label = args.label ?? '';
  if (Buffer.byteLength(label) > labelBytes || label.includes('\0')) {
    throw new VolumeError('usage', `the label may have up to ${labelBytes} bytes`);
  }
  return {
    label,
    uuid: parseUuid(args.uuid ?? 'random'),
    size: args.size === undefined ? undefined : parseSize(args.size),
    segmentShift: args.segment === undefined ? undefined : segmentShift(args.segment),
    force: args.force ?? false,
    quiet: args.quiet ?? false,
    json: args.json ?? false,
    quotas: args.quota === undefined ? [] : quotasOf(args.quota),
    compression: await compression(args.compress ?? none, args.transform ?? [], warn),
    secret: await secret(args),
  };
}

async function secret(args: MkfsArguments): Promise<Secret | undefined> {
  if (args.encrypt) {
    hideMemory();
    return newSecret(args, 'the new volume');
  }
  if (args.keyFile === undefined && args.passphraseFd === undefined) return undefined;
  throw new VolumeError('usage', '--key-file and --passphrase-fd are for --encrypt');
}

function segmentShift(text: string): number {
  const shift = Math.log2(parseSize(text) / pageSize);
  if (Number.isInteger(shift) && shift >= minSegmentShift && shift <= maxSegmentShift) return shift;
  throw new VolumeError('usage', `a segment has 128K, 256K, 512K, 1M, 2M, 4M, 8M, 16M, 32M or 64M, not '${text}'`);
}

function quotasOf(given: string): readonly Holder[] {
  if (given === 'all') return holders;
  return given.split(',').map((name) => {
    const holder = holders.find((known) => known === name);
    if (holder === undefined)
      throw new VolumeError('usage', `quotas are of ${holders.join(', ')}, or of all, not '${name}'`);
    return holder;
  });
}

async function compression(
  text: string,
  modules: readonly string[],
  warn: (line: string) => void,
): Promise<MkfsOptions['compression']> {
  if (text === none) return undefined;
  await loadConfigured(warn);
  const external = await Promise.all(modules.map(loadTransform));
  return parseChain(text, await new Registry(external).ready());
}
