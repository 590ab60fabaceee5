/**
 * The command line of mount.varve: as a person types it, and as mount(8) and fstab pass it on (mount(8), "External
 * helpers"). Options that mount(8) or systemd act on themselves are accepted and mean nothing here.
 */
import { resolve } from 'node:path';
import { VolumeError } from '../errors.js';
import { type StoreKind, storeKinds } from '../store/open.js';
import { type JournalMode, journalModes } from '../volume/journal-mode.js';
import { type Holder, holders } from '../volume/usage.js';
import type { SecretOptions } from './secret.js';
import { parseSize } from './size.js';
import { parseDuration, parseMoment } from './time.js';

export const driverNames = ['kernel', 'native'] as const;
export type DriverName = (typeof driverNames)[number];

export interface MountArguments {
  readonly image: string;
  readonly target: string;
  readonly foreground: boolean;
  /** Only look whether it could be mounted. */
  readonly fake: boolean;
  readonly verbose: boolean;
  /** What `-o` and its like said, and what came of it. */
  readonly options: readonly string[];
  readonly choices: MountChoices;
}

/** What `-o` says. */
export interface MountChoices {
  readOnly: boolean;
  remount: boolean;
  /** Whether write(2) returns only when the server has the bytes; undefined: as the other options make sensible. */
  writeThrough?: boolean;
  /** What a crash leaves; undefined: `ordered`, or as it is mounted. */
  journal?: JournalMode;
  /** Most seconds between a change and its commit. */
  commitSeconds?: number;
  /** Memory for pages and tree nodes, in bytes. */
  cacheBytes?: number;
  /** Chain for new data, such as `lz4`; undefined: as the volume was made. */
  compression?: string;
  /** Whether freed places are given back to the host at once. */
  discard: boolean;
  /** What reads find scattered is laid anew, at most so many bytes a second. */
  autodefrag?: number;
  /** Whose quotas are enforced; undefined: as the volume was made. */
  quotas?: readonly Holder[];
  /** Modules with transforms that are not built in. */
  transforms: string[];
  /** Read-only, with EIO for files that need a transform which is missing. */
  degraded: boolean;
  /** Practise while the mount is idle, so that its first requests are served at full speed. */
  rehearsal: boolean;
  /** The snapshot to be shown, read-only. */
  snapshot?: string;
  /** The moment to be shown, read-only: seconds since 1970. */
  at?: number;
  /** Seconds for which the root of each commit is kept; 0: it is not. */
  historySeconds: number;
  /** The line to be shown; the first one unless told. */
  branch?: string;
  /** Whether a listing of the root directory has `.snapshots`. */
  snapshotsVisible: boolean;
  logFile?: string;
  /** The store under the volume, for trials: what of it fails or comes late. */
  store?: StoreKind;
  delayMs?: number;
  /** What carries the kernel's requests: its own protocol, or libfuse 2. */
  driver: DriverName;
  accessTimes: 'relatime' | 'noatime';
  /** What opens an encrypted volume. */
  secret: SecretOptions;
  /** Mounted by an ordinary user: others may use it. */
  allowOther: boolean;
  /** Whether ACLs are obeyed. */
  acl: boolean;
  /** Where an image is looked for that is named by its label or UUID. */
  search: string[];
  /** Options that the kernel acts on: nosuid, nodev, noexec, ... */
  general: Set<string>;
}

/** Flags of mount(2), and what takes each of them back. */
const general: Readonly<Record<string, string>> = {
  nosuid: 'suid',
  nodev: 'dev',
  noexec: 'exec',
  sync: 'async',
  dirsync: '',
  noatime: 'atime',
  nodiratime: 'diratime',
  relatime: 'norelatime',
  lazytime: 'nolazytime',
  nosymfollow: 'symfollow',
};
const opposites = new Map(Object.entries(general).map(([option, opposite]) => [opposite, option]));

/** Bytes a second that `autodefrag` lays anew unless told. */
const defaultGatherBytes = 32 * 2 ** 20;

/** The business of mount(8), systemd and fstab; or what this driver does anyway. */
const meaningless = new Set(
  'defaults auto noauto user nouser users owner group nofail _netdev silent loud mand nomand iversion noiversion'
    .concat(' default_permissions')
    .split(' '),
);

export const usage = `Usage: mount.varve IMAGE DIRECTORY [-o OPTION,...] [-frsvw]

Mounts a Varve volume; returns when it can be used. A process in the background serves it until it is unmounted.

  -o OPTION,...     options, see below
  -f, --foreground  do not go into the background, and log to standard error (mount(8) -f, which passes it on, only
                    looks whether it could be mounted)
  -r, -w            as -o ro and -o rw
  -s                ignore options that are not known
  -v                say what is done
  -n, -t TYPE, -N NAMESPACE
                    accepted, as mount(8) passes them on

  ro, rw            only read; read and write
  journal=MODE      what a crash leaves: none, writeback, ordered (unless told) or data; see README.md
  commit=SECONDS    most time between a change and its commit: 1 to 300, 5 unless told
  cache=SIZE        memory for pages and metadata: 16M and more, 128M unless told
  compress=HOW      compress new data: lz4, deflate, zstd or none, with a level as in deflate:9; as mkfs said unless told
  transform=PATH    a module (ES) with another way to compress, by its path from the root; also --transform MODULE
  keyfile=PATH      what opens an encrypted volume, by its path from the root; also --key-file FILE. Otherwise the
                    credential varve.passphrase of systemd, or a passphrase that is asked for
  passphrase_fd=N   the passphrase is read from that file descriptor; also --passphrase-fd N
  degraded          with ro: mount a volume although a module is missing (files that need it get EIO) or its
                    journal is damaged (what was done after that is not there)
  writethrough      hand writes to the server before write(2) returns, instead of caching them in the kernel; so it is
                    with journal=data and sync unless told
  writeback_cache   cache them in the kernel
  driver=NAME       kernel (unless told), or native: libfuse 2 through the package fuse-native; docs/DRIVERS.md says what
                    that can't do
  nodiscard         leave freed places allocated on the host; they are given back at once otherwise. See varve trim
  autodefrag[=SIZE] what reads find scattered is laid in one piece when they pause, at most so much a second (32M);
                    not with journal=data
  quota             enforce the limits of users, groups and projects (varve quota); also one by one: usrquota, grpquota,
                    prjquota. What they use is counted in any case; noquota enforces nothing though mkfs said so
  noatime           leave access times alone (relatime unless told)
  snapshot=NAME     mount that snapshot, read-only; also while the volume is mounted elsewhere
  branch=NAME       mount the branch that varve snapshot clone began; with ro also while another is mounted elsewhere
  history=TIME      keep what each commit leaves for that long, such as 1h or 2d: varve snapshot create --at, -o at=
  at=TIME           mount, read-only, what the volume was then: '10 minutes ago', 2026-01-31T10:00; needs a history
  snapdir=visible   list .snapshots in the root directory (hidden unless told; it can be entered all the same)
  norehearsal       do not practise on a volume in memory for the first second; see docs/DESIGN.md
  logfile=PATH      where the server logs; /run/varve/DEVICE.log unless told; beyond 4 MiB it becomes PATH.old
  noacl             POSIX ACLs are kept and not obeyed, and can be neither read nor set
  search=DIRECTORY[:DIRECTORY...]
                    where to look for the image or device, if it is named as LABEL=NAME or UUID=UUID
  allow_other       mounted by an ordinary user: let others in as well, if /etc/fuse.conf has user_allow_other
  nosuid, nodev, noexec, sync, dirsync, nodiratime, lazytime, nosymfollow: as for any filesystem
  remount           change ro, rw and the line above of what is mounted; journal stays as it is

Exit codes are those of mount(8): 0, 1 (usage or permission), 2, 4 and 32 (the mount failed).`;

const accessFlags: Readonly<Record<string, string>> = { r: 'ro', w: 'rw' };

const wrong = (problem: string): VolumeError => new VolumeError('usage', `${problem}; see mount.varve --help`);

/**
 * `byMount`: mount(8) has called, as its helper for this type of filesystem. What `-f` means depends on it. Throws
 * VolumeError 'usage'.
 */
export function parseMountArguments(args: readonly string[], byMount = false): MountArguments {
  const paths: string[] = [];
  const options: string[] = [];
  let [foreground, fake, verbose, sloppy] = [false, false, false, false];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const value = (): string => {
      if (++i >= args.length) throw wrong(`${arg} needs a value`);
      return args[i];
    };
    if (arg === '-o' || arg === '--options') options.push(...value().split(','));
    else if (arg.startsWith('-o')) options.push(...arg.slice(2).split(','));
    else if (arg === '-t' || arg === '-N') value();
    else if (arg === '--key-file') options.push(`keyfile=${resolve(value())}`);
    else if (arg === '--passphrase-fd') options.push(`passphrase_fd=${value()}`);
    else if (arg === '--transform') options.push(`transform=${resolve(value())}`);
    else if (arg === '--foreground') foreground = true;
    else if (arg === '--verbose') verbose = true;
    else if (/^-[frsvnw]+$/.test(arg)) {
      foreground ||= arg.includes('f') && !byMount;
      fake ||= arg.includes('f') && byMount;
      options.push(...[...arg].map((letter) => accessFlags[letter] ?? ''));
      verbose ||= arg.includes('v');
      sloppy ||= arg.includes('s');
    } else if (arg.startsWith('-') && arg !== '-') throw wrong(`unknown option ${arg}`);
    else paths.push(arg);
  }
  if (paths.length !== 2) throw wrong(`an image and a directory are needed, not ${paths.length} arguments`);
  const [image, target] = paths;
  return { image, target, foreground, fake, verbose, options, choices: parseMountOptions(options, sloppy) };
}

/** Later options win over earlier ones. Throws VolumeError 'usage', for unknown ones unless `sloppy`. */
export function parseMountOptions(options: readonly string[], sloppy = false): MountChoices {
  const choices: MountChoices = {
    readOnly: false,
    remount: false,
    rehearsal: true,
    discard: true,
    driver: 'kernel',
    snapshotsVisible: false,
    historySeconds: 0,
    allowOther: false,
    acl: true,
    search: [],
    transforms: [],
    degraded: false,
    secret: {},
    accessTimes: 'relatime',
    general: new Set(),
  };
  for (const option of options) {
    if (!takeFlag(choices, option) && !takeValue(choices, option) && !sloppy) {
      throw wrong(`unknown mount option '${option}'`);
    }
  }
  const { snapshot, branch, at } = choices;
  if ([snapshot, branch, at].filter((one) => one !== undefined).length > 1)
    throw wrong('snapshot=, branch= and at= exclude each other');
  if (snapshot !== undefined || at !== undefined) choices.readOnly = true;
  choices.accessTimes = choices.general.has('noatime') ? 'noatime' : 'relatime';
  return choices;
}

const quotaOptions = new Map<string, readonly Holder[]>([
  ['noquota', []],
  ['quota', holders],
  ['usrquota', ['user']],
  ['grpquota', ['group']],
  ['prjquota', ['project']],
]);

const quotasOf = (before: readonly Holder[], option: string): readonly Holder[] =>
  option === 'noquota' ? [] : [...new Set([...before, ...(quotaOptions.get(option) ?? [])])];

function takeFlag(choices: MountChoices, option: string): boolean {
  if (option === '' || option.startsWith('x-') || option.startsWith('X-') || meaningless.has(option)) return true;
  if (option === 'ro' || option === 'rw') choices.readOnly = option === 'ro';
  else if (option === 'writethrough' || option === 'writeback_cache') choices.writeThrough = option === 'writethrough';
  else if (option === 'allow_other') choices.allowOther = true;
  else if (option === 'acl' || option === 'noacl') choices.acl = option === 'acl';
  else if (option === 'remount') choices.remount = true;
  else if (option === 'discard' || option === 'nodiscard') choices.discard = option === 'discard';
  else if (option === 'autodefrag') choices.autodefrag = defaultGatherBytes;
  else if (option === 'noautodefrag') delete choices.autodefrag;
  else if (quotaOptions.has(option)) choices.quotas = quotasOf(choices.quotas ?? [], option);
  else if (option === 'degraded') choices.degraded = true;
  else if (option === 'rehearsal' || option === 'norehearsal') choices.rehearsal = option === 'rehearsal';
  else if (Object.hasOwn(general, option)) choices.general.add(option);
  else if (opposites.has(option)) choices.general.delete(opposites.get(option) as string);
  else return false;
  return true;
}

function takeValue(choices: MountChoices, option: string): boolean {
  const at = option.indexOf('=');
  const [name, value] = at < 0 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
  switch (name) {
    case 'journal':
      choices.journal = oneOf(name, value, journalModes);
      return true;
    case 'driver':
      choices.driver = oneOf(name, value, driverNames);
      return true;
    case 'commit':
      choices.commitSeconds = wholeNumber(name, value, 1, 300);
      return true;
    case 'cache':
      choices.cacheBytes = parseSize(value);
      if (choices.cacheBytes < 16 * 2 ** 20) throw wrong(`cache=${value} is too small: 16M is the least`);
      return true;
    case 'compress':
      if (value === '') throw wrong('compress needs a value, such as lz4');
      choices.compression = value;
      return true;
    case 'autodefrag':
      choices.autodefrag = parseSize(value);
      if (choices.autodefrag < 2 ** 20) throw wrong(`autodefrag=${value} is too little: 1M a second is the least`);
      return true;
    case 'transform':
      if (!value.startsWith('/')) throw wrong('transform needs a path from the root');
      choices.transforms.push(value);
      return true;
    case 'keyfile':
      if (!value.startsWith('/')) throw wrong('keyfile needs a path from the root');
      choices.secret = { keyFile: value };
      return true;
    case 'passphrase_fd':
      choices.secret = { passphraseFd: String(wholeNumber(name, value, 0, 1 << 20)) };
      return true;
    case 'logfile':
      if (!value.startsWith('/')) throw wrong('logfile needs a path from the root');
      choices.logFile = value;
      return true;
    case 'store':
      choices.store = oneOf(name, value, storeKinds);
      return true;
    case 'delay':
      choices.delayMs = wholeNumber(name, value, 0, 10_000);
      return true;
    case 'search':
      choices.search = value.split(':');
      if (!choices.search.every((path) => path.startsWith('/'))) throw wrong('search needs paths from the root');
      return true;
    case 'history':
      choices.historySeconds = value === '0' ? 0 : parseDuration(value);
      return true;
    case 'at':
      choices.at = parseMoment(value, Date.now());
      return true;
    case 'snapshot':
      if (value === '') throw wrong('snapshot needs a name');
      choices.snapshot = value;
      return true;
    case 'branch':
      choices.branch = value;
      return true;
    case 'snapdir':
      choices.snapshotsVisible = oneOf(name, value, ['hidden', 'visible'] as const) === 'visible';
      return true;
    case 'comment':
    case 'user':
    // The kernel's, as mount(8) finds them in its table for a remount.
    case 'user_id':
    case 'group_id':
    case 'max_read':
      return true;
    default:
      return false;
  }
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw wrong(`${name}=${value}: there are ${choices.join(', ')}`);
  return choice;
}

function wholeNumber(name: string, value: string, from: number, to: number): number {
  const number = Number(value);
  if (value === '' || !Number.isInteger(number) || number < from || number > to) {
    throw wrong(`${name}=${value} is no whole number from ${from} to ${to}`);
  }
  return number;
}
