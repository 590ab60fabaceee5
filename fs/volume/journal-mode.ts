/**
 * The journalling modes: what a crash leaves, chosen at each mount (docs/DESIGN.md, "What a crash leaves"). The bytes
 * on disk are the same in all of them, so a volume may be mounted with another mode each time.
 */
export const journalModes = ['none', 'writeback', 'ordered', 'data'] as const;

/**
 * `none`: exactly the last checkpoint; no records are written. `writeback`: changes of the map in order up to the last
 * record, contents of files perhaps older. `ordered`: no name leads to contents that are not there. `data`: a prefix of
 * the acknowledged operations, contents included; all of them when only the process has died.
 */
export type JournalMode = (typeof journalModes)[number];
