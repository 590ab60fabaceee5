import { describe, expect, it } from 'vitest';
import { parseMountArguments, parseMountOptions } from '../../fs/cli/mount-options.js';

describe('the command line of mount.varve', () => {
  it('is taken as mount(8) passes it on', () => {
    const line = ['image', 'dir', '-sn', '-o', 'rw,noatime,nosuid,defaults,_netdev,x-systemd.automount,nofail'];
    const { image, target, choices, foreground } = parseMountArguments(line);
    expect([image, target, foreground]).toEqual(['image', 'dir', false]);
    expect(choices.readOnly).toBe(false);
    expect(choices.accessTimes).toBe('noatime');
    expect([...choices.general]).toEqual(['noatime', 'nosuid']);
  });

  it('takes -f for the foreground, unless mount(8) passes its own on', () => {
    for (const flag of ['-f', '-fv', '--foreground']) {
      const { foreground, fake } = parseMountArguments([flag, 'image', 'dir']);
      expect([flag, foreground, fake]).toEqual([flag, true, false]);
    }
    const { foreground, fake } = parseMountArguments(['image', 'dir', '-fn'], true);
    expect([foreground, fake]).toEqual([false, true]);
  });

  it('lets later options win', () => {
    const choices = parseMountOptions(['ro', 'nosuid', 'noatime', 'suid', 'atime', 'rw']);
    expect([choices.readOnly, choices.general.size, choices.accessTimes]).toEqual([false, 0, 'relatime']);
  });

  it('reads values', () => {
    const choices = parseMountOptions(['commit=30', 'cache=256M', 'logfile=/tmp/log', 'store=delayed', 'delay=2']);
    expect(choices).toMatchObject({
      commitSeconds: 30,
      cacheBytes: 256 * 2 ** 20,
      logFile: '/tmp/log',
      store: 'delayed',
      delayMs: 2,
    });
  });

  it.each([
    [['image'], /an image and a directory/],
    [['image', 'dir', 'more'], /3 arguments/],
    [['image', 'dir', '-o'], /-o needs a value/],
    [['image', 'dir', '-x'], /unknown option -x/],
    [['image', 'dir', '-o', 'compression'], /unknown mount option 'compression'/],
    [['image', 'dir', '-o', 'toString'], /unknown mount option 'toString'/],
    [['image', 'dir', '-o', 'strictatime'], /unknown mount option 'strictatime'/],
    [['image', 'dir', '-o', 'commit=often'], /commit=often is no whole number from 1 to 300/],
    [['image', 'dir', '-o', 'commit=0'], /commit=0/],
    [['image', 'dir', '-o', 'cache=1M'], /too small/],
    [['image', 'dir', '-o', 'store=none'], /store=none/],
  ])('refuses %j', (line, problem) => {
    expect(() => parseMountArguments(line)).toThrow(problem);
  });

  it('with -s ignores options that it does not know', () => {
    expect(() => parseMountArguments(['image', 'dir', '-s', '-o', 'compression'])).not.toThrow();
  });
});
