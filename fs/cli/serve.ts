/**
 * The server of a mount, started by bin/mount.varve: opens the volume, mounts it, serves it until the kernel has
 * let go of it, and closes the volume so that the image is clean.
 *
 * Stopping: by umount(8) of anybody, by SIGTERM, SIGINT or SIGHUP (which unmount it; a mount in use leaves the tree at
 * once and ends with its last user, or after a grace, or with the second signal), never with data left behind.
 * What goes wrong in the background stops all writing, as a crash would, and the mount goes on reading.
 */
import { readFileSync } from 'node:fs';
import { FsError, VolumeError } from '../errors.js';
import type { Driver, Mounted } from '../fuse/driver.js';
import { kernelDriver } from '../fuse/kernel/driver.js';
import { remountKernel } from '../fuse/kernel/mount.js';
import { nativeDriver } from '../fuse/native/driver.js';
import { syncKernel } from '../fuse/unmount.js';
import { groupsOfProcess } from '../host/process-groups.js';
import { FileSystem, type FileSystemOptions } from '../posix/filesystem.js';
import { Roots } from '../posix/snapshots/roots.js';
import { openStore } from '../store/open.js';
import type { Store } from '../store/store.js';
import { loadTransform } from '../transform/external.js';
import { Registry } from '../transform/registry.js';
import type { VolumeApi } from '../volume/api.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import { quotasOfFlags } from '../volume/usage.js';
import { Volume } from '../volume/volume.js';
import { answerCompression } from './compression.js';
import { Control } from './control.js';
import { ControlConnection } from './control-client.js';
import { ownControlPath, runtimeDirectory } from './control-path.js';
import { answerDefrag } from './defrag-service.js';
import { mountExit, mountExitOf } from './exit-codes.js';
import { answerFrag } from './frag-service.js';
import { adviceOf, sayWhenFull } from './full-advice.js';
import { placeOf } from './mount.js';
import {
  type DriverName,
  type MountArguments,
  type MountChoices,
  parseMountArguments,
  usage,
} from './mount-options.js';
import { quotaCommands } from './quota-service.js';
import { rehearse } from './rehearse.js';
import type { MountedHow } from './rollback.js';
import { ScrubService } from './scrub-service.js';
import { ServerProcess } from './serve-process.js';
import { servedBy } from './served.js';
import { isServed, ServingMark } from './serving-mark.js';
import { snapshotCommands } from './snapshot-service.js';
import { TransferService } from './transfer-service.js';
import { varveMountAt } from './umount.js';
import { unlockStore } from './unlock.js';
import { answerUpkeep } from './upkeep-service.js';
import { askForView, namedRoot, Views, waitForEnd } from './view-service.js';

/** For the code cache of this program (scripts/code-cache.ts). */
export { rehearse };

/** How long to wait for a server that still writes its last checkpoint. */
const lockWaitMs = 30_000;
/** How long a server may need to notice that its mount is gone. */
const noticeMs = 2000;
/** How long users of a mount have to finish after SIGTERM. */
const graceMs = 10_000;

const drivers: Readonly<Record<DriverName, Driver>> = { kernel: kernelDriver, native: nativeDriver };

/** What lives from the mount to its end. */
interface Service {
  readonly image: string;
  readonly store: Store;
  readonly volume: Volume;
  readonly filesystem: FileSystem;
  readonly mounted: Mounted;
  readonly control: Control;
  readonly server: ServerProcess;
  readonly scrubs: ScrubService;
  readonly views: Views;
  readonly transfers: TransferService;
}

async function serve(args: MountArguments, server: ServerProcess): Promise<number> {
  const { choices } = args;
  if (choices.remount) {
    const { target } = varveMountAt(args.target);
    await remountServer(target, choices);
    remountKernel(target, choices.readOnly, [...choices.general]);
    server.tell(mountExit.ok);
    return mountExit.ok;
  }
  const place = placeOf(args.image, args.target, choices.search, choices.readOnly);
  const { image, target } = place;
  if (args.fake) {
    server.tell(mountExit.ok);
    return mountExit.ok;
  }
  const view = await askForView(args, place);
  if (view !== undefined) {
    server.tell(mountExit.ok);
    if (args.foreground) await waitForEnd(view);
    return mountExit.ok;
  }
  process.title = `mount.varve ${target}`;
  const say = (line: string): void => void (args.verbose && process.stderr.write(`mount.varve: ${line}\n`));
  const store = await openImage(image, choices);
  const mark = new ServingMark(image);
  say(`${image} is open`);
  await unlockStore(store, server.secret(choices.secret));
  server.detach();
  const volume: Volume = await Volume.open(store, {
    ...volumeOptions(choices),
    registry: new Registry(await Promise.all(choices.transforms.map(loadTransform))),
    degraded: choices.degraded,
    onFailure: (failure) => server.log(`the volume is read-only from here on: ${String(failure)}`),
    onNoSpace: sayWhenFull(() => volume.state, server.log),
  });
  const filesystem = new FileSystem(shown(volume, choices), {
    accessTimes: choices.accessTimes,
    listsSnapshots: choices.snapshotsVisible,
    ...durability(choices),
    quotas: choices.quotas ?? quotasOfFlags(volume.state.superblock.flags),
    onQuota: server.log,
    groupsOf: ({ pid }) => groupsOfProcess(pid),
    onCorruption: (error) => server.log(error.message),
    ...(choices.cacheBytes === undefined ? {} : { cacheBytes: choices.cacheBytes / 2 }),
    ...(choices.autodefrag === undefined ? {} : { gatherBytes: choices.autodefrag }),
  });
  await filesystem.recover();
  say('the volume is open');
  const mounted = drivers[choices.driver].mount(target, {
    source: image,
    readOnly: volume.readOnly,
    writeThrough: choices.writeThrough ?? (choices.journal === 'data' || choices.general.has('sync')),
    general: [...choices.general],
    allowOther: choices.allowOther,
    posixAcl: choices.acl,
    log: server.log,
  });
  const roots = new Roots(volume, filesystem, {
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    onCorruption: (error) => server.log(error.message),
    pull: () => mounted.pull(),
  });
  const served = mounted.serve(servedBy(volume, roots));
  volume.gather = () => mounted.gather();
  await mounted.ready();
  const control = new Control(ownControlPath(mounted.device));
  const scrubs = new ScrubService(volume, () => mounted.statistics().requests ?? 0, server.log);
  const transfers = new TransferService(volume);
  const views: Views = new Views({
    image,
    volume,
    log: server.log,
    answer: (control, mounted) => answerAll(service, roots, control, mounted),
  });
  const services = { scrubs, transfers, views };
  const service: Service = { image, store, volume, filesystem, mounted, control, server, ...services };
  const closed = deferredClose();
  answerLive(service, args.options, closed.promise);
  answerAll(service, roots, control, mounted);
  try {
    await control.listen();
    say(`mounted on ${target}`);
    server.ready(choices.logFile ?? `${runtimeDirectory()}/${mounted.device.replace(':', '-')}.log`);
  } catch (e) {
    // A mount of which the caller hears that it failed must not stay.
    await mounted.unmount(true);
    await served;
    await close(service);
    throw e;
  }
  stopOnSignals(service);
  survive(service);
  if (choices.rehearsal && choices.driver === 'kernel') void rehearse(mounted, server.log);

  await served;
  if (views.any) {
    const problem = await settle(service);
    closed.settle(problem);
    await control.end();
    await views.gone();
  }
  mark.clear();
  const problem = await close(service);
  closed.settle(problem);
  // Who waited for the end has been told by the next turns; then the connections end with the process.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  control.close();
  return problem === undefined ? mountExit.ok : mountExit.failed;
}

/** Waits for a server that writes its last checkpoint, not for one that goes on serving. Throws VolumeError. */
async function openImage(image: string, choices: MountChoices): Promise<Store> {
  try {
    return await openStore(image, storeOptions(choices, noticeMs));
  } catch (e) {
    if (!(e instanceof VolumeError) || e.problem !== 'in-use' || isServed(image)) throw e;
    return openStore(image, storeOptions(choices, lockWaitMs));
  }
}

const storeOptions = (choices: MountChoices, waitMs: number) => ({
  readOnly: choices.readOnly,
  waitMs,
  ...(choices.store === undefined ? {} : { kind: choices.store }),
  ...(choices.delayMs === undefined ? {} : { delayMs: choices.delayMs }),
});

const durability = ({ general }: MountChoices): Pick<FileSystemOptions, 'durable'> =>
  general.has('sync') ? { durable: 'all' } : general.has('dirsync') ? { durable: 'names' } : {};

/** What of a remount the kernel does not do by itself. Throws VolumeError. */
async function remountServer(target: string, choices: MountChoices): Promise<void> {
  const mount = varveMountAt(target);
  const running = await ControlConnection.open(mount.device);
  if (running === undefined) throw new VolumeError('io', `no server answers for ${target}`);
  try {
    const { journal, readOnly } = choices;
    await running.ask('remount', { ...durability(choices), journal, readOnly });
  } finally {
    running.close();
  }
}

/** The root that is mounted: the live one, after a turn to the line that was asked for; read-only also others as they are. */
function shown(volume: Volume, choices: MountChoices): VolumeApi {
  const root = namedRoot(volume, choices);
  return root === undefined ? volume : new SnapshotView(volume, root);
}

const volumeOptions = (choices: MountChoices) => ({
  branch: choices.branch ?? '',
  readOnly: choices.readOnly,
  historySeconds: choices.historySeconds,
  discard: choices.discard,
  ...(choices.journal === undefined ? {} : { journal: choices.journal }),
  ...(choices.commitSeconds === undefined ? {} : { commitSeconds: choices.commitSeconds }),
  ...(choices.cacheBytes === undefined ? {} : { cacheBytes: choices.cacheBytes / 2 }),
  ...(choices.compression === undefined ? {} : { compression: choices.compression }),
});

/** Flush, commit, release the image. Returns what went wrong. */
const close = (service: Service): Promise<Error | undefined> => {
  const { store, volume, filesystem, scrubs, transfers } = service;
  const services = [() => scrubs.stop(), () => transfers.stop()];
  return inTurn(service, [...services, () => filesystem.close(), () => volume.close(), () => store.close()]);
};

/** The live root is unmounted, while views are served on. */
const settle = (service: Service): Promise<Error | undefined> =>
  inTurn(service, [() => service.filesystem.close(), () => service.volume.commit()]);

async function inTurn({ server }: Service, steps: readonly (() => Promise<void>)[]): Promise<Error | undefined> {
  let problem: Error | undefined;
  for (const step of steps) {
    try {
      await step();
    } catch (e) {
      problem ??= e as Error;
      server.log(`closing the volume failed: ${(e as Error).stack ?? String(e)}`);
    }
  }
  return problem;
}

interface Closing {
  /** Settles when the image is released: with an error if the last commit failed. */
  readonly promise: Promise<void>;
  settle(problem: Error | undefined): void;
}

function deferredClose(): Closing {
  let settle: (problem: Error | undefined) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (problem) => (problem === undefined ? resolve() : reject(problem));
  });
  promise.catch(() => undefined);
  return { promise, settle };
}

/** What only the mount answers that was there first. */
function answerLive(
  { control, volume, filesystem, scrubs, views }: Service,
  options: readonly string[],
  closed: Promise<void>,
): void {
  control.on('mounted-how', (): MountedHow => ({ options, views: views.list().length }));
  control.on('remount', ({ durable, journal, readOnly }) => {
    if (readOnly === false && volume.readOnly)
      throw new VolumeError('usage', 'the volume was opened read-only: unmount it, and mount it anew');
    if (journal !== undefined && journal !== volume.journal)
      throw new VolumeError('usage', `journal=${volume.journal} stays until the volume is mounted anew`);
    filesystem.durable = durable === 'all' || durable === 'names' ? durable : undefined;
  });
  control.on('umount-wait', () => closed);
  scrubs.answer(control);
  answerFrag(control, volume, filesystem);
  answerDefrag(control, filesystem);
  answerUpkeep(control, volume, () => scrubs.running);
  const quotas = quotaCommands(volume, () => filesystem.quotasChanged());
  for (const [command, handler] of Object.entries(quotas)) control.on(command, handler);
}

/** What any mount of the volume answers. */
function answerAll(service: Service, roots: Roots, control: Control, mounted: Mounted): void {
  const { image, volume, filesystem, views, transfers } = service;
  const began = Date.now();
  control.on('ping', () => ({ pid: process.pid }));
  control.on('sync', () => volume.commit());
  transfers.answer(control);
  control.on('abort', () => mounted.abort());
  control.on('info', async () => ({
    pid: process.pid,
    image,
    target: mounted.target,
    device: mounted.device,
    readOnly: volume.readOnly,
    journal: volume.journal,
    failure: volume.failure ?? null,
    seconds: Math.floor((Date.now() - began) / 1000),
    memoryBytes: process.memoryUsage.rss(),
    volume: { ...volume.statistics(), ...volume.counters },
    autodefrag: filesystem.gathered ?? null,
    advice: (await adviceOf(volume.state)) ?? null,
    driver: mounted.statistics(),
  }));
  answerCompression(control, volume);
  views.answer(control);
  for (const [command, handler] of Object.entries(snapshotCommands(volume, roots))) control.on(command, handler);
}

function stopOnSignals({ mounted, server, views }: Service): void {
  let signals = 0;
  const stop = async (one: Mounted): Promise<void> => {
    if (signals > 1) return one.abort();
    try {
      await one.unmount(false);
    } catch (e) {
      if (!(e instanceof FsError) || e.code !== 'EBUSY') throw e;
      server.log(`${one.target} is in use: it ends with its last user, at the latest in ${graceMs / 1000} s`);
      await syncKernel(one.target);
      await one.unmount(true);
      setTimeout(() => one.abort(), graceMs).unref();
    }
  };
  const stopAll = (): void => {
    signals++;
    for (const one of [mounted, ...views.list()])
      stop(one).catch((e: unknown) => {
        server.log(`unmounting ${one.target} failed, its users get errors: ${String(e)}`);
        one.abort();
      });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stopAll);
}

/** A fault outside of any request: nothing may be written on the strength of what is in memory now. */
function survive({ volume, server }: Service): void {
  const fault = (e: unknown): void => {
    server.log(
      `unexpected, nothing is written from here on: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`,
    );
    volume.abandon().catch((again: unknown) => server.log(String(again)));
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
}

/** Whether mount(8) has started this program: it passes its own `-f` on, which means something else. */
function calledByMount(): boolean {
  try {
    return readFileSync(`/proc/${process.ppid}/comm`, 'utf8') === 'mount\n';
  } catch {
    return false;
  }
}

/** Run the program: it ends the process. */
export async function main(args: readonly string[]): Promise<never> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    process.exit(mountExit.ok);
  }
  const background = args[0] === '--background';
  const server = new ServerProcess(background);
  let code: number;
  try {
    code = await serve(parseMountArguments(background ? args.slice(1) : args, calledByMount()), server);
  } catch (e) {
    process.stderr.write(`mount.varve: ${e instanceof Error ? e.message : String(e)}\n`);
    code = mountExitOf(e);
  }
  server.tell(code);
  process.exit(code);
}
