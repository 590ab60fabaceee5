/**
 * The server of a mount, started by bin/mount.varve: opens the volume, mounts it, serves it until the kernel has
 * let go of it, and closes the volume so that the image is clean.
 *
 * Stopping: by umount(8) of anybody, by SIGTERM, SIGINT or SIGHUP (which unmount it; a mount in use leaves the tree at
 * once and ends with its last user, or after a grace, or with the second signal), never with data left behind.
 * What goes wrong in the background stops all writing, as a crash would, and the mount goes on reading.
 */
import { readFileSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import type { Driver } from '../fuse/driver.js';
import { kernelDriver } from '../fuse/kernel/driver.js';
import { remountKernel } from '../fuse/kernel/mount.js';
import { nativeDriver } from '../fuse/native/driver.js';
import { FileSystem } from '../posix/filesystem.js';
import { Roots } from '../posix/snapshots/roots.js';
import { loadConfigured } from '../transform/configured.js';
import { loadTransform } from '../transform/external.js';
import { Registry } from '../transform/registry.js';
import type { VolumeApi } from '../volume/api.js';
import { SnapshotView } from '../volume/snapshot-view.js';
import { Volume } from '../volume/volume.js';
import { Control } from './control.js';
import { ControlConnection } from './control-client.js';
import { ownControlPath, runtimeDirectory } from './control-path.js';
import { mountExit, mountExitOf } from './exit-codes.js';
import { sayWhenFull } from './full-advice.js';
import { placeOf } from './mount.js';
import {
  type DriverName,
  type MountArguments,
  type MountChoices,
  parseMountArguments,
  usage,
} from './mount-options.js';
import { forTerminal } from './output.js';
import { packageVersion } from './package-version.js';
import { rehearse } from './rehearse.js';
import { ScrubService } from './scrub-service.js';
import { durability, filesystemOptions, openImage, volumeOptions } from './serve-options.js';
import { ServerProcess } from './serve-process.js';
import { servedBy } from './served.js';
import { type Closing, close, deferredClose, type Opened, type Service, settle } from './service.js';
import { answerAll, answerLive } from './service-commands.js';
import { stopOnSignals, survive } from './service-signals.js';
import { ServingMark } from './serving-mark.js';
import { TransferService } from './transfer-service.js';
import { varveMountAt } from './umount.js';
import { unlockStore } from './unlock.js';
import { askForView, namedRoot, Views, waitForEnd } from './view-service.js';

/** For the code cache of this program (scripts/code-cache.ts). */
export { rehearse };

const drivers: Readonly<Record<DriverName, Driver>> = { kernel: kernelDriver, native: nativeDriver };

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
  return serveImage(args, place, server);
}

async function registryOf(modules: readonly string[], warn: (line: string) => void): Promise<Registry> {
  await loadConfigured(warn);
  return new Registry(await Promise.all(modules.map(loadTransform)));
}

async function serveImage(
  args: MountArguments,
  { image, target }: { readonly image: string; readonly target: string },
  server: ServerProcess,
): Promise<number> {
  const { choices } = args;
  process.title = `mount.varve ${target}`;
  const say = (line: string): void => void (args.verbose && server.say(line));
  const store = await openImage(image, choices);
  const mark = new ServingMark(image);
  say(`${image} is open`);
  await unlockStore(store, server.secret(choices.secret));
  server.detach();
  const volume: Volume = await Volume.open(store, {
    ...volumeOptions(choices),
    registry: await registryOf(choices.transforms, server.log),
    degraded: choices.degraded,
    onFailure: (failure) => server.log(`the volume is read-only from here on: ${String(failure)}`),
    onNoSpace: sayWhenFull(() => volume.state, server.log),
  });
  const filesystem = new FileSystem(shown(volume, choices), filesystemOptions(volume, choices, server.log));
  let mounting: Mounting;
  try {
    await filesystem.recover();
    say('the volume is open');
    mounting = await mount(args, { image, store, volume, filesystem, server }, target);
  } catch (e) {
    // It was opened and nothing more: the image is not to look like one after a crash.
    for (const part of [filesystem, volume, store]) await part.close().catch((again) => server.log(String(again)));
    throw e;
  }
  say(`mounted on ${target}`);
  return untilUnmounted(mounting, mark);
}

interface Mounting {
  readonly service: Service;
  /** Settles when the kernel has let go of the mount. */
  readonly served: Promise<void>;
  readonly closed: Closing;
  readonly released: Closing;
}

/** Mount an open volume, and answer questions about it. Nothing stays mounted if that fails. */
async function mount(args: MountArguments, opened: Opened, target: string): Promise<Mounting> {
  const { choices } = args;
  const { image, volume, filesystem, server } = opened;
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
  const released = deferredClose();
  const views: Views = new Views({
    image,
    volume,
    released: released.promise,
    log: server.log,
    answer: (control, mounted) => answerAll(service, roots, control, mounted),
  });
  const scrubs = new ScrubService(volume, () => mounted.statistics().requests ?? 0, server.log);
  const service: Service = { ...opened, mounted, control, views, scrubs, transfers: new TransferService(volume) };
  const closed = deferredClose();
  answerLive(service, args.options, closed.promise);
  answerAll(service, roots, control, mounted);
  try {
    await control.listen();
    server.ready(choices.logFile ?? `${runtimeDirectory()}/${mounted.device.replace(':', '-')}.log`);
  } catch (e) {
    // A mount of which the caller hears that it failed must not stay.
    await mounted.unmount(true);
    await served;
    throw e;
  }
  stopOnSignals(service);
  survive(service);
  if (choices.rehearsal && choices.driver === 'kernel') void rehearse(mounted, server.log);
  return { service, served, closed, released };
}

/** Serve until nobody has it mounted any more, then release the image. Resolves with the exit code. */
async function untilUnmounted({ service, served, closed, released }: Mounting, mark: ServingMark): Promise<number> {
  const { control, views } = service;
  await served;
  views.liveHasGone();
  if (views.any) {
    closed.settle(await settle(service));
    await control.end();
  }
  await views.gone();
  mark.clear();
  const problem = await close(service);
  closed.settle(problem);
  released.settle(problem);
  // Who waited for the end has been told by the next turns; then the connections end with the process.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await views.end();
  control.close();
  return problem === undefined ? mountExit.ok : mountExit.failed;
}

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
  if (args.includes('--version')) {
    process.stdout.write(`${packageVersion()}\n`);
    process.exit(mountExit.ok);
  }
  const background = args[0] === '--background';
  const server: ServerProcess = new ServerProcess(background);
  let code: number;
  try {
    code = await serve(parseMountArguments(background ? args.slice(1) : args, calledByMount()), server);
  } catch (e) {
    server.say(forTerminal(e instanceof Error ? e.message : String(e)));
    code = mountExitOf(e);
  }
  server.tell(code);
  server.exit(code);
}
