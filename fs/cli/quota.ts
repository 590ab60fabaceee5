/**
 * `varve quota`: what users, groups and projects use and may use; of a mounted volume through its server, where limits are
 * in force at once, and of an image that nobody serves. Enforcement is a matter of the mount (`-o quota`).
 */

import type { Command } from 'commander';
import { VolumeError } from '../errors.js';
import type { Limits } from '../format/item.js';
import { everyone, noLimit } from '../posix/quota/quota-table.js';
import { pageSize } from '../units.js';
import { type Holder, holders } from '../volume/usage.js';
import { type AddCommand, type CommandContext, withExamples } from './command.js';
import { HolderNames } from './holder-names.js';
import { jsonOption } from './json-schema.js';
import { json } from './output.js';
import { addProject } from './quota-project.js';
import { type QuotaList, quotaCommands } from './quota-service.js';
import { entryFacts, entryText, listFacts, reportText } from './quota-text.js';
import { quotaGetSchema, quotaReportSchema } from './schemas/quota.js';
import { parseSize } from './size.js';
import { type Where, withVolume } from './snapshot-target.js';
import { parseDuration } from './time.js';

export const addQuota: AddCommand = (program, context) => {
  const quota = program.command('quota').description('show and set what users, groups and projects may use');
  const where = ['<image-or-directory>', 'an image that is not mounted, or the directory where one is'] as const;
  addReport(quota, where, context);
  addGet(quota, where, context);
  addSet(quota, where);
  addProject(quota);
};

interface Whose {
  readonly user?: string | true;
  readonly group?: string | true;
  readonly project?: string | true;
  readonly json?: boolean;
}

function addReport(quota: Command, where: Where, { output }: CommandContext): void {
  withExamples(quota.command('report'), [
    ['varve quota report /mnt/v', 'users and groups and projects'],
    ['varve quota report -u --json disk.img', 'users, for a program, of an image that is not mounted'],
  ])
    .description('list all who use something or have limits, as repquota(8) does: ++ beyond a soft limit')
    .argument(...where)
    .option('-u, --user', 'users')
    .option('-g, --group', 'groups')
    .option('-p, --project', 'projects')
    .addOption(jsonOption(quotaReportSchema))
    .action(async (path: string, options: Whose) => {
      const some = holders.filter((holder) => options[holder]);
      const asked = some.length === 0 ? holders : some;
      await withVolume(path, { readOnly: true, sync: 'tried' }, quotaCommands, async (ask) => {
        const lists: (readonly [Holder, QuotaList])[] = [];
        for (const holder of asked) lists.push([holder, (await ask('quota-list', { holder })) as QuotaList]);
        const named = lists.map(([holder, list]) => [holder, list, new HolderNames(holder)] as const);
        if (options.json) output.line(json(named.map((one) => listFacts(...one))));
        else output.line(named.map((one) => reportText(output, ...one, now())).join('\n\n'));
      });
    });
}

const now = (): number => Math.floor(Date.now() / 1000);

/** The one whom the options name, and that one's id. Throws VolumeError unless it is just one. */
function theOne(options: Whose): readonly [Holder, number, HolderNames] {
  const named = holders.filter((holder) => typeof options[holder] === 'string');
  if (named.length !== 1) throw new VolumeError('usage', 'say whose: one of -u USER, -g GROUP, -p PROJECT');
  const names = new HolderNames(named[0]);
  return [named[0], names.idOf(options[named[0]] as string), names];
}

function addGet(quota: Command, where: Where, { output }: CommandContext): void {
  withExamples(quota.command('get'), [['varve quota get -u alice /mnt/v', 'what alice uses and may use']])
    .description('show what one user, group or project uses and may use')
    .argument(...where)
    .option('-u, --user <user>', 'name or number')
    .option('-g, --group <group>', 'name or number')
    .option('-p, --project <project>', 'name as in /etc/projid, or number')
    .addOption(jsonOption(quotaGetSchema))
    .action(async (path: string, options: Whose) => {
      const [holder, id, names] = theOne(options);
      await withVolume(path, { readOnly: true, sync: 'tried' }, quotaCommands, async (ask) => {
        const entry = (await ask('quota-get', { holder, id })) as Parameters<typeof entryFacts>[1];
        if (options.json) output.line(json(entryFacts(holder, entry, names)));
        else output.line(entryText(output, holder, entry, names, now()));
      });
    });
}

interface SetOptions extends Omit<Whose, 'json'> {
  readonly default?: string;
  readonly soft?: string;
  readonly hard?: string;
  readonly softInodes?: string;
  readonly hardInodes?: string;
  readonly grace?: string;
  readonly inodeGrace?: string;
  readonly graceLeft?: string;
}

function addSet(quota: Command, where: Where): void {
  withExamples(quota.command('set'), [
    ['varve quota set -u alice --soft 9G --hard 10G /mnt/v', 'limits of one user'],
    ['varve quota set --default user --hard 1G --grace 3days /mnt/v', 'for all who have no limits of their own'],
    ['varve quota set -p 42 --hard none /mnt/v', 'no limit, whatever the default says'],
  ])
    .description('set limits; those that are not named stay. A limit is a size or a number, none, or default')
    .argument(...where)
    .option('-u, --user <user>', 'name or number')
    .option('-g, --group <group>', 'name or number')
    .option('-p, --project <project>', 'name as in /etc/projid, or number')
    .option('--default <kind>', 'user, group or project: for all who have none, but not for id 0')
    .option('--soft <size>', 'space that may be exceeded for the grace time, in whole pages of 4 KiB')
    .option('--hard <size>', 'space that may not be exceeded')
    .option('--soft-inodes <number>', 'the same for files, directories and all else')
    .option('--hard-inodes <number>', 'the same for files, directories and all else')
    .option('--grace <time>', 'how long the soft limit of space may be exceeded, such as 7days')
    .option('--inode-grace <time>', 'the same for inodes')
    .option('--grace-left <time>', 'let the grace times that run end that long from now (setquota -T)')
    .action(async (path: string, options: SetOptions) => {
      const [holder, id] = target(options);
      const limits = limitsOf(options, id === everyone);
      await withVolume(path, {}, quotaCommands, (ask) => ask('quota-set', { holder, id, limits }));
    });
}

function target(options: SetOptions): readonly [Holder, number] {
  if (options.default === undefined) {
    const [holder, id] = theOne(options);
    return [holder, id];
  }
  const holder = holders.find((known) => known === options.default);
  if (holder === undefined) throw new VolumeError('usage', `--default is ${holders.join(', ')}`);
  return [holder, everyone];
}

function limitsOf(options: SetOptions, forAll: boolean): Partial<Limits> {
  const limits: { -readonly [K in keyof Limits]?: number } = {};
  const set = (name: keyof Limits, text: string | undefined, parse: (text: string) => number): void => {
    if (text !== undefined) limits[name] = parse(text);
  };
  const limit =
    (parse: (text: string) => number) =>
    (text: string): number =>
      text === 'default' || (text === 'none' && forAll) ? 0 : text === 'none' ? noLimit : parse(text);
  const pages = limit((text) => Math.floor(parseSize(text) / pageSize));
  set('softPages', options.soft, pages);
  set('hardPages', options.hard, pages);
  set('softInodes', options.softInodes, limit(wholeNumber));
  set('hardInodes', options.hardInodes, limit(wholeNumber));
  set('pageGrace', options.grace, secondsOf);
  set('inodeGrace', options.inodeGrace, secondsOf);
  const end = (text: string): number => now() + secondsOf(text);
  set('pagesUntil', options.graceLeft, end);
  set('inodesUntil', options.graceLeft, end);
  if (Object.keys(limits).length === 0) throw new VolumeError('usage', 'say what to set: --soft, --hard, ...');
  return limits;
}

/** A bare number is of seconds, as for setquota(8); 0 is the usual time, or what is left of one that ends now. */
const secondsOf = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : parseDuration(text));

function wholeNumber(text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new VolumeError('usage', `'${text}' is no number of inodes`);
}
