/** Reports of quotas, as repquota(8) prints them, and for programs. */
import type { Limits } from '../format/item.js';
import { noLimit, type QuotaEntry, usualGrace } from '../posix/quota/quota-table.js';
import { pageSize } from '../units.js';
import type { Holder } from '../volume/usage.js';
import type { HolderNames } from './holder-names.js';
import { type Output, table } from './output.js';
import type { QuotaList } from './quota-service.js';
import { formatSize } from './size.js';

const titles: Readonly<Record<Holder, string>> = { user: 'User', group: 'Group', project: 'Project' };

export function reportText(output: Output, holder: Holder, list: QuotaList, names: HolderNames, now: number): string {
  const right = ['used', 'soft', 'hard', 'inodes', 'isoft', 'ihard'];
  const head = [titles[holder], '', 'used', 'soft', 'hard', 'grace', 'inodes', 'isoft', 'ihard', 'igrace'];
  const rows = list.entries.map((entry) => row(names.nameOf(entry.id), entry, now));
  const lines = [
    `*** Report for ${holder} quotas`,
    `Grace time: space ${graceOf(list.everyone.pageGrace)}; inodes ${graceOf(list.everyone.inodeGrace)}`,
  ];
  const { softPages, hardPages, softInodes, hardInodes } = list.everyone;
  if (softPages + hardPages + softInodes + hardInodes > 0) {
    const inodes = `inodes ${count(softInodes)}, ${count(hardInodes)}`;
    lines.push(`Limits of those who have none (soft, hard): space ${size(softPages)}, ${size(hardPages)}; ${inodes}`);
  }
  return [...lines, '', rows.length === 0 ? 'Nobody uses anything.' : table(output, head, rows, right)].join('\n');
}

export function entryText(output: Output, holder: Holder, entry: QuotaEntry, names: HolderNames, now: number): string {
  const list = { entries: [entry], everyone: entry.own };
  return reportText(output, holder, list, names, now).split('\n').slice(-2).join('\n');
}

const graceOf = (seconds: number): string => formatDuration(seconds || usualGrace);
const size = (pages: number): string => (isNone(pages) ? '-' : formatSize(pages * pageSize));
const count = (inodes: number): string => (isNone(inodes) ? '-' : String(inodes));

/** Seconds of a unit. */
const units = [
  [604_800, 'week'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
] as const;

/** In the largest unit of which it has two or more: `7 days`, `36 hours`. */
function formatDuration(seconds: number): string {
  const [size, name] = units.find(([one]) => seconds >= 2 * one) ?? [1, 'second'];
  const count = Math.floor(seconds / size);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

const isNone = (limit: number): boolean => limit === 0 || limit === noLimit;

function row(name: string, { usage, limits }: QuotaEntry, now: number): string[] {
  const { softPages, hardPages, softInodes, hardInodes, pagesUntil, inodesUntil } = limits;
  const space = isOver(usage.pages, softPages, hardPages);
  const inodes = isOver(usage.inodes, softInodes, hardInodes);
  return [
    name,
    `${space ? '+' : '-'}${inodes ? '+' : '-'}`,
    formatSize(usage.pages * pageSize),
    size(softPages),
    size(hardPages),
    space ? left(pagesUntil, now) : '',
    String(usage.inodes),
    count(softInodes),
    count(hardInodes),
    inodes ? left(inodesUntil, now) : '',
  ];
}

/** As repquota(8) marks it. */
const isOver = (used: number, soft: number, hard: number): boolean =>
  (!isNone(soft) && used > soft) || (!isNone(hard) && used > hard);

/** What of a grace time is left. It begins with the next write where it has not. */
const left = (until: number, now: number): string =>
  until === 0 ? '' : until <= now ? 'none' : formatDuration(until - now);

/** As --json prints it: bytes, null for no limit, times in ISO 8601. */
export function entryFacts(holder: Holder, { id, usage, limits }: QuotaEntry, names: HolderNames) {
  const { softPages, hardPages, softInodes, hardInodes, pagesUntil, inodesUntil } = limits;
  const space = isOver(usage.pages, softPages, 0);
  const inodes = isOver(usage.inodes, softInodes, 0);
  return {
    [holder]: id,
    name: names.nameOf(id),
    bytes: usage.pages * pageSize,
    softBytes: bytesOf(softPages),
    hardBytes: bytesOf(hardPages),
    bytesGraceEnds: space ? moment(pagesUntil) : null,
    inodes: usage.inodes,
    softInodes: countOf(softInodes),
    hardInodes: countOf(hardInodes),
    inodesGraceEnds: inodes ? moment(inodesUntil) : null,
  };
}

export function listFacts(holder: Holder, list: QuotaList, names: HolderNames) {
  return { holder, default: limitFacts(list.everyone), entries: list.entries.map((e) => entryFacts(holder, e, names)) };
}

const limitFacts = (limits: Limits) => ({
  softBytes: bytesOf(limits.softPages),
  hardBytes: bytesOf(limits.hardPages),
  softInodes: countOf(limits.softInodes),
  hardInodes: countOf(limits.hardInodes),
  graceSeconds: limits.pageGrace || usualGrace,
  inodeGraceSeconds: limits.inodeGrace || usualGrace,
});

const bytesOf = (pages: number): number | null => (isNone(pages) ? null : pages * pageSize);
const countOf = (inodes: number): number | null => (isNone(inodes) ? null : inodes);
const moment = (seconds: number): string | null => (seconds === 0 ? null : new Date(seconds * 1000).toISOString());
