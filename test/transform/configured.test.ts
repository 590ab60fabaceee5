import { chmodSync, copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfigured } from '../../fs/transform/configured.js';
import { Registry } from '../../fs/transform/registry.js';

const example = fileURLToPath(new URL('../../examples/zero-runs.mjs', import.meta.url));

test('modules that root has named are known everywhere; what others could have written is refused', async (context) => {
  if (process.getuid?.() !== 0) context.skip('only root can say what root has said');
  if (new Registry().byId(256) !== undefined)
    context.skip('the example is known everywhere from the start of this run');
  // Anybody may write to /tmp.
  const folder = mkdtempSync('/run/varve-configured-');
  const [file, module] = [join(folder, 'transforms'), join(folder, 'zero-runs.mjs')];
  copyFileSync(example, module);
  const write = (text: string, mode = 0o644): void => {
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  const warned = async (): Promise<string[]> => {
    const lines: string[] = [];
    await loadConfigured((line) => lines.push(line), file);
    return lines;
  };
  const refused = async (why: string): Promise<void> => {
    expect(await warned()).toEqual([expect.stringContaining(why)]);
    expect(new Registry().byId(256)).toBe(undefined);
  };
  expect(await warned()).toEqual([]);
  write(`${module}\n`, 0o666);
  await refused('must belong to root');
  write(`${module}\n`);
  chmodSync(module, 0o777);
  await refused('zero-runs.mjs must belong to root');
  chmodSync(module, 0o644);
  chmodSync(folder, 0o777);
  await refused(`${folder} must belong to root`);
  chmodSync(folder, 0o755);
  const elsewhere = mkdtempSync(join(tmpdir(), 'varve-configured-'));
  copyFileSync(example, join(elsewhere, 'zero-runs.mjs'));
  const link = join(folder, 'link.mjs');
  symlinkSync(join(elsewhere, 'zero-runs.mjs'), link);
  write(`${link}\n`);
  await refused('must belong to root');
  rmSync(elsewhere, { recursive: true });
  write('zero-runs.mjs\n');
  await refused('no path from the root');
  write('/nowhere/x.mjs\n');
  await refused('there is no module');
  // What is wrong leaves out itself and nothing else.
  writeFileSync(join(folder, 'lz4.mjs'), "export default { id: 300, name: 'lz4', encode() {}, decode() {} };");
  writeFileSync(join(folder, 'broken.mjs'), 'throw new Error("on purpose");');
  write(`# what our tables like\n\n${join(folder, 'lz4.mjs')}\n${join(folder, 'broken.mjs')}\n${module}\n`);
  expect(await warned()).toEqual([
    expect.stringContaining('two transforms are called lz4'),
    expect.stringContaining('on purpose'),
  ]);
  expect(new Registry().byId(256)?.name).toBe('zero-runs');
  const named = new Registry([new Registry().byName('zero-runs')]);
  expect(named.byName('zero-runs').id).toBe(256);
  rmSync(folder, { recursive: true });
});
