/**
 * What a workload needs of a filesystem: files by path, below a directory of its own. Paths are relative and without
 * `.` or `..`; their directories are made before. Failures are errors with a `code`, as Node's.
 */
export interface OpenFile {
  /** Bytes read into `into` from `offset`; fewer only at the end of the file. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Writes all of them. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `synced`: writes return when they are durable (O_DSYNC). */
export type OpenHow = 'read' | 'write' | 'synced';

/** Of the whole volume, in bytes. */
export interface SpaceUsage {
  readonly size: number;
  readonly used: number;
  readonly available: number;
}

export interface Files {
  mkdir(path: string): Promise<void>;
  /** A new file, open for both. EEXIST. */
  create(path: string): Promise<OpenFile>;
  open(path: string, how: OpenHow): Promise<OpenFile>;
  /** The size of a file in bytes. ENOENT. */
  stat(path: string): Promise<number>;
  unlink(path: string): Promise<void>;
  /** What `to` named is replaced. */
  rename(from: string, to: string): Promise<void>;
  usage(): Promise<SpaceUsage>;
}

/** The code of an error of a filesystem, such as ENOENT. */
export const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;
