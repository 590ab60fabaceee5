/**
 * A planted fault: a small change of one source file that makes Varve lose or mistake something. Tests that do not
 * notice it would not notice the same mistake made by a person. `npm run mutants` plants them one at a time in a copy
 * of the sources and runs the tests named with each until one fails; a mutant that survives is a missing test.
 */
export interface Mutant {
  /** In words, joined by hyphens: `--only NAME` picks it. */
  readonly name: string;
  /** What is wrong with it. */
  readonly why: string;
  /** Path of the source, from the top. */
  readonly file: string;
  /** Text that the file has exactly once. */
  readonly from: string;
  readonly to: string;
  /** Test files that may notice, the quickest first; with a part of a test's name after `#`, that test alone. */
  readonly tests: readonly string[];
}

/** The source with the fault. RangeError if the text is not there exactly once: the mutant must follow the source. */
export function plant(source: string, { name, file, from, to }: Mutant): string {
  const at = source.indexOf(from);
  if (at < 0 || source.indexOf(from, at + 1) >= 0) {
    throw new RangeError(`mutant ${name}: its text is in ${file} ${at < 0 ? 'no more' : 'more than once'}`);
  }
  return source.slice(0, at) + to + source.slice(at + from.length);
}

/** Tests that catch much, named by what they are. */
export const tests = {
  powerCut: 'test/volume/power-cut.test.ts',
  map: 'test/volume/map.test.ts',
  cleaning: 'test/volume/cleaning.test.ts',
  movedPages: 'test/volume/moved-pages.test.ts',
  releases: 'test/volume/releases.test.ts',
  recovery: 'test/volume/recovery.test.ts',
  journalChain: 'test/log/journal-chain.test.ts',
  lostSlot: 'test/volume/lost-slot.test.ts',
  journalDamage: 'test/volume/journal-damage.test.ts',
  foreignPages: 'test/fsck/foreign-pages.test.ts',
  rules: 'test/crash/rules.test.ts',
  damage: 'test/crash/damage.test.ts',
  modes: 'test/crash/modes.test.ts',
  secondProcess: 'test/crash/second-process.test.ts',
  aceOne: 'test/stress/ace.test.ts#whenever the power goes',
  aceTwo: 'test/stress/ace.test.ts#in a sample',
  random: 'test/stress/model.test.ts',
  names: 'test/posix/names.test.ts',
  data: 'test/posix/data.test.ts',
  space: 'test/posix/space.test.ts',
  reclaim: 'test/posix/reclaim.test.ts',
} as const;
