/**
 * The first process of user-mode Linux (user-mode-linux.ts): sets up what the oracle needs there, plays the cases on that
 * kernel's ext4, and turns the guest off. The root filesystem is the host's own; what is written goes to memory, but
 * for what the oracle says.
 *
 *     guest.js FOLDER-OF-MODULES FILE-FOR-OUTPUT NODE ORACLE ARGS...
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { libc } from '../../fs/host/libc.js';

// Node's own path is told: it was looked up in the host's /proc, where this process is the kernel.
const [modules, output, node, ...oracle] = process.argv.slice(2);
const wanted = ['fs/quota/quota_tree.ko', 'fs/quota/quota_v2.ko', 'drivers/block/loop.ko'];
/** Of x86-64, the only machine that user-mode Linux knows. */
const call = { reboot: 169, loadModule: 313 };
const powerOff = [0xfee1dead, 0x28121969, 0x4321fedc];

const system = libc.func('long syscall(long number, long a, str b, long c)');
const control = libc.func('long syscall(long number, long a, long b, long c)');

/** What the host's files alone can't do. */
function setUp(): void {
  for (const [type, at] of [
    ['proc', '/proc'],
    ['sysfs', '/sys'],
    ['tmpfs', '/mnt'],
  ])
    spawnSync('mount', ['-t', type, type, at], { stdio: 'inherit' });
  for (const name of wanted) {
    const fd = openSync(join(modules, name), 'r');
    if (system(call.loadModule, fd, '', 0) !== 0) process.stdout.write(`${name} can't be loaded\n`);
    closeSync(fd);
  }
}

process.env.PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const file = openSync(output, 'a');
let status: number | null = null;
try {
  setUp();
  const env = { ...process.env, HOME: '/', TMPDIR: '/mnt' };
  status = spawnSync(node, oracle, { stdio: ['ignore', file, file], env }).status;
} catch (e) {
  writeFileSync(file, `${String(e)}\n`);
}
writeFileSync(file, `exit ${status}\n`);
closeSync(file);
control(call.reboot, powerOff[0], powerOff[1], powerOff[2]);
