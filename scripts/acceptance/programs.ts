/** What developers and packagers do: npm ci, a C project with make -j2, and dpkg on a root of its own. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shell } from '../trial/command.js';
import { projectRoot, type TrialVolume } from '../trial/volume.js';
import { expectThat, type Figures } from './figures.js';

const units = 120;

async function useNpm(directory: string, figures: Figures): Promise<void> {
  await mkdir(directory);
  for (const file of ['package.json', 'package-lock.json']) await cp(join(projectRoot, file), join(directory, file));
  const { seconds } = await shell('npm ci --ignore-scripts --no-audit --no-fund --prefer-offline', { cwd: directory });
  const { stdout } = await shell(
    'npm ls --all --depth=0 >/dev/null && find node_modules -type f | wc -l && npm --version && node --version',
    { cwd: directory },
  );
  const [files, npm, node] = stdout.split('\n');
  figures.note('npm ci', `${files} files, ${seconds.toFixed(1)} s (npm ${npm}, node ${node})`);
}

/** A program of many units that all include one header, with dependencies as compilers write them. */
async function useMake(directory: string, figures: Figures): Promise<void> {
  await mkdir(directory);
  const names = Array.from({ length: units }, (_, i) => `unit${i}`);
  await writeFile(join(directory, 'all.h'), names.map((name) => `int ${name}(int);\n`).join(''));
  for (const [i, name] of names.entries()) {
    await writeFile(join(directory, `${name}.c`), `#include "all.h"\nint ${name}(int n) { return n + ${i}; }\n`);
  }
  const calls = names.map((name) => `n = ${name}(n);`).join(' ');
  await writeFile(
    join(directory, 'main.c'),
    `#include <stdio.h>\n#include "all.h"\nint main(void) { int n = 0; ${calls} printf("%d\\n", n); return 0; }\n`,
  );
  await writeFile(
    join(directory, 'Makefile'),
    'OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))\nCFLAGS = -O1 -MMD\nall: program\n' +
      'program: $(OBJECTS)\n\t$(CC) -o $@ $^\n-include $(OBJECTS:.o=.d)\n',
  );
  const { seconds } = await shell('make -j2 > built', { cwd: directory });
  const { stdout: said } = await shell('./program', { cwd: directory });
  expectThat(said.trim() === String((units * (units - 1)) / 2), `the program counts right, not ${said}`);
  const made = async (): Promise<number> =>
    Number((await shell('make -j2 | grep -c "\\.o " || true', { cwd: directory })).stdout);
  expectThat((await made()) === 0, 'make does nothing the second time');
  await shell('touch all.h', { cwd: directory });
  const again = await made();
  expectThat(again > units, `make builds all units again after the header was touched, not ${again}`);
  expectThat((await made()) === 0, 'make does nothing after that');
  const { stdout } = await shell('cc --version | head -1; make --version | head -1');
  figures.note(`make -j2 of ${units + 1} units`, `${seconds.toFixed(1)} s (${stdout.trim().replaceAll('\n', ', ')})`);
}

/** Packages made from installed ones, installed into a root on the volume, upgraded, verified and removed. */
const dpkg = `
mkdir -p root/var/lib/dpkg root/var/lib/dpkg/info root/var/lib/dpkg/updates
touch root/var/lib/dpkg/status
build() { # name version
  rm -rf tree; mkdir -p tree/DEBIAN
  dpkg -L "$1" | while read -r path; do
    if [ -d "$path" ]; then mkdir -p "tree$path"; elif [ -e "$path" ]; then mkdir -p "tree$(dirname "$path")"; cp -a "$path" "tree$path"; fi
  done
  echo "$2" > tree/etc-version-"$1"
  printf 'Package: copy-%s\\nVersion: %s\\nArchitecture: all\\nMaintainer: nobody\\nDescription: %s\\n' "$1" "$2" "$1" > tree/DEBIAN/control
  (cd tree && find . -type f ! -path './DEBIAN/*' -printf '%P\\0' | xargs -0 md5sum > DEBIAN/md5sums)
  dpkg-deb --root-owner-group -Znone -b tree "$1-$2.deb" > /dev/null
}
install() { dpkg --root=root --log=/dev/null --force-not-root --force-script-chrootless --install "$@" > /dev/null 2> err || { cat err; exit 1; }; }
for name in coreutils tar bash; do build "$name" 1; done
install coreutils-1.deb tar-1.deb bash-1.deb
for name in coreutils tar bash; do build "$name" 2; done
install coreutils-2.deb tar-2.deb bash-2.deb
test "$(cat root/etc-version-bash)" = 2
test -z "$(dpkg --root=root --verify)"
dpkg --root=root --log=/dev/null --purge copy-tar > /dev/null 2>&1
test ! -e root/etc-version-tar
dpkg --root=root -l | grep -c '^ii'
`;

async function useDpkg(directory: string, figures: Figures): Promise<void> {
  await mkdir(directory);
  const { stdout, seconds } = await shell(dpkg, { cwd: directory });
  expectThat(stdout.trim() === '2', `two packages are left, not ${stdout}`);
  const { stdout: version } = await shell('dpkg --version | head -1; cd root && find . -type f | wc -l', {
    cwd: directory,
  });
  const [said, files] = version.split('\n');
  figures.note('dpkg --root: install, upgrade, verify, purge', `${files} files, ${seconds.toFixed(1)} s (${said})`);
}

export async function checkPrograms(volume: TrialVolume, size: string, figures: Figures): Promise<void> {
  await volume.format(size);
  await volume.mount();
  await useMake(join(volume.directory, 'c'), figures);
  await useDpkg(join(volume.directory, 'dpkg'), figures);
  await useNpm(join(volume.directory, 'npm'), figures);
  await volume.unmount();
  const checked = await volume.fsck('-f', '-n');
  expectThat(checked.status === 0, `fsck -f -n: exit ${checked.status}\n${checked.stdout}${checked.stderr}`);
}
