/** What a scrub tells: how far it is, and what it has found. */
import type { Address, ImageOffset, InodeNumber, PageNumber } from '../units.js';

/** What a bad page belongs to. */
export type ScrubbedKind = 'superblock' | 'checkpoint' | 'segment-table' | 'summary' | 'node' | 'data';

export interface ScrubFinding {
  readonly what: ScrubbedKind;
  /** What is wrong, in words that follow the name of the page. */
  readonly problem: string;
  /** Bytes from the start of the image to the bad page, where that is known. */
  readonly offset?: ImageOffset;
  readonly address?: Address;
  /** Data: whose it is, and which page of the file. */
  readonly inode?: InodeNumber;
  readonly page?: PageNumber;
  /** The name of the file, or one of its names; absent while that is not looked up, and of a file without names. */
  path?: string;
  /** What has it, if the live tree has not: `snapshot NAME`. */
  readonly holder?: string;
}

/** `stopped`: cancelled, or the volume was closed. `failed`: it could not go on. */
export type ScrubState = 'running' | 'finished' | 'stopped' | 'failed';

export interface ScrubStatus {
  readonly state: ScrubState;
  /** What is being verified. */
  readonly stage: string;
  readonly pagesChecked: {
    readonly fixed: number;
    readonly summaries: number;
    readonly nodes: number;
    readonly data: number;
  };
  /** Nodes and data pages verified, and how many were live when it began. */
  readonly done: number;
  readonly all: number;
  readonly bytesRead: number;
  readonly seconds: number;
  /** The first of them, at most `mostFindings`. */
  readonly findings: readonly ScrubFinding[];
  /** All of them. */
  readonly errors: number;
  /** Why it failed. */
  readonly failure?: string;
}

/** Findings that are kept; beyond that they are only counted. */
export const mostFindings = 1000;

/** `page 3 of /a/b (inode 7) in snapshot x, address 123, byte 4096 of the image: CRC32C ...`. */
export function findingText(found: ScrubFinding): string {
  const { what, inode, page, path, holder, address, offset, problem } = found;
  const name =
    what === 'data' && inode !== undefined
      ? `page ${page} of ${path === undefined ? `inode ${inode}` : `${path} (inode ${inode})`}`
      : names[what];
  const where = [
    ...(address === undefined ? [] : [`address ${address}`]),
    ...(offset === undefined ? [] : [`byte ${offset} of the image`]),
  ];
  const held = holder === undefined ? name : `${name} in ${holder}`;
  return `${[held, ...where].join(', ')}: ${problem}`;
}

const names: Readonly<Record<ScrubbedKind, string>> = {
  superblock: 'superblock',
  checkpoint: 'checkpoint',
  'segment-table': 'segment table',
  summary: 'segment summary',
  node: 'tree node',
  data: 'data',
};
