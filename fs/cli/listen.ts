/** Where a program listens for HTTP: by default on the loopback interface, where only this machine reaches it. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VolumeError } from '../errors.js';

export const loopback = '127.0.0.1';

export interface Listen {
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
}

/** `9750`, `:9750`, `127.0.0.1:9750`, `[::1]:9750`. Throws VolumeError 'usage'. */
export function parseListen(text: string): Listen {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535)
    throw new VolumeError('usage', `'${text}' is no address to listen at: write a port, or ADDRESS:PORT`);
  return { host: bracketed ?? (plain || loopback), port };
}

/** Throws VolumeError when the address can't be had. */
export async function listenAt(web: Server, { host, port }: Listen): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    web.once('error', (e) => reject(new VolumeError('io', `can't listen at ${host}:${port}: ${e.message}`)));
    web.listen(port, host, resolve);
  });
}

/** `http://127.0.0.1:9750` */
export function originOf(web: Server): string {
  const { address, family, port } = web.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
